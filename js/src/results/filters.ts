/** The bar above the table: a search, a choice for each setting, failed trials, and which columns are shown. */

import { button, h, setAttribute, setText } from "../view/dom.js";
import { type Column, headOf, type Table } from "./columns.js";
import type { Filter } from "./order.js";

const MOST_CHOICES = 200;

interface FilterBar {
  readonly root: HTMLElement;
  /** Offers the choices of a table; those that were made for the table before stay made. */
  show(table: Table): void;
  /** Marks the columns that are in the table now. */
  shows(columns: ReadonlySet<string>): void;
  count(shown: number, all: number): void;
}

export function createFilterBar(
  changed: (filter: Filter) => void,
  chosen: (columns: ReadonlySet<string>, byHand: boolean) => void,
): FilterBar {
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search in trials" });
  const choices = h("span", { class: "rtnb-choices" });
  const failed = h("input", { type: "checkbox" });
  const onlyFailed = h("label", { class: "rtnb-check" }, failed, "failed only");
  const count = h("span", { class: "rtnb-count", role: "status" });
  const columnsButton = button("Columns", "rtnb-quiet");
  setAttribute(columnsButton, "aria-expanded", "false");
  const menu = h("div", { class: "rtnb-column-menu", role: "group", "aria-label": "Columns", hidden: true });
  const root = h(
    "div",
    { class: "rtnb-filters" },
    h("div", { class: "rtnb-filter-bar" }, search, choices, onlyFailed, columnsButton, count),
    menu,
  );
  const values = new Map<string, string>();
  const boxes = new Map<string, HTMLInputElement>();
  let wanted = new Set<string>();
  let shown: ReadonlySet<string> = wanted; // those of the wanted columns that fit
  let byHand = false;
  let proposed: ReadonlySet<string> = new Set(); // the columns that the kernel showed in the table before

  function tell(): void {
    changed({ text: search.value, values: new Map(values), failed: failed.checked });
  }
  search.addEventListener("input", tell);
  failed.addEventListener("change", tell);
  columnsButton.addEventListener("click", () => {
    menu.hidden = !menu.hidden;
    setAttribute(columnsButton, "aria-expanded", String(!menu.hidden));
  });

  function choice(column: Column): HTMLElement {
    const select = h(
      "select",
      { "aria-label": `Only ${headOf(column)}` },
      h("option", { value: "" }, `${headOf(column)}: all`),
    );
    column.categories.slice(0, MOST_CHOICES).forEach((value, place) => {
      select.append(
        h("option", { value: place }, value.length > 60 ? `${value.slice(0, 59)}…` : value || "empty"),
      );
    });
    const more = column.categories.length - MOST_CHOICES;
    if (more > 0) select.append(h("option", { disabled: true }, `… and ${more} more: use the search`));
    const before = values.get(column.name);
    if (before !== undefined) select.value = String(column.categories.indexOf(before));
    select.addEventListener("change", () => {
      const value = select.value === "" ? undefined : column.categories[Number(select.value)];
      if (value === undefined) values.delete(column.name);
      else values.set(column.name, value);
      tell();
    });
    return select;
  }

  return {
    root,
    show(table) {
      const focused = root.contains(document.activeElement) ? document.activeElement : null;
      const variant = table.column("variant");
      const named = table.columns.filter(
        (column) =>
          column.kind === "category" &&
          column.categories.length > 1 &&
          (column.role !== "metric" || column.categories.length < 20) &&
          !(column.role === "setting" && variant && isRenamed(column, variant, table.rows)),
      );
      const offered = (name: string) =>
        named.some((each) => each.name === name && each.categories.includes(values.get(name) ?? ""));
      for (const name of [...values.keys()]) if (!offered(name)) values.delete(name);
      choices.replaceChildren(...named.map(choice));
      onlyFailed.hidden = !table.column("error");
      // Not only new columns: that of ratings is shown from the first rating on.
      const now = table.columns.filter((column) => column.shown).map(({ name }) => name);
      for (const name of now) if (!proposed.has(name)) wanted.add(name);
      proposed = new Set(now);
      boxes.clear();
      menu.replaceChildren(
        ...table.columns.map((column) => {
          const box = h("input", { type: "checkbox" });
          box.addEventListener("change", () => {
            if (!byHand) wanted = new Set(shown);
            byHand = true;
            if (box.checked) wanted.add(column.name);
            else wanted.delete(column.name);
            chosen(new Set(wanted), byHand);
          });
          boxes.set(column.name, box);
          setAttribute(box, "aria-label", headOf(column));
          return h("label", { class: "rtnb-check", title: column.name }, box, headOf(column));
        }),
      );
      const name = focused?.getAttribute("aria-label");
      if (name) root.querySelector<HTMLElement>(`[aria-label="${CSS.escape(name)}"]`)?.focus();
      chosen(new Set(wanted), byHand);
      tell();
    },
    shows(columns) {
      shown = columns;
      for (const [name, box] of boxes) box.checked = columns.has(name);
      const left = [...wanted].filter((name) => boxes.has(name) && !columns.has(name)).length;
      const label = columnsButton.lastElementChild ?? columnsButton;
      setText(label as HTMLElement, left ? `Columns (${left} more)` : "Columns");
    },
    count(some, all) {
      setText(count, some === all ? `${all} rows` : `${some} of ${all} rows`);
    },
  };
}

/** Whether two columns divide the rows in the same way: a choice for each would be one choice too many. */
function isRenamed(one: Column, other: Column, rows: number): boolean {
  if (one.categories.length !== other.categories.length) return false;
  const partner = new Map<number, number>();
  for (let row = 0; row < rows; row++) {
    const [a, b] = [one.number(row), other.number(row)];
    if (partner.has(a) && partner.get(a) !== b) return false;
    partner.set(a, b);
  }
  return true;
}
