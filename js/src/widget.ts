/**
 * The anywidget entry point: creates an engine for each model and a view for each cell that shows it.
 *
 * `initialize` runs also in an untrusted reopened notebook, and counts as failed after 2 s: it sends a hello and
 * opens neither microphone nor AudioContext (docs/notebook.md 19).
 */

import { createEngine, type Engine } from "./engine.js";
import { lifetime, type ModelContext, type ViewContext } from "./entry.js";
import { renderCard } from "./view/card.js";

export default () => {
  let engine: Engine | null = null;

  return {
    initialize({ model, signal }: ModelContext) {
      const life = lifetime(signal);
      engine = createEngine(model, life.signal);
      return life.end;
    },
    render({ model, el, signal }: ViewContext) {
      const life = lifetime(signal);
      engine ??= createEngine(model, life.signal);
      engine.viewed(life.signal);
      renderCard(model, engine, el, life.signal);
      return life.end;
    },
  };
};
