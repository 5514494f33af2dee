/** How good a value is among those of its column: the colour of its cell. Pure. */

import type { Column } from "./columns.js";

export interface Heat {
  tone: "good" | "bad" | "plain";
  /** 0 is no colour, 1 the strongest. */
  strength: number;
}

const NONE: Heat = { tone: "plain", strength: 0 };

/**
 * Returns a function from a row to its colour. The scale runs from the 5th to the 95th percentile, so that one stall
 * does not make all other cells look alike.
 */
export function heatOf(column: Column, rows: number): (row: number) => Heat {
  if (column.role !== "metric" || (column.kind !== "number" && column.kind !== "truth")) return () => NONE;
  const values: number[] = [];
  for (let row = 0; row < rows; row++) {
    const value = column.number(row);
    if (!Number.isNaN(value)) values.push(value);
  }
  values.sort((a, b) => a - b);
  let low = values[Math.floor(0.05 * (values.length - 1))] ?? 0;
  let high = values[Math.ceil(0.95 * (values.length - 1))] ?? 0;
  // A rare failure lies beyond the percentiles of its column.
  if (low === high) [low, high] = [values[0] ?? 0, values.at(-1) ?? 0];
  if (!(high > low)) return () => NONE;
  // Of a truth or a count most values are the good one: only the others are news.
  const few = new Set(values).size <= 3;
  return (row) => {
    const value = column.number(row);
    if (Number.isNaN(value)) return NONE;
    const place = Math.max(0, Math.min(1, (value - low) / (high - low)));
    if (!column.better) return { tone: "plain", strength: place };
    const good = column.better === "higher" ? place : 1 - place;
    if (few && good >= 0.5) return NONE;
    return good >= 0.5 ? { tone: "good", strength: 2 * good - 1 } : { tone: "bad", strength: 1 - 2 * good };
  };
}
