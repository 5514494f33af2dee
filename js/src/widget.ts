/**
 * The anywidget entry point: creates an engine for each model and a view for each cell that shows it.
 *
 * `initialize` runs also in an untrusted reopened notebook, and counts as failed after 2 s: it sends a hello and
 * opens neither microphone nor AudioContext (docs/notebook.md 19).
 */

import { createEngine, type Engine } from "./engine.js";
import type { HostModel } from "./host.js";
import { renderCard } from "./view/card.js";

interface Context {
  model: HostModel;
  signal?: AbortSignal;
}

export default () => {
  let engine: Engine | null = null;

  // Hosts older than anywidget 0.10 pass no signal; they call the returned function instead.
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
      engine.viewed(life.signal);
      renderCard(model, engine, el, life.signal);
      return life.end;
    },
  };
};
