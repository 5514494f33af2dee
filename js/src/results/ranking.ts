/** Shows the ranking of blind listening as a table with bars. */

import { record, text } from "../json.js";
import { h } from "../view/dom.js";

const percent = (share: number) => `${Math.round(100 * share)} %`;
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : 0);

export function rankingTable(content: Record<string, unknown>): HTMLElement {
  const places = Array.isArray(content.places) ? content.places.map(record) : [];
  const notes = Array.isArray(content.notes) ? content.notes.map(text) : [];
  const head = ["Place", text(content.by), "Preferred", "0 to 100 %", "Wins", "Ties", "Losses"].map(
    (name, column) => h("th", { scope: "col", class: column > 3 ? "rtnb-number" : "" }, name),
  );
  const rows = places.map((each) => {
    const [low, high] = [number(each.low), number(each.high)];
    const share = number(each.share);
    const [from, to] = [number(each.share_low), number(each.share_high)];
    const range = low === high ? "" : ` (${low} to ${high})`;
    const interval = h("span", { class: "rtnb-share-range" });
    interval.style.left = `${100 * from}%`;
    interval.style.width = `${100 * (to - from)}%`;
    const value = h("span", { class: "rtnb-share-value" });
    value.style.left = `${100 * share}%`;
    const middle = h("span", { class: "rtnb-share-middle" });
    const bar = h("div", { class: "rtnb-share", "aria-hidden": "true" }, middle, interval, value);
    const name = h("th", { scope: "row" }, text(each.name));
    if (each.best === true) name.append(h("span", { class: "rtnb-best" }, "clearly the best"));
    return h(
      "tr",
      {},
      h("td", {}, `${number(each.place)}${range}`),
      name,
      h("td", { class: "rtnb-share-cell" }, `${percent(share)} [${percent(from)}, ${percent(to)}]`),
      h("td", { class: "rtnb-bar-cell" }, bar),
      ...[each.wins, each.ties, each.losses].map((count) =>
        h("td", { class: "rtnb-number" }, String(number(count))),
      ),
    );
  });
  return h(
    "div",
    { class: "rtnb-ranking" },
    h(
      "div",
      { class: "rtnb-wide", tabindex: 0, role: "region", "aria-label": "Ranking" },
      h(
        "table",
        {},
        h("caption", {}, text(content.title)),
        h("thead", {}, h("tr", {}, ...head)),
        h("tbody", {}, ...rows),
      ),
    ),
    h(
      "p",
      { class: "rtnb-soft" },
      "Preferred: the share of votes against an average other one, with its 95 % interval; 50 % is no preference.",
    ),
    ...notes.map((note) => h("p", { class: "rtnb-soft" }, note)),
  );
}
