// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer, ResultsChannel } from "../../src/results/channel.js";
import { createFiguresPane } from "../../src/results/figures.js";

const CHOICES = [
  { kind: "distribution", title: "Distribution", by: ["variant", "voice"], metrics: ["words", "<b>"] },
  { kind: "waterfall", title: "Latency step by step", by: ["variant"], metrics: [] },
  {
    kind: "timeline",
    title: "Turns of one recording",
    by: ["a.wav", "b.wav"],
    by_title: "Recording",
    metrics: [],
  },
];

interface Asked {
  request: string;
  content: Record<string, unknown>;
  answer(content: Record<string, unknown>, svg?: string): void;
  refuse(reason: string): void;
}

function open() {
  const asked: Asked[] = [];
  const changed: (() => void)[] = [];
  const life = new AbortController();
  const channel: ResultsChannel = {
    answered: Promise.resolve(),
    signal: life.signal,
    onChanged: (listener) => changed.push(listener),
    ask: (request, content = {}) =>
      new Promise<Answer>((resolve, reject) => {
        asked.push({
          request,
          content,
          answer: (found, svg = "<svg></svg>") =>
            resolve({
              content: found,
              buffers: [new DataView(new TextEncoder().encode(svg).buffer as ArrayBuffer)],
            }),
          refuse: (reason) => reject(new Error(reason)),
        });
      }),
  };
  const pane = createFiguresPane(channel);
  const card = document.createElement("section");
  card.className = "rtnb-card";
  card.dataset.theme = "dark";
  card.append(pane.root);
  document.body.replaceChildren(card);
  Object.defineProperty(pane.root, "clientWidth", { value: 700, configurable: true });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  const last = () => asked[asked.length - 1] as Asked;
  const select = (name: string) => {
    const labels = [...pane.root.querySelectorAll("label")];
    return labels
      .find((label) => label.textContent?.startsWith(name))
      ?.querySelector("select") as HTMLSelectElement;
  };
  const choose = (name: string, value: string) => {
    select(name).value = value;
    select(name).dispatchEvent(new Event("change"));
  };
  const image = pane.root.querySelector("img") as HTMLImageElement;
  const state = pane.root.querySelector('[role="status"]') as HTMLElement;
  return { pane, card, asked, last, settle, select, choose, image, state, life };
}

async function opened() {
  const page = open();
  page.pane.show();
  page.last().answer({ figures: CHOICES });
  await page.settle();
  return page;
}

describe("the pane Figures", () => {
  beforeEach(() => vi.useRealTimers());
  afterEach(() => document.body.replaceChildren());

  it("asks for nothing before it is shown, and then for the figure of its theme and width", async () => {
    const page = open();
    expect(page.asked).toEqual([]);
    page.pane.show();
    page.last().answer({ figures: CHOICES });
    await page.settle();
    expect(page.last().content).toEqual({
      figure: "distribution",
      by: "variant",
      metric: "words",
      theme: "dark",
      width: 700,
    });
  });

  it("shows the figure with its numbers in words and as a table; texts stay texts", async () => {
    const page = await opened();
    const content = { alt: "a <b>", head: ["value", "median"], lines: [["<img src=x>", 612.34567]], more: 3 };
    page.last().answer(content, "<svg>ü</svg>");
    await page.settle();
    expect(decodeURIComponent(page.image.src)).toContain("<svg>ü</svg>");
    expect([page.image.alt, page.image.hidden, page.state.textContent]).toEqual(["a <b>", false, ""]);
    const table = page.pane.root.querySelector("table") as HTMLTableElement;
    expect(table.querySelector("tbody")?.textContent).toBe("<img src=x>612.3");
    expect(table.querySelector("img")).toBeNull();
    expect(table.textContent).toContain("3 more lines");
  });

  it("says why a figure cannot be drawn, and draws another one", async () => {
    const page = await opened();
    page.last().refuse("'words' is missing in all trials");
    await page.settle();
    expect([page.state.textContent, page.image.hidden]).toEqual(["'words' is missing in all trials", true]);
    page.choose("Column", "<b>");
    expect(page.last().content).toMatchObject({ metric: "<b>" });
    page.last().answer({ alt: "now" });
    await page.settle();
    expect(page.image.alt).toBe("now");
  });

  it("drops the answer to an older question", async () => {
    const page = await opened();
    const older = page.last();
    page.choose("By", "voice");
    page.last().answer({ alt: "newer" });
    await page.settle();
    older.answer({ alt: "older" });
    await page.settle();
    expect(page.image.alt).toBe("newer");
  });

  it("offers the choices of each figure only", async () => {
    const page = await opened();
    page.choose("Figure", "waterfall");
    expect(page.last().content).toMatchObject({ figure: "waterfall", by: "variant", metric: "" });
    expect(page.select("Column").closest("label")?.hidden).toBe(true);
    page.choose("Figure", "timeline");
    expect(page.last().content).toMatchObject({ figure: "timeline", by: "a.wav" });
    page.choose("Recording", "b.wav");
    expect(page.last().content).toMatchObject({ figure: "timeline", by: "b.wav" });
    page.choose("Figure", "distribution");
    expect(page.select("By").value).toBe("variant");
  });

  it("draws again for another theme, and not for a few pixels", async () => {
    const page = await opened();
    page.last().answer({ alt: "dark" });
    await page.settle();
    const before = page.asked.length;
    Object.defineProperty(page.pane.root, "clientWidth", { value: 720, configurable: true });
    page.pane.show(); // as after another pane
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(page.asked.length).toBe(before);
    page.card.dataset.theme = "light";
    await vi.waitFor(() => expect(page.last().content).toMatchObject({ theme: "light", width: 720 }), 3000);
  });
});
