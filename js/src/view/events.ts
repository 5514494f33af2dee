/**
 * Shows the wire's events while the panel is open, newest last, at most `KEPT` of them, and above
 * them the losses (the trait `_health`; `w.health` in Python).
 */

import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { onTraits, read } from "../traits.js";
import { h, setText } from "./dom.js";

interface EventsPanel {
  readonly root: HTMLElement;
  open(on: boolean): void;
  add(direction: "client" | "server", type: string, summary: string): void;
}

const KEPT = 300;

export function createEventsPanel(
  model: HostModel,
  engine: Engine,
  id: string,
  signal: AbortSignal,
): EventsPanel {
  const health = h("ul", { class: "rtnb-health", "aria-label": "Losses" });
  const list = h("ol", { class: "rtnb-events" });
  const hint = h("p", { class: "rtnb-hint" }, "Events of the connection appear here while this is open.");
  const root = h("div", { class: "rtnb-panel", id, hidden: true, tabindex: "0" }, health, hint, list);
  let watching: AbortController | null = null;

  function showHealth(): void {
    const losses = read(model, "_health");
    health.hidden = losses.length === 0;
    health.replaceChildren(...losses.map((loss) => h("li", { dir: "auto" }, loss)));
  }
  onTraits(model, ["_health"], showHealth, signal);
  showHealth();
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
      // Successive deltas of one type share a line with a count.
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
          { "data-direction": direction, "data-type": `${direction} ${type}`, title: `${type} ${summary}` },
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
