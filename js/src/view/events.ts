/** The wire's own events, live while the panel is open; a bounded list, newest last. */

import type { Engine } from "../engine.js";
import { h, setText } from "./dom.js";

export interface EventsPanel {
  readonly root: HTMLElement;
  open(on: boolean): void;
  add(direction: "client" | "server", type: string, summary: string): void;
}

const KEPT = 300;

export function createEventsPanel(engine: Engine, id: string, signal: AbortSignal): EventsPanel {
  const list = h("ol", { class: "rtnb-events" });
  const hint = h("p", { class: "rtnb-hint" }, "Events of the connection appear here while this is open.");
  const root = h("div", { class: "rtnb-panel", id, hidden: true, tabindex: "0" }, hint, list);
  let watching: AbortController | null = null;
  signal.addEventListener("abort", () => watching?.abort());
  return {
    root,
    open(on) {
      root.hidden = !on;
      if (on && !watching) {
        watching = new AbortController();
        engine.watchEvents(watching.signal);
      } else if (!on) {
        watching?.abort();
        watching = null;
      }
    },
    add(direction, type, summary) {
      if (root.hidden) return;
      hint.hidden = true;
      const last = list.lastElementChild;
      // A run of deltas is one line with a count.
      if (
        last instanceof HTMLElement &&
        last.dataset.type === `${direction} ${type}` &&
        type.endsWith(".delta")
      ) {
        const times = Number(last.dataset.times ?? "1") + 1;
        last.dataset.times = String(times);
        const count = last.querySelector(".rtnb-times");
        if (count) setText(count, `×${times}`);
        return;
      }
      const atEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 24;
      list.append(
        h(
          "li",
          { "data-direction": direction, "data-type": `${direction} ${type}` },
          h(
            "span",
            { class: "rtnb-arrow", "aria-label": direction === "client" ? "sent" : "received" },
            direction === "client" ? "→" : "←",
          ),
          h("code", {}, type),
          h("span", { class: "rtnb-times" }),
          h("span", { class: "rtnb-summary", dir: "auto" }, summary),
        ),
      );
      while (list.childElementCount > KEPT) list.firstElementChild?.remove();
      if (atEnd) root.scrollTop = root.scrollHeight;
    },
  };
}
