/** Shows a first-time user, in place of the empty transcript, how to begin and phrases to try. */

import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { onTraits, read } from "../traits.js";
import { h, setText } from "./dom.js";

/** Phrases that the local practice backend understands and that suit any other. */
const PHRASES = ["Hello!", "What time is it?", "Count to five.", "What can you do?"];

export function createEmpty(model: HostModel, engine: Engine, signal: AbortSignal): HTMLElement {
  const lead = h("p", { class: "rtnb-empty-lead" });
  const notice = h("p", { class: "rtnb-hint", dir: "auto" });
  const phrases = h(
    "div",
    { class: "rtnb-phrases" },
    ...PHRASES.map((phrase) => {
      const chip = h("button", { type: "button", class: "rtnb-phrase", title: "Send this" }, phrase);
      chip.addEventListener("click", () => engine.sendText(phrase));
      return chip;
    }),
  );
  function show(): void {
    const spoken =
      read(model, "turn_detection") === null
        ? "Press Talk, speak, and press it again"
        : "Press Talk and speak";
    setText(
      lead,
      read(model, "controls") ? `${spoken}, or type below. Try one of these:` : "Nothing was said yet.",
    );
    setText(notice, read(model, "_info").notice);
    phrases.hidden = !read(model, "controls");
  }
  onTraits(model, ["turn_detection", "controls", "_info"], show, signal);
  show();
  return h("div", { class: "rtnb-empty" }, lead, phrases, notice);
}
