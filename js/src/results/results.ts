/** The anywidget entry point of the results card: a card for each cell that shows it. */

import type { HostModel } from "../host.js";
import { renderResults } from "./card.js";

interface Context {
  model: HostModel;
  el: HTMLElement;
  signal?: AbortSignal;
}

export default () => ({
  render({ model, el, signal }: Context) {
    // Hosts older than anywidget 0.10 pass no signal; they call the returned function instead.
    const life = new AbortController();
    signal?.addEventListener("abort", () => life.abort(), { once: true });
    renderResults(model, el, life.signal);
    return () => life.abort();
  },
});
