/** What is wrong or waiting, why, and the next step: one line each, with a button where a step can be pressed. */

import { button, h } from "./dom.js";

export interface Banner {
  key: string;
  tone: "error" | "warning" | "prompt";
  title: string;
  text: string;
  action?: { name: string; run: () => void };
  dismiss?: () => void;
}

export interface Banners {
  readonly root: HTMLElement;
  show(banners: Banner[]): void;
}

export function createBanners(): Banners {
  const root = h("div", { class: "rtnb-banners" });
  let drawn = "";
  return {
    root,
    show(banners) {
      // The same banners are left alone: a button must not vanish under a finger.
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

/** Errors come as one text: its first sentence is what happened. */
export function splitError(error: string): { title: string; text: string } {
  const end = /[.!?:](?=\s)/.exec(error);
  if (!end) return { title: error, text: "" };
  return { title: error.slice(0, end.index + 1), text: error.slice(end.index + 1).trim() };
}
