/** The anywidget entry point of the results card. */

import { cardEntry } from "../entry.js";
import { renderResults } from "./card.js";

export default cardEntry(renderResults);
