/** The pane Pairs. */

import { h } from "../view/dom.js";
import type { ResultsChannel } from "./channel.js";
import type { Pane } from "./panes.js";

export function createPairsPane(_channel: ResultsChannel): Pane {
  return {
    title: "Pairs",
    root: h("div", { class: "rtnb-pairs" }),
    show: () => undefined,
    hide: () => undefined,
  };
}
