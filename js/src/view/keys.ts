/**
 * Handles the card's keys: holding Space talks, Escape interrupts, M mutes. None of them while typing.
 *
 * JupyterLab takes keys too, from the card's buttons as well (docs/notebook.md 27).
 */

import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { read } from "../traits.js";

export function bindKeys(card: HTMLElement, model: HostModel, engine: Engine, signal: AbortSignal): void {
  let holding = false;

  function release(): void {
    if (!holding) return;
    holding = false;
    void engine.talk(false);
  }

  card.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.key === "Escape") {
        const answering = ["speaking", "thinking"].includes(read(model, "status"));
        if (!answering && !engine.state.playing && !engine.state.replaying) return;
        engine.stop();
        event.preventDefault();
        return;
      }
      if (isTyping(event.target)) return;
      if (event.key === "m" || event.key === "M") {
        if (!event.repeat) engine.setting("muted", !read(model, "muted"));
        event.preventDefault();
      }
      // Space on a focused button presses that button.
      if (event.key !== " " || isPressable(event.target)) return;
      event.preventDefault();
      if (event.repeat || holding || engine.state.mic !== "off") return;
      holding = true;
      void engine.talk(true);
    },
    { signal },
  );
  card.addEventListener("keyup", (event) => event.key === " " && release(), { signal });
  card.addEventListener(
    "focusout",
    (event) => !card.contains(event.relatedTarget as Node | null) && release(),
    { signal },
  );
  window.addEventListener("blur", release, { signal });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select") !== null;
}

function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, summary") !== null;
}
