/** Makes the controls of the settings, for the panel that changes them and for the form that asks a turn again. */

import type { SettingChange } from "../comm/messages.js";
import type { HostModel } from "../host.js";
import { read } from "../traits.js";
import { h, setText } from "./dom.js";

export const PUSH_TO_TALK = "push_to_talk";
const TURN_DETECTION = [
  ["semantic_vad", "By meaning"],
  ["server_vad", "By silence"],
  [PUSH_TO_TALK, "Push to talk"],
] as const;

export interface SettingFields {
  readonly elements: HTMLElement[];
  readonly instructions: HTMLTextAreaElement;
  readonly voice: HTMLSelectElement;
  readonly turns: HTMLSelectElement;
  readonly speed: HTMLInputElement;
  readonly speedText: HTMLElement;
  /** Shows the values of the traits. */
  show(model: HostModel): void;
  /** The settings that were changed since the last `show`. */
  changes(): SettingChange[];
}

export function createSettingFields(): SettingFields {
  const instructions = h("textarea", {
    rows: 3,
    dir: "auto",
    placeholder: "How the assistant should behave",
  });
  const voice = h("select");
  const turns = h("select", {}, ...TURN_DETECTION.map(([value, name]) => h("option", { value }, name)));
  const speed = h("input", { type: "range", min: "0.5", max: "1.5", step: "0.05" });
  const speedText = h("output");
  speed.addEventListener("input", () => setText(speedText, `${speed.value}×`));
  let shown = "";

  const values = (): SettingChange[] => [
    { name: "instructions", value: instructions.value },
    { name: "voice", value: voice.value },
    { name: "turn_detection", value: turns.value === PUSH_TO_TALK ? null : turns.value },
    { name: "speed", value: Number(speed.value) },
  ];

  return {
    elements: [
      field("Instructions", instructions, "rtnb-wide"),
      field("Voice", voice),
      field("Turn detection", turns),
      field("Speed", h("span", { class: "rtnb-range" }, speed, speedText)),
    ],
    instructions,
    voice,
    turns,
    speed,
    speedText,
    show(model) {
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
      shown = JSON.stringify(values());
    },
    changes() {
      const before = JSON.parse(shown) as SettingChange[];
      return values().filter(({ value }, index) => value !== before[index]?.value);
    },
  };
}

export function field(name: string, control: HTMLElement, className = ""): HTMLElement {
  // The control has a name of its own: screen readers read the text of a label, a list's options included.
  const named = control.matches("textarea, select, input") ? control : control.querySelector("input");
  named?.setAttribute("aria-label", name);
  return h("label", { class: `rtnb-field ${className}` }, h("span", {}, name), control);
}
