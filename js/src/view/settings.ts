/** Draws the settings that a user may change; a change is written to its trait, and the panel shows the traits. */

import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { onTraits } from "../traits.js";
import { h } from "./dom.js";
import { createSettingFields, PUSH_TO_TALK } from "./setting-fields.js";

export function createSettings(
  model: HostModel,
  engine: Engine,
  id: string,
  signal: AbortSignal,
): HTMLElement {
  const fields = createSettingFields();
  const { instructions, voice, turns, speed } = fields;
  const root = h("div", { class: "rtnb-panel rtnb-settings", id, hidden: true }, ...fields.elements);

  instructions.addEventListener("change", () => engine.setting("instructions", instructions.value));
  voice.addEventListener("change", () => engine.setting("voice", voice.value));
  turns.addEventListener("change", () =>
    engine.setting("turn_detection", turns.value === PUSH_TO_TALK ? null : turns.value),
  );
  speed.addEventListener("change", () => engine.setting("speed", Number(speed.value)));

  const show = () => fields.show(model);
  onTraits(model, ["_info", "voice", "instructions", "turn_detection", "speed"], show, signal);
  show();
  return root;
}
