/** The pane Trials: every trial of the sweep as a table. */

import { h } from "../view/dom.js";
import type { ResultsChannel } from "./channel.js";
import type { Pane } from "./panes.js";

export function createTrialsPane(_channel: ResultsChannel): Pane {
  return {
    title: "Trials",
    root: h("div", { class: "rtnb-trials" }),
    show: () => undefined,
    hide: () => undefined,
  };
}
