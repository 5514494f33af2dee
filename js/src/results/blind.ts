/** The pane Blind. */

import { h } from "../view/dom.js";
import type { ResultsChannel } from "./channel.js";
import type { Pane } from "./panes.js";

export function createBlindPane(_channel: ResultsChannel): Pane {
  return {
    title: "Blind",
    root: h("div", { class: "rtnb-blind" }),
    show: () => undefined,
    hide: () => undefined,
  };
}
