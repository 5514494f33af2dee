// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Answer } from "../../src/results/channel.js";
import { createTrialsPane } from "../../src/results/trials.js";

const HOSTILE = '<img src=x onerror="window.hacked=1">';

/** A kernel with three trials, of which the second one failed. */
function kernel(refuse = "") {
  const life = new AbortController();
  const asked: [string, Record<string, unknown>][] = [];
  const numbers = new DataView(Float64Array.of(300, Number.NaN, 100).buffer);
  const table: Answer = {
    content: {
      rows: 3,
      columns: [
        { name: "variant", role: "name", kind: "category", values: ["a", HOSTILE], buffer: 1, shown: true },
        {
          name: "total_ms",
          role: "metric",
          kind: "number",
          unit: "ms",
          better: "lower",
          buffer: 0,
          shown: true,
        },
        { name: "rating", role: "metric", kind: "number", buffer: 2 },
        { name: "text", role: "words", kind: "text", values: [HOSTILE, "", "ten"], shown: true },
        { name: "error", role: "words", kind: "text", values: ["", "closed", ""] },
        { name: "trial_id", role: "id", kind: "text", values: ["t0", "t1", "t2"] },
      ],
    },
    buffers: [
      numbers,
      new DataView(Int32Array.of(0, 1, 0).buffer),
      new DataView(new Float64Array(3).fill(Number.NaN).buffer),
    ],
  };
  const trial = {
    said: HOSTILE,
    heard: "hello",
    text: HOSTILE,
    tool_calls: [{ name: HOSTILE, arguments: "{}" }, 7],
  };
  const changed: (() => void)[] = [];
  const pane = createTrialsPane({
    onChanged: (listener) => changed.push(listener),
    signal: life.signal,
    answered: Promise.resolve(),
    async ask(request, content = {}) {
      asked.push([request, content]);
      if (request === "table") return table;
      if (refuse) throw new Error(refuse);
      return { content: request === "trial" ? trial : { rate: 0 }, buffers: [] };
    },
  });
  document.body.replaceChildren(pane.root);
  pane.show();
  const grid = () => pane.root.querySelector<HTMLElement>('[role="treegrid"]') as HTMLElement;
  return {
    pane,
    asked,
    grid,
    /** The first trial is rated in Python, or in another view of the card. */
    rate(value: number) {
      const columns = table.content.columns as Record<string, unknown>[];
      const numbers = new DataView(Float64Array.of(value, Number.NaN, Number.NaN).buffer);
      table.buffers = [...table.buffers.slice(0, 2), numbers, ...table.buffers.slice(3)];
      for (const column of columns) if (column.name === "rating") column.shown = true;
      for (const listener of changed) listener();
    },
    /** The kernel grades the trials again. */
    grade(name: string) {
      const columns = table.content.columns as Record<string, unknown>[];
      const at = table.buffers.length;
      table.buffers = [...table.buffers, new DataView(Float64Array.of(1, Number.NaN, 0).buffer)];
      columns.splice(2, 0, { name, role: "metric", kind: "truth", buffer: at, shown: true });
      for (const listener of changed) listener();
    },
    rows: () => [...pane.root.querySelectorAll(".rtnb-grid-row")].map((row) => row.textContent),
    press(key: string) {
      const event = new KeyboardEvent("keydown", { key, cancelable: true });
      pane.key?.(event, grid());
      return event;
    },
    end: () => life.abort(),
  };
}

const settled = () => vi.waitFor(() => expect(document.querySelector(".rtnb-grid-row")).not.toBeNull());

afterEach(() => document.body.replaceChildren());

