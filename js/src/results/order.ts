/** Which rows of a table are shown, and in which order. Pure. */

import type { Column, Table } from "./columns.js";

export interface Sort {
  column: string;
  descending: boolean;
}

export interface Filter {
  /** Words that each shown row holds somewhere in its texts; an id is found by its beginning. */
  text: string;
  /** By column, the one value that each shown row has. */
  values: ReadonlyMap<string, string>;
  failed: boolean;
}

/** Ids are hexadecimal: a shorter word, such as "50", would be in many of them by chance. */
const SHORTEST_ID = 6;

export const NO_FILTER: Filter = { text: "", values: new Map(), failed: false };

/** The shown rows in order: equal rows keep the order of the sweep, and missing values stand last either way. */
export function orderOf(table: Table, filter: Filter, sort: Sort | null): Int32Array {
  const rows: number[] = [];
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = table.columns.filter(({ kind }) => kind === "text" || kind === "category");
  const holding = texts.filter(({ role }) => role !== "id");
  const ids = texts.filter(({ role }) => role === "id");
  const only = [...filter.values].flatMap(([name, value]) => {
    const column = table.column(name);
    return column ? [{ column, value }] : [];
  });
  const error = table.column("error");
  for (let row = 0; row < table.rows; row++) {
    if (filter.failed && !error?.text(row)) continue;
    if (!only.every(({ column, value }) => column.text(row) === value)) continue;
    if (words.length) {
      const held = holding.map((column) => column.text(row).toLowerCase());
      const named = (word: string) =>
        word.length >= SHORTEST_ID && ids.some((column) => column.text(row).toLowerCase().startsWith(word));
      if (!words.every((word) => held.some((each) => each.includes(word)) || named(word))) continue;
    }
    rows.push(row);
  }
  const column = sort && table.column(sort.column);
  if (column) sortRows(rows, column, sort.descending);
  return Int32Array.from(rows);
}

const collator = new Intl.Collator(undefined, { numeric: true });

function sortRows(rows: number[], column: Column, descending: boolean): void {
  const way = descending ? -1 : 1;
  if (column.kind === "text") {
    const texts = new Map(rows.map((row) => [row, column.text(row)]));
    rows.sort((a, b) => {
      const [x, y] = [texts.get(a) ?? "", texts.get(b) ?? ""];
      if (!x || !y) return x ? -1 : y ? 1 : a - b;
      return way * collator.compare(x, y) || a - b;
    });
    return;
  }
  rows.sort((a, b) => {
    const [x, y] = [column.number(a), column.number(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? (Number.isNaN(y) ? a - b : 1) : -1;
    return way * (x - y) || a - b;
  });
}
