/** Draws the card's first line: status, model, price, and the buttons of the two panels. */

import type { Engine, EngineState } from "../engine.js";
import type { HostModel } from "../host.js";
import { read, type Status } from "../traits.js";
import { button, h, setAttribute, setText } from "./dom.js";

interface Header {
  readonly root: HTMLElement;
  readonly settings: HTMLButtonElement;
  readonly events: HTMLButtonElement;
  show(state: EngineState): void;
}

const WORDS: Record<Status, string> = {
  idle: "Ready",
  connecting: "Connecting…",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking…",
  speaking: "Speaking",
  reconnecting: "Reconnecting…",
  closed: "Closed",
  error: "Error",
};

export function createHeader(model: HostModel, engine: Engine): Header {
  const dot = h("span", { class: "rtnb-dot", "aria-hidden": "true" });
  const status = h("strong", { class: "rtnb-status", role: "status" });
  const about = h("span", { class: "rtnb-about", dir: "auto" });
  const cost = h("span", { class: "rtnb-cost", title: "Cost of this conversation" });
  const fresh = button("New", "rtnb-quiet");
  setAttribute(fresh, "aria-label", "New conversation");
  fresh.addEventListener("click", () => engine.reset());
  const settings = button("Settings", "rtnb-quiet");
  const events = button("Events", "rtnb-quiet");
  const root = h(
    "div",
    { class: "rtnb-header" },
    dot,
    status,
    about,
    h("span", { class: "rtnb-header-end" }, cost, fresh, settings, events),
  );
  return {
    root,
    settings,
    events,
    show(state) {
      const info = read(model, "_info");
      const words = statusText(read(model, "status"), state, read(model, "muted"));
      setText(status, info.parked && state.kernel !== "gone" ? "Parked" : words);
      // A hosted service is named by its model; the practice backend has none and is named by its label.
      const who = info.backend === "local" ? info.label : info.model || info.label;
      const direct = info.transport === "browser" ? "sound in this page" : "";
      const parts = [who, info.voice, info.vad, direct].filter(Boolean);
      setText(about, parts.join(" · "));
      setAttribute(about, "title", [info.label, info.model, info.notice].filter(Boolean).join("\n"));
      cost.hidden = info.cost_usd === null;
      setText(cost, price(info.cost_usd ?? 0));
      settings.hidden = !read(model, "controls") || state.kernel === "gone";
      events.hidden = settings.hidden;
      fresh.hidden = settings.hidden || state.kernel === "gone";
    },
  };
}

const NOT_LIVE = "This conversation is not live: no kernel answers. Run its cell again.";

/** The price in the card. The kernel computes it, in the currency of realtime_nb/conversation/prices.py. */
const price = (usd: number) => `$${usd.toFixed(2)}`;

/** The status in words. "Listening" only where the microphone of this page is on. */
function statusText(status: Status, { kernel, met, mic }: EngineState, muted: boolean): string {
  if (!met) return kernel === "waiting" ? "Waiting for the kernel…" : NOT_LIVE;
  if (kernel === "gone") return "No kernel";
  if (mic === "opening") return "Opening the microphone…";
  if (mic === "on" && muted && (status === "listening" || status === "idle")) return "Muted";
  if (status === "listening" && mic === "off") return "Ready";
  if (status === "idle" && mic === "on") return "Listening";
  return WORDS[status] ?? status;
}
