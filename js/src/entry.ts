/** What the entry points of the bundles share: what anywidget gives them, and how long a view or a model lives. */

import type { HostModel } from "./host.js";

export interface ModelContext {
  model: HostModel;
  signal?: AbortSignal;
}

export interface ViewContext extends ModelContext {
  el: HTMLElement;
}

/** Hosts older than anywidget 0.10 pass no signal; they call the returned function instead. */
export function lifetime(signal?: AbortSignal): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  signal?.addEventListener("abort", () => controller.abort(), { once: true });
  return { signal: controller.signal, end: () => controller.abort() };
}

/** The entry point of a card that has nothing but its views: one is drawn for each cell that shows it. */
export const cardEntry = (draw: (model: HostModel, el: HTMLElement, signal: AbortSignal) => void) => () => ({
  render({ model, el, signal }: ViewContext) {
    const life = lifetime(signal);
    draw(model, el, life.signal);
    return life.end;
  },
});
