/** The table as the kernel sends it: columns of typed values. Nothing of it is trusted. */

import { record, text } from "../json.js";
import type { Answer } from "./channel.js";

export type Role = "name" | "setting" | "place" | "metric" | "words" | "id";
export type Kind = "number" | "truth" | "category" | "text";

export interface Column {
  readonly name: string;
  readonly role: Role;
  readonly kind: Kind;
  readonly unit: string;
  readonly better: "lower" | "higher" | "";
  /** Whether it is shown before a user chooses. */
  readonly shown: boolean;
  /** The value of a row as a number; NaN for a missing one and for texts. */
  number(row: number): number;
  /** The value of a row as a text; empty for a missing one. */
  text(row: number): string;
  /** The different texts of a category: values of settings as the variants give them, numbers and others ascending. */
  readonly categories: readonly string[];
}

export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
  column(name: string): Column | undefined;
}

const ROLES: readonly Role[] = ["name", "setting", "place", "metric", "words", "id"];

export function tableOf({ content, buffers }: Answer): Table {
  const rows = typeof content.rows === "number" ? content.rows : 0;
  const given = Array.isArray(content.columns) ? content.columns : [];
  const columns = given.map((each) => columnOf(record(each), buffers, rows)).filter((each) => each !== null);
  const byName = new Map(columns.map((column) => [column.name, column]));
  return { rows, columns, column: (name) => byName.get(name) };
}

function columnOf(
  fields: Record<string, unknown>,
  buffers: readonly DataView[],
  rows: number,
): Column | null {
  const role = ROLES.find((each) => each === fields.role);
  const buffer = typeof fields.buffer === "number" ? buffers[fields.buffer] : undefined;
  const values = Array.isArray(fields.values) ? fields.values.map(text) : [];
  if (!role) return null;
  const shared = {
    name: text(fields.name),
    role,
    unit: text(fields.unit),
    better: fields.better === "lower" || fields.better === "higher" ? fields.better : "",
    shown: fields.shown === true,
    categories: [] as string[],
  } as const;
  switch (fields.kind) {
    case "number":
    case "truth": {
      const numbers = copied(buffer, Float64Array, rows);
      const number = (row: number) => numbers[row] ?? Number.NaN;
      const shown = fields.kind === "truth" ? truthText : numberText;
      return { ...shared, kind: fields.kind, number, text: (row) => shown(number(row)) };
    }
    case "category": {
      const codes = copied(buffer, Int32Array, rows);
      const code = (row: number) => codes[row] ?? -1;
      return {
        ...shared,
        kind: "category",
        categories: values,
        // The order of the texts is the order of its sort.
        number: (row) => (code(row) < 0 ? Number.NaN : code(row)),
        text: (row) => values[code(row)] ?? "",
      };
    }
    case "text":
      return { ...shared, kind: "text", number: () => Number.NaN, text: (row) => values[row] ?? "" };
    default:
      return null;
  }
}

/** A buffer's numbers; copied, because a message's buffers begin at any byte. */
function copied<T extends Float64Array | Int32Array>(
  view: DataView | undefined,
  type: { new (buffer: ArrayBuffer): T; BYTES_PER_ELEMENT: number },
  rows: number,
): T {
  const bytes = rows * type.BYTES_PER_ELEMENT;
  if (!view || view.byteLength !== bytes) return new type(new ArrayBuffer(0));
  return new type(view.buffer.slice(view.byteOffset, view.byteOffset + bytes) as ArrayBuffer);
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/** A number with three digits, or whole from 100 on, as `words.py` writes it. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "";
  const size = Math.abs(value);
  const shown =
    size >= 100
      ? whole.format(value)
      : size >= 1e-4 || size === 0
        ? three.format(value)
        : value.toExponential(1);
  return shown.replace("-", "−");
}

function truthText(value: number): string {
  return Number.isNaN(value) ? "" : value ? "yes" : "no";
}

/** The words of a column's head: `speech_end_to_first_audible_ms` is "to first audible", its unit stands beside it. */
export function headOf({ name, unit }: Column): string {
  const bare = unit && name.endsWith(`_${unit.toLowerCase()}`) ? name.slice(0, -unit.length - 1) : name;
  return bare.replace(/^speech_end_to_/, "to ").replaceAll("_", " ");
}
