/**
 * The pane Figures: one figure at a time, drawn by the kernel for the pane's width and the card's theme.
 *
 * Owns the choice of a figure and its table of numbers. Must not know what figures show.
 */

import { record, text } from "../json.js";
import { h, setText } from "../view/dom.js";
import type { ResultsChannel } from "./channel.js";
import type { Pane } from "./panes.js";

interface Choice {
  kind: string;
  title: string;
  by: readonly string[];
  /** The name of the choice of `by`. */
  byTitle: string;
  metrics: readonly string[];
}

/** The kernel draws again where the width differs by more: until then the image is scaled. */
const WIDTH_STEP_PX = 40;
const NARROWEST_PX = 300;
/** A window that is being resized asks once. */
const RESIZED_MS = 250;

export function createFiguresPane(channel: ResultsChannel): Pane {
  const kinds = h("select", {});
  const bys = h("select", {});
  const metrics = h("select", {});
  const fields = [field("Figure", kinds), field("By", bys), field("Column", metrics)];
  const image = h("img", { class: "rtnb-figure-image", hidden: true, alt: "" });
  const state = h("p", { class: "rtnb-figure-state", role: "status" });
  const table = h("table", {});
  const numbers = h(
    "details",
    { class: "rtnb-figure-numbers", hidden: true },
    h("summary", {}, "Numbers of this figure"),
    h("div", { class: "rtnb-wide-table", role: "region", tabindex: 0, "aria-label": "Numbers" }, table),
  );
  const choose = h("div", { class: "rtnb-figure-choice" }, ...fields);
  const root = h("div", { class: "rtnb-figures" }, choose, state, image, numbers);

  let choices: readonly Choice[] = [];
  let shown = false;
  let stale = true; // the choices are not those of the kernel's rows
  let asked = 0; // answers to older questions are dropped
  let drawn = { theme: "", width: 0 };

  const current = () => choices.find(({ kind }) => kind === kinds.value);
  const theme = () => (root.closest(".rtnb-card")?.getAttribute("data-theme") === "dark" ? "dark" : "light");
  const width = () => Math.max(NARROWEST_PX, Math.floor(root.clientWidth));

  async function load(): Promise<void> {
    const question = ++asked;
    setText(state, "Asking the kernel which figures there are…");
    try {
      const { content } = await channel.ask("figures");
      if (question !== asked) return;
      stale = false;
      choices = (Array.isArray(content.figures) ? content.figures : []).map(choiceOf);
    } catch (error) {
      if (question === asked) setText(state, reasonOf(error));
      return;
    }
    const before = kinds.value;
    fill(
      kinds,
      choices.map(({ kind, title }) => [kind, title]),
    );
    if (choices.some(({ kind }) => kind === before)) kinds.value = before;
    if (choices.length === 0) setText(state, "These results have no figures: no trial was measured.");
    choose.hidden = choices.length === 0;
    chooseKind();
  }

  function chooseKind(): void {
    const choice = current();
    if (!choice) return;
    const title = bys.closest("label")?.querySelector("span");
    if (title) setText(title, choice.byTitle);
    for (const [select, values] of [
      [bys, choice.by],
      [metrics, choice.metrics],
    ] as const) {
      const before = select.value;
      fill(
        select,
        values.map((value) => [value, value]),
      );
      if (values.includes(before)) select.value = before;
      const label = select.closest("label");
      if (label) label.hidden = values.length < 2;
    }
    void draw();
  }

  async function draw(): Promise<void> {
    const choice = current();
    if (!choice) return;
    const question = ++asked;
    drawn = { theme: theme(), width: width() };
    root.setAttribute("aria-busy", "true");
    setText(state, "Drawing…");
    try {
      const { content, buffers } = await channel.ask("figure", {
        figure: choice.kind,
        by: bys.value,
        metric: choice.metrics.length > 0 ? metrics.value : "",
        ...drawn,
      });
      if (question !== asked) return;
      const svg = buffers[0] ? new TextDecoder().decode(buffers[0]) : "";
      // An address of data, as a notebook's own images have: a page's rules may forbid blobs.
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
      image.alt = text(content.alt);
      image.hidden = false;
      showNumbers(content);
      setText(state, "");
    } catch (error) {
      if (question !== asked) return;
      image.hidden = true;
      numbers.hidden = true;
      setText(state, reasonOf(error));
    }
    root.removeAttribute("aria-busy");
  }

  function showNumbers(content: Record<string, unknown>): void {
    const head = Array.isArray(content.head) ? content.head.map(text) : [];
    const lines = Array.isArray(content.lines) ? content.lines : [];
    const cells = (line: unknown) =>
      (Array.isArray(line) ? line : []).map((value, place) =>
        h(place === 0 ? "th" : "td", place === 0 ? { scope: "row" } : {}, wordsOf(value)),
      );
    table.replaceChildren(
      h("thead", {}, h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...lines.map((line) => h("tr", {}, ...cells(line)))),
    );
    const more = typeof content.more === "number" ? content.more : 0;
    if (more > 0) table.append(h("caption", {}, `${more} more lines: see figure.frame`));
    numbers.hidden = lines.length === 0;
  }

  channel.onChanged(() => {
    stale = true;
    if (shown) void load();
  });
  kinds.addEventListener("change", chooseKind, { signal: channel.signal });
  for (const select of [bys, metrics])
    select.addEventListener("change", () => void draw(), { signal: channel.signal });

  let resized: ReturnType<typeof setTimeout> | undefined;
  const follow = () => {
    clearTimeout(resized);
    resized = setTimeout(() => {
      const changed = theme() !== drawn.theme || Math.abs(width() - drawn.width) > WIDTH_STEP_PX;
      if (shown && root.clientWidth > 0 && changed) void draw();
    }, RESIZED_MS);
  };
  const sizes = new ResizeObserver(follow);
  const themes = new MutationObserver(follow);
  channel.signal.addEventListener("abort", () => {
    clearTimeout(resized);
    sizes.disconnect();
    themes.disconnect();
  });

  return {
    title: "Figures",
    root,
    show() {
      shown = true;
      const card = root.closest(".rtnb-card");
      if (card) themes.observe(card, { attributes: true, attributeFilter: ["data-theme"] });
      sizes.observe(root);
      if (stale || choices.length === 0) void load();
      else follow();
    },
    hide() {
      shown = false;
    },
  };
}

function field(name: string, select: HTMLSelectElement): HTMLLabelElement {
  return h("label", { class: "rtnb-field", hidden: true }, h("span", {}, name), select);
}

function fill(select: HTMLSelectElement, values: readonly (readonly string[])[]): void {
  select.replaceChildren(...values.map(([value = "", title = value]) => h("option", { value }, title)));
  const label = select.closest("label");
  if (label) label.hidden = values.length === 0;
}

function choiceOf(value: unknown): Choice {
  const fields = record(value);
  const texts = (each: unknown) => (Array.isArray(each) ? each.map(text) : []);
  return {
    kind: text(fields.kind),
    title: text(fields.title),
    by: texts(fields.by),
    byTitle: text(fields.by_title) || "By",
    metrics: texts(fields.metrics),
  };
}

function wordsOf(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
