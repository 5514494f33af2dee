/** Draws the settings that a user may change; a change is written to its trait, and the panel shows the traits. */

import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { onTraits, read } from "../traits.js";
import { h, setText } from "./dom.js";

const PUSH_TO_TALK = "push_to_talk";
const TURN_DETECTION = [
  ["semantic_vad", "By meaning"],
  ["server_vad", "By silence"],
  [PUSH_TO_TALK, "Push to talk"],
] as const;

export function createSettings(
  model: HostModel,
  engine: Engine,
  id: string,
  signal: AbortSignal,
): HTMLElement {
  const instructions = h("textarea", {
    rows: 3,
    dir: "auto",
    placeholder: "How the assistant should behave",
  });
  const voice = h("select");
  const turns = h("select", {}, ...TURN_DETECTION.map(([value, name]) => h("option", { value }, name)));
  const speed = h("input", { type: "range", min: "0.5", max: "1.5", step: "0.05" });
  const speedText = h("output");
  const root = h(
    "div",
    { class: "rtnb-panel rtnb-settings", id, hidden: true },
    field("Instructions", instructions, "rtnb-wide"),
    field("Voice", voice),
    field("Turn detection", turns),
    field("Speed", h("span", { class: "rtnb-range" }, speed, speedText)),
  );

  instructions.addEventListener("change", () => engine.setting("instructions", instructions.value));
  voice.addEventListener("change", () => engine.setting("voice", voice.value));
  turns.addEventListener("change", () =>
    engine.setting("turn_detection", turns.value === PUSH_TO_TALK ? null : turns.value),
  );
  speed.addEventListener("input", () => setText(speedText, `${speed.value}×`));
  speed.addEventListener("change", () => engine.setting("speed", Number(speed.value)));

  function show(): void {
    const { voices, voice: effective } = read(model, "_info");
    const chosen = read(model, "voice") || effective;
    const names = [...new Set([...voices, ...(chosen ? [chosen] : [])])];
    if (names.join() !== [...voice.options].map((option) => option.value).join())
      voice.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    voice.value = chosen;
    if (document.activeElement !== instructions) instructions.value = read(model, "instructions");
    turns.value = read(model, "turn_detection") ?? PUSH_TO_TALK;
    const rate = model.get("speed");
    speed.value = String(typeof rate === "number" ? rate : 1);
    setText(speedText, `${speed.value}×`);
  }
  onTraits(model, ["_info", "voice", "instructions", "turn_detection", "speed"], show, signal);
  show();
  return root;
}

function field(name: string, control: HTMLElement, className = ""): HTMLElement {
  // The control has a name of its own: screen readers read the text of a label, a list's options included.
  const named = control.matches("textarea, select, input") ? control : control.querySelector("input");
  named?.setAttribute("aria-label", name);
  return h("label", { class: `rtnb-field ${className}` }, h("span", {}, name), control);
}
