/** Draws the row of buttons and the text box. The primary button, Talk, shows the state of the microphone. */

import type { Engine, EngineState } from "../engine.js";
import type { HostModel } from "../host.js";
import type { MicState } from "../microphone-control.js";
import { onTraits, read } from "../traits.js";
import { button, h, setAttribute, setText } from "./dom.js";

interface Controls {
  readonly root: HTMLElement;
  show(state: EngineState): void;
  /** Sends the typed message. */
  send(): void;
}

export function createControls(model: HostModel, engine: Engine, signal: AbortSignal): Controls {
  const talk = button("Talk", "rtnb-primary rtnb-talk", "●");
  // Its text says what it does now; the name by which it is found stays.
  setAttribute(talk, "aria-label", "Talk");
  const mute = button("Mute", "");
  const stop = button("Stop speaking", "rtnb-stop");
  const message = h("textarea", {
    class: "rtnb-message",
    "aria-label": "Message",
    placeholder: "Type a message…",
    rows: 1,
    dir: "auto",
    maxlength: 100_000,
  });
  const send = button("Send", "");
  const root = h("div", { class: "rtnb-controls" }, talk, mute, stop, message, send);

  talk.addEventListener("click", () => void engine.talk(engine.state.mic === "off"));
  mute.addEventListener("click", () => engine.setting("muted", !read(model, "muted")));
  stop.addEventListener("click", () => engine.stop());
  send.addEventListener("click", submit);
  message.addEventListener("input", enable);

  function submit(): void {
    const text = message.value.trim();
    if (!text) {
      message.focus();
      return;
    }
    message.value = "";
    enable();
    engine.sendText(text);
  }

  function enable(): void {
    setAttribute(send, "data-ready", message.value.trim() !== "");
  }

  function show(state: EngineState): void {
    const on = state.mic !== "off";
    setAttribute(talk, "aria-pressed", String(on));
    setAttribute(talk, "data-mic", state.mic);
    const words = talkWords(state.mic);
    if (talk.lastElementChild) setText(talk.lastElementChild, words);
    setAttribute(talk, "title", on ? words : talkHint());
    setAttribute(mute, "aria-pressed", String(read(model, "muted")));
    setAttribute(
      mute,
      "title",
      read(model, "muted") ? "The microphone is muted (M)" : "Mute the microphone (M)",
    );
    const status = read(model, "status");
    stop.hidden = !(state.playing && !state.blocked) && status !== "speaking";
    setAttribute(stop, "title", "Stop speaking (Escape)");
    root.hidden = !read(model, "controls") || !state.met || state.kernel === "gone";
  }

  const pushToTalk = () => read(model, "turn_detection") === null;

  function talkWords(mic: MicState): string {
    if (mic === "off") return "Talk";
    if (mic === "opening") return "Opening…";
    return `${read(model, "muted") ? "Muted" : "Listening"}, press to ${pushToTalk() ? "send" : "stop"}`;
  }

  const talkHint = () =>
    pushToTalk() ? "Speak, then press again (or hold Space)" : "Start listening (or hold Space)";

  onTraits(model, ["muted", "status", "controls", "turn_detection"], () => show(engine.state), signal);
  return { root, show, send: submit };
}
