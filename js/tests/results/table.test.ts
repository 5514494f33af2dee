import { describe, expect, it } from "vitest";
import { fitting, PLAY_PX, widthOf } from "../../src/results/column-widths.js";
import { type Column, headOf, numberText, type Table, tableOf } from "../../src/results/columns.js";
import { heatOf } from "../../src/results/heat.js";
import { createLayout, ROW_PX } from "../../src/results/layout.js";
import { NO_FILTER, orderOf } from "../../src/results/order.js";

/** A message's buffer, which begins at any byte. */
function view(values: Float64Array | Int32Array): DataView {
  const bytes = new Uint8Array(values.byteLength + 3);
  bytes.set(new Uint8Array(values.buffer), 3);
  return new DataView(bytes.buffer, 3);
}

function table(): Table {
  return tableOf({
    content: {
      rows: 4,
      columns: [
        { name: "variant", role: "name", kind: "category", values: ["b", "a"], buffer: 0, shown: true },
        { name: "total_ms", role: "metric", kind: "number", buffer: 1, unit: "ms", better: "lower" },
        { name: "polite", role: "metric", kind: "truth", buffer: 2, better: "higher" },
        { name: "text", role: "words", kind: "text", values: ["Ten o'clock", "", "nine", "<b>ten</b>"] },
        { name: "error", role: "words", kind: "text", values: ["", "closed", "", ""] },
        { name: "trial_id", role: "id", kind: "text", values: ["a0ten50f", "b1", "c2", "d3"] },
        { name: "x", role: "no such role", kind: "number", buffer: 1 },
      ],
    },
    buffers: [
      view(Int32Array.of(0, 1, -1, 0)),
      view(Float64Array.of(300, Number.NaN, 100, 200)),
      view(Float64Array.of(1, Number.NaN, 0, 1)),
    ],
  });
}

const order = (filter: object, sort: { column: string; descending: boolean } | null = null) => [
  ...orderOf(table(), { ...NO_FILTER, ...filter }, sort),
];

describe("the kernel's table", () => {
  it("is read column by column, whatever byte a buffer begins at", () => {
    const read = table();
    expect(read.columns.map(({ name }) => name)).toEqual([
      ...["variant", "total_ms", "polite", "text", "error", "trial_id"],
    ]);
    const texts = (name: string) => [0, 1, 2, 3].map((row) => read.column(name)?.text(row));
    expect(texts("variant")).toEqual(["b", "a", "", "b"]);
    expect(texts("total_ms")).toEqual(["300", "", "100", "200"]);
    expect(texts("polite")).toEqual(["yes", "", "no", "yes"]);
  });

  it("may be anything without failing", () => {
    for (const content of [
      {},
      { rows: "x", columns: 3 },
      { rows: 2, columns: [null, { role: "name", kind: "number", buffer: 9 }] },
    ]) {
      const read = tableOf({ content, buffers: [] });
      expect(read.columns.every((column) => column.text(1) === "")).toBe(true);
    }
  });

  it("has readable heads and numbers", () => {
    expect(table().columns.map(headOf)).toEqual(["variant", "total", "polite", "text", "error", "trial id"]);
    expect([1234.5, 12.345, 0.00001, -3, 0].map(numberText)).toEqual(["1,235", "12.3", "1.0e−5", "−3", "0"]);
  });
});

