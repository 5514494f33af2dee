/** The anywidget entry: an engine for each model, a view for each cell that shows it. */

import { createEngine, type Engine } from "./engine.js";
import type { HostModel } from "./host.js";
import { renderCard } from "./view/card.js";

interface Context {
  model: HostModel;
  signal?: AbortSignal;
}

export default () => {
  let engine: Engine | null = null;

  // Hosts older than anywidget 0.10 give no signal; then what is returned cleans up.
  function lifetime(signal?: AbortSignal): { signal: AbortSignal; end: () => void } {
    const controller = new AbortController();
    signal?.addEventListener("abort", () => controller.abort(), { once: true });
    return { signal: controller.signal, end: () => controller.abort() };
  }

  return {
    initialize({ model, signal }: Context) {
      const life = lifetime(signal);
      engine = createEngine(model, life.signal);
      return life.end;
    },
    render({ model, el, signal }: Context & { el: HTMLElement }) {
      const life = lifetime(signal);
      engine ??= createEngine(model, life.signal);
      renderCard(model, engine, el, life.signal);
      return life.end;
    },
  };
};
