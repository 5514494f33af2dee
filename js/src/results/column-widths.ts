/** How wide the columns of the table are, and which of them fit a narrow card. Pure. */

import { type Column, headOf } from "./columns.js";

export const PLAY_PX = 34;
/** Below it, only columns that fit are shown at first: what a user chooses scrolls sideways. */
const NARROW_PX = 520;
const LEAST_NAME_PX = 96;
const NAME_PX = 160;

interface Width {
  css: string;
  /** The least width. */
  px: number;
}

export const isNarrow = (viewPx: number): boolean => viewPx > 0 && viewPx < NARROW_PX;

export function isNumber({ kind, role }: Column): boolean {
  return kind === "number" || kind === "truth" || role === "place";
}

/** A column's width: of its head and its longest values; texts share the rest of the view. */
export function widthOf(column: Column, narrow: boolean): Width {
  const flexible = (px: number, share: number) => ({ css: `minmax(${px}px, ${share}fr)`, px });
  const fixed = (px: number) => ({ css: `${px}px`, px });
  if (column.kind === "text")
    return column.name === "text" ? flexible(narrow ? 200 : 300, 3) : flexible(180, 1);
  const headPx = 7 * (headOf(column).length + column.unit.length) + 36;
  // The head of a narrow table has several lines.
  if (isNumber(column)) return fixed(Math.min(narrow ? 92 : 170, Math.max(74, headPx)));
  if (narrow && column.name === "variant") return flexible(LEAST_NAME_PX, 1);
  const longest = column.categories.reduce((most, each) => Math.max(most, each.length), 0);
  return fixed(Math.max(70, Math.min(170, headPx), Math.min(narrow ? 120 : 210, 7 * longest + 24)));
}

/** The columns that fit a narrow view, in their order: the variant, the first measure, a rating, and what has room. */
export function fitting(columns: readonly Column[], viewPx: number): readonly Column[] {
  if (!isNarrow(viewPx)) return columns;
  const first = columns.find(({ role }) => role === "metric");
  const rank = (column: Column) =>
    column.name === "variant" ? 0 : column === first ? 1 : column.name === "rating" ? 2 : 3;
  const kept = new Set<Column>();
  let room = viewPx - PLAY_PX;
  for (const column of [...columns].sort((a, b) => rank(a) - rank(b))) {
    const { px } = widthOf(column, true);
    // A further column must not cut the names of variants where they begin to differ.
    if (kept.size > 1 && px > room - (rank(column) > 2 ? NAME_PX - LEAST_NAME_PX : 0)) continue;
    kept.add(column);
    room -= px;
  }
  return columns.filter((column) => kept.has(column));
}