describe("rows", () => {
  it("are in the order of the sweep until they are sorted", () => expect(order({})).toEqual([0, 1, 2, 3]));

  it("are sorted by number, by text and by the order of variants; missing values stand last either way", () => {
    expect(order({}, { column: "total_ms", descending: false })).toEqual([2, 3, 0, 1]);
    expect(order({}, { column: "total_ms", descending: true })).toEqual([0, 3, 2, 1]);
    expect(order({}, { column: "text", descending: false })).toEqual([3, 2, 0, 1]);
    expect(order({}, { column: "variant", descending: false })).toEqual([0, 3, 1, 2]);
  });

  it("are found by words in any text, by a value, and by failure", () => {
    expect(order({ text: "TEN b" })).toEqual([0, 3]);
    expect(order({ values: new Map([["variant", "a"]]) })).toEqual([1]);
    expect(order({ failed: true })).toEqual([1]);
    expect(order({ text: "eleven" })).toEqual([]);
  });

  it("are found by the beginning of their id, and not by a few characters that are in it by chance", () => {
    expect(order({ text: "A0TEN5" })).toEqual([0]);
    expect(order({ text: "50" })).toEqual([]);
    expect(order({ text: "0ten50f" })).toEqual([]);
  });
});

describe("the colour of a cell", () => {
  it("follows the better direction, and one outlier does not make the others alike", () => {
    const values = [...Array.from({ length: 99 }, (_, place) => 100 + place), 1e6];
    const column = {
      ...column0(),
      better: "lower" as const,
      number: (row: number) => values[row] ?? Number.NaN,
    };
    const heat = heatOf(column, values.length);
    expect(heat(0)).toEqual({ tone: "good", strength: 1 });
    expect(heat(99)).toEqual({ tone: "bad", strength: 1 });
    expect(heat(49).strength).toBeLessThan(0.1);
    expect(heatOf({ ...column, better: "higher" }, values.length)(0).tone).toBe("bad");
    expect(heatOf({ ...column, better: "" }, values.length)(90).tone).toBe("plain");
  });

  it("is none for missing, equal and good values of a truth", () => {
    const polite = table().column("polite");
    if (!polite) throw new Error("there is no column");
    const heat = heatOf(polite, 4);
    expect([0, 1, 2].map((row) => heat(row).strength)).toEqual([0, 0, 1]);
    expect(heatOf({ ...polite, number: () => 5 }, 4)(0).strength).toBe(0);
  });

  function column0() {
    const found = table().column("total_ms");
    if (!found) throw new Error("there is no column");
    return found;
  }
});

describe("the layout", () => {
  it("finds each row at its place, with boxes of any height between", () => {
    const layout = createLayout();
    layout.set(
      100,
      new Map([
        [7, 200],
        [3, 51],
      ]),
    );
    expect(layout.height).toBe(100 * ROW_PX + 251);
    for (let position = 0; position < 100; position++) {
      expect(layout.at(layout.top(position))).toBe(position);
      expect(layout.at(layout.top(position) + ROW_PX - 1)).toBe(position);
    }
    expect(layout.at(4 * ROW_PX + 20)).toBe(3); // beside its box
    expect([layout.at(-5), layout.at(1e9)]).toEqual([0, 99]);
  });
});

describe("the columns of a narrow card", () => {
  const column = (name: string, role: Column["role"], kind: Column["kind"]): Column => ({
    name,
    role,
    kind,
    unit: "",
    better: "",
    shown: true,
    number: () => 0,
    text: () => "",
    categories: kind === "category" ? ["a long name of a variant"] : [],
  });
  const variant = column("variant", "name", "category");
  const wait = column("speech_end_to_first_audible_ms", "metric", "number");
  const polite = column("polite", "metric", "truth");
  const rating = column("rating", "metric", "number");
  const all = [
    variant,
    column("utterance", "name", "category"),
    wait,
    polite,
    rating,
    column("text", "words", "text"),
  ];

  it.each([
    [300, [variant, wait, rating]],
    [460, [variant, wait, polite, rating]],
  ])("are those that matter and fit %i px, in their order", (px, kept) => {
    expect(fitting(all, px)).toEqual(kept);
    const widths = kept.map((each) => widthOf(each, true).px);
    expect(widths.reduce((sum, each) => sum + each, PLAY_PX)).toBeLessThanOrEqual(px);
  });

  it.each([0, 640, 1200])("are all columns at %i px", (px) => {
    expect(fitting(all, px)).toEqual(all);
  });
});
