/**
 * Handles the card's keys: holding Space talks, Escape interrupts, M mutes (none of them while typing), Enter sends.
 */

import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { read } from "../traits.js";
import { isTyping, takeKeys } from "./own-keys.js";
import { closeMenuAround } from "./turn-menu.js";

export function bindKeys(
  card: HTMLElement,
  model: HostModel,
  engine: Engine,
  send: () => void,
  signal: AbortSignal,
): void {
  let holding = false;

  function release(): void {
    if (!holding) return;
    holding = false;
    void engine.talk(false);
  }

  function press(event: KeyboardEvent, target: EventTarget | undefined): void {
    if (event.isComposing) return; // this Enter ends an input method's composition
    if (event.key === "Enter" && target instanceof HTMLTextAreaElement) {
      if (target.matches(".rtnb-message")) {
        if (event.shiftKey) return;
        send();
      } else {
        if (!event.ctrlKey && !event.metaKey) return;
        target.dispatchEvent(new Event("change"));
      }
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (target instanceof Element && closeMenuAround(target)) return;
      const panel = target instanceof Element ? target.closest(".rtnb-again") : null;
      const playing = engine.state.playing || engine.state.replaying;
      if (panel && !playing) {
        panel.querySelector<HTMLElement>(".rtnb-again-close")?.click();
        return;
      }
      const answering = ["speaking", "thinking"].includes(read(model, "status"));
      if (!answering && !engine.state.playing && !engine.state.replaying) return;
      engine.stop();
      event.preventDefault();
      return;
    }
    if (isTyping(target)) return;
    if (event.key === "m" || event.key === "M") {
      if (!event.repeat) engine.setting("muted", !read(model, "muted"));
      event.preventDefault();
    }
    // Space on a focused button presses that button.
    if (event.key !== " " || isPressable(target)) return;
    event.preventDefault();
    if (event.repeat || holding || engine.state.mic !== "off") return;
    holding = true;
    void engine.talk(true);
  }

  takeKeys(card, press, signal);
  card.addEventListener("keyup", (event) => event.key === " " && release(), { signal });
  card.addEventListener(
    "focusout",
    (event) => !card.contains(event.relatedTarget as Node | null) && release(),
    { signal },
  );
  window.addEventListener("blur", release, { signal });
}

function isPressable(target: EventTarget | undefined): boolean {
  return target instanceof Element && target.closest("button, a, summary") !== null;
}
