/** The pane Figures. */

import { h } from "../view/dom.js";
import type { ResultsChannel } from "./channel.js";
import type { Pane } from "./panes.js";

export function createFiguresPane(_channel: ResultsChannel): Pane {
  return {
    title: "Figures",
    root: h("div", { class: "rtnb-figures" }),
    show: () => undefined,
    hide: () => undefined,
  };
}