describe("the pane of trials", () => {
  it("shows every row with texts as texts, and a failure's reason where there is no answer", async () => {
    const { rows, pane } = kernel();
    await settled();
    expect(rows()).toEqual([`a300${HOSTILE}`, `${HOSTILE}–⚠ closed`, "a100ten"]);
    expect(pane.root.querySelector("img, script")).toBeNull();
  });

  it("sorts by a heading with the keyboard, the better end first, then the other, then as it was", async () => {
    const { rows, press, grid } = kernel();
    await settled();
    const first = () => rows().map((row) => row?.slice(0, 4));
    for (const key of ["ArrowUp", "ArrowRight"]) press(key);
    press("Enter");
    expect(first()).toEqual(["a100", "a300", HOSTILE.slice(0, 4)]);
    expect(grid().querySelector("[aria-sort=ascending]")?.textContent).toBe("totalms");
    press("Enter");
    expect(first()).toEqual(["a300", "a100", HOSTILE.slice(0, 4)]);
    press("Enter");
    expect(first()).toEqual(["a300", HOSTILE.slice(0, 4), "a100"]);
  });

  it("unfolds the active row with Enter, asks once, and folds it again", async () => {
    const { press, pane, asked, grid } = kernel();
    await settled();
    press("Enter");
    await vi.waitFor(() =>
      expect(pane.root.querySelector(".rtnb-trial")?.textContent).toContain("heard: hello"),
    );
    expect(asked.at(-1)).toEqual(["trial", { trial: "t0", turn: null }]);
    expect(pane.root.querySelector("img, script")).toBeNull();
    expect(grid().querySelector(".rtnb-grid-row")?.getAttribute("aria-expanded")).toBe("true");
    press("Enter");
    expect(pane.root.querySelector(".rtnb-trial")).toBeNull();
  });

  it("goes with Tab into the active row where several are unfolded, and marks the row that has the focus", async () => {
    const { press, pane } = kernel();
    await settled();
    for (const key of ["Enter", "ArrowDown", "ArrowDown", "Enter"]) press(key);
    await vi.waitFor(() => expect(pane.root.querySelectorAll(".rtnb-mark").length).toBe(10));
    const [first, last] = [...pane.root.querySelectorAll(".rtnb-trial")];
    expect(press("Tab").defaultPrevented).toBe(true);
    expect(last?.contains(document.activeElement)).toBe(true);
    first?.querySelector<HTMLElement>("button")?.focus();
    expect(pane.root.querySelector(".rtnb-grid-row.rtnb-active")?.getAttribute("aria-rowindex")).toBe("2");
    press("ArrowDown");
    expect(press("Tab").defaultPrevented).toBe(false);
  });

  it("keeps a rating with its note, and shows its column", async () => {
    const { press, pane, asked, rows } = kernel();
    await settled();
    press("Enter");
    await vi.waitFor(() => expect(pane.root.querySelectorAll(".rtnb-mark").length).toBe(5));
    const note = pane.root.querySelector<HTMLInputElement>(".rtnb-rating input") as HTMLInputElement;
    note.value = "warm";
    note.dispatchEvent(new Event("change"));
    expect(pane.root.textContent).toContain("choose a number");
    (pane.root.querySelectorAll(".rtnb-mark")[3] as HTMLElement).click();
    await vi.waitFor(() => expect(rows()[0]).toContain("3004"));
    expect(asked.at(-1)).toEqual(["rate", { trial: "t0", turn: null, value: 4, note: "warm" }]);
  });

  it("shows the column of ratings that were given elsewhere, until a user takes it out", async () => {
    const { rows, pane, rate, asked } = kernel();
    await settled();
    expect(rows()[0]).toBe(`a300${HOSTILE}`);
    rate(4);
    await vi.waitFor(() => expect(rows()[0]).toBe(`a3004${HOSTILE}`));
    pane.root.querySelector<HTMLInputElement>('input[aria-label="rating"]')?.click();
    expect(rows()[0]).toBe(`a300${HOSTILE}`);
    rate(5);
    await vi.waitFor(() => expect(asked.filter(([request]) => request === "table").length).toBe(3));
    await new Promise((done) => setTimeout(done));
    expect(rows()[0]).toBe(`a300${HOSTILE}`);
  });

  it("shows a new grade in the open table, and keeps sort, filter, columns and what is unfolded", async () => {
    const { rows, press, pane, grade, asked } = kernel();
    await settled();
    for (const key of ["ArrowUp", "ArrowRight", "Enter"]) press(key);
    const select = pane.root.querySelector("select") as HTMLSelectElement;
    select.value = "0";
    select.dispatchEvent(new Event("change"));
    press("ArrowDown");
    press("Enter");
    expect(rows()).toEqual(["a100ten", `a300${HOSTILE}`]);
    grade("polite");
    await vi.waitFor(() => expect(rows()).toEqual(["a100noten", `a300yes${HOSTILE}`]));
    expect((pane.root.querySelector("select") as HTMLSelectElement).value).toBe("0");
    expect(pane.root.querySelectorAll(".rtnb-trial").length).toBe(1);
    const before = asked.filter(([request]) => request === "table").length;
    pane.hide();
    grade("warm");
    expect(asked.filter(([request]) => request === "table").length).toBe(before);
    pane.show();
    await vi.waitFor(() => expect(rows()[0]).toBe("a100nonoten"));
  });

  it("shows in a narrow card the columns that fit, and any other one that is chosen", async () => {
    const wide = vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(300);
    const { pane, rows } = kernel();
    await settled();
    expect(rows()[2]).toBe("a100");
    const choose = [...pane.root.querySelectorAll("button")].find((each) =>
      each.textContent?.startsWith("Columns"),
    );
    expect(choose?.textContent).toBe("Columns (1 more)");
    const box = pane.root.querySelector<HTMLInputElement>('[aria-label="text"]') as HTMLInputElement;
    expect(box.checked).toBe(false);
    box.click();
    expect(rows()[2]).toBe("a100ten");
    expect(choose?.textContent).toBe("Columns");
    wide.mockRestore();
  });

  it("says why there is no sound, and what the kernel refused", async () => {
    const silent = kernel();
    await settled();
    silent.press(" ");
    await vi.waitFor(() =>
      expect(silent.pane.root.textContent).toContain("There is no sound of this answer."),
    );
    const refusing = kernel("the file is damaged");
    await settled();
    refusing.press("Enter");
    await vi.waitFor(() => expect(refusing.pane.root.textContent).toContain("the file is damaged"));
    expect(refusing.asked.length).toBe(2);
  });
});
