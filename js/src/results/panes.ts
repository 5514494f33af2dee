/** The panes of the results card, in the order of their tabs. */

import { createBlindPane } from "./blind.js";
import type { ResultsChannel } from "./channel.js";
import { createFiguresPane } from "./figures.js";
import { createPairsPane } from "./pairs.js";
import { createTrialsPane } from "./trials.js";

export interface Pane {
  /** The name of its tab. */
  readonly title: string;
  readonly root: HTMLElement;
  /** Called each time it comes into view, for the first time before it was ever shown. */
  show(): void;
  /** Called each time it goes out of view: its sound stops. */
  hide(): void;
  /**
   * A key pressed within the pane. No `keydown` listener inside the card is ever called, because the card keeps its keys
   * from the notebook's commands at `window` (js/src/view/own-keys.ts).
   */
  key?(event: KeyboardEvent, target: Element): void;
}

/** Creates a pane; it asks the kernel for nothing before it is shown. */
export type CreatePane = (channel: ResultsChannel) => Pane;

export const PANES: readonly CreatePane[] = [
  createTrialsPane,
  createFiguresPane,
  createPairsPane,
  createBlindPane,
];
