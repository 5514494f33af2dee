/** The anywidget entry point of the recorder card. */

import { cardEntry } from "../entry.js";
import { renderRecorder } from "./card.js";

export default cardEntry(renderRecorder);
