/** One view of the results card: tabs, of which one pane is shown. */

import type { HostModel } from "../host.js";
import { text } from "../json.js";
import { h, setAttribute } from "../view/dom.js";
import { takeKeys } from "../view/own-keys.js";
import { followTheme } from "../view/theme.js";
import { createChannel } from "./channel.js";
import { PANES, type Pane } from "./panes.js";
import { hasStaticPage, hideStaticPage } from "./static-page.js";

/** How long the card waits for its kernel before it leaves its place to the static page. */
const PATIENCE_MS = 4000;

let cards = 0;

export function renderResults(model: HostModel, el: HTMLElement, signal: AbortSignal): void {
  const channel = createChannel(model, signal);
  const id = `rtnb-results-${++cards}`;
  const tabs: HTMLButtonElement[] = [];
  const panes: Pane[] = [];
  const tablist = h("div", { class: "rtnb-tabs", role: "tablist", "aria-label": "Results" });
  const card = h("section", { class: "rtnb-card rtnb-results", "aria-label": "Results" }, tablist);
  for (const create of PANES) {
    const pane = create(channel);
    const place = panes.length;
    const tab = h(
      "button",
      { type: "button", role: "tab", id: `${id}-tab-${place}`, class: "rtnb-tab" },
      pane.title,
    );
    setAttribute(tab, "aria-controls", `${id}-pane-${place}`);
    tab.addEventListener("click", () => select(place));
    const panel = h(
      "div",
      { class: "rtnb-pane", role: "tabpanel", id: `${id}-pane-${place}`, hidden: true },
      pane.root,
    );
    setAttribute(panel, "aria-labelledby", tab.id);
    tablist.append(tab);
    card.append(panel);
    tabs.push(tab);
    panes.push(pane);
  }
  el.replaceChildren(card);
  followTheme(card, signal);
  takeKeys(card, press, signal);
  // A notebook may keep the state of its widgets: without a kernel the static page is what there is to see.
  const key = text(model.get("key"));
  const giveWay = setTimeout(() => setAttribute(card, "hidden", hasStaticPage(key)), PATIENCE_MS);
  signal.addEventListener("abort", () => clearTimeout(giveWay));
  void channel.answered.then(() => {
    clearTimeout(giveWay);
    card.hidden = false;
    setAttribute(card, "data-live", true);
    hideStaticPage(key, signal);
  });

  let selected = -1;
  function select(place: number): void {
    if (place === selected) return;
    panes[selected]?.hide();
    selected = place;
    tabs.forEach((tab, each) => {
      setAttribute(tab, "aria-selected", String(each === place));
      tab.tabIndex = each === place ? 0 : -1;
      const panel = card.children[each + 1];
      if (panel instanceof HTMLElement) panel.hidden = each !== place;
    });
    panes[place]?.show();
  }

  function press(event: KeyboardEvent, target: EventTarget | undefined): void {
    if (!(target instanceof Element) || event.isComposing) return;
    if (!tablist.contains(target)) {
      panes[selected]?.key?.(event, target);
      return;
    }
    const steps: Record<string, number> = {
      ArrowRight: selected + 1,
      ArrowLeft: selected - 1,
      Home: 0,
      End: -1,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    select((step + panes.length) % panes.length);
    tabs[selected]?.focus();
  }

  signal.addEventListener("abort", () => panes[selected]?.hide());
  select(0);
}
