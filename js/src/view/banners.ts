/** Draws the messages below the transcript: each an error, a warning or a prompt, with a button for the next step. */

import { button, h } from "./dom.js";

export interface Banner {
  key: string;
  tone: "error" | "warning" | "prompt";
  title: string;
  text: string;
  action?: { name: string; run: () => void };
  dismiss?: () => void;
}

interface Banners {
  readonly root: HTMLElement;
  show(banners: Banner[]): void;
}

export function createBanners(): Banners {
  const root = h("div", { class: "rtnb-banners" });
  let drawn = "";
  return {
    root,
    show(banners) {
      // Unchanged banners are not redrawn: a button must not vanish while it is pressed.
      const text = JSON.stringify(banners.map(({ key, title, text }) => [key, title, text]));
      if (text === drawn) return;
      drawn = text;
      root.replaceChildren(...banners.map(draw));
    },
  };
}

function draw({ tone, title, text, action, dismiss }: Banner): HTMLElement {
  const root = h(
    "div",
    { class: "rtnb-banner", "data-tone": tone, role: tone === "error" ? "alert" : "status" },
    h("div", { class: "rtnb-banner-text", dir: "auto" }, h("strong", {}, title), text ? ` ${text}` : ""),
  );
  if (action) {
    const press = button(action.name, tone === "prompt" ? "rtnb-primary" : "");
    press.addEventListener("click", action.run);
    root.append(press);
  }
  if (dismiss) {
    const close = h("button", { type: "button", class: "rtnb-dismiss", "aria-label": "Dismiss" }, "×");
    close.addEventListener("click", dismiss);
    root.append(close);
  }
  return root;
}

/** Splits an error text: its first sentence says what happened, the rest what to do. */
export function splitError(error: string): { title: string; text: string } {
  const end = /[.!?:](?=\s)/.exec(error);
  if (!end) return { title: error, text: "" };
  return { title: error.slice(0, end.index + 1), text: error.slice(end.index + 1).trim() };
}
