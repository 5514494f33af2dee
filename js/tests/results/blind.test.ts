// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createBlindPane } from "../../src/results/blind.js";
import type { Answer, ResultsChannel } from "../../src/results/channel.js";

/** Answers in writing: they need no sound to be voted on. */
const written = (token: string, voted: number): Answer => ({
  content: {
    voted,
    total: 2,
    unheard: 0,
    pair: { token, question: `<b>${token}</b>?`, rates: [], words: [`left ${token}`, `right ${token}`] },
  },
  buffers: [],
});
const over: Answer = { content: { voted: 2, total: 2, unheard: 0, pair: null }, buffers: [] };
const ranking: Answer = {
  content: {
    title: "2 votes",
    notes: ["One listener."],
    places: [
      {
        name: "<i>marin</i>",
        place: 1,
        low: 1,
        high: 2,
        share: 0.7,
        share_low: 0.4,
        share_high: 0.9,
        wins: 2,
        ties: 0,
        losses: 0,
        best: false,
      },
    ],
  },
  buffers: [],
};

let asked: [string, Record<string, unknown>][];
let answers: Record<string, (content: Record<string, unknown>) => Answer | Promise<Answer>>;

const channel: ResultsChannel = {
  answered: Promise.resolve(),
  signal: new AbortController().signal,
  onChanged() {
    throw new Error("a sitting must not be disturbed by grades");
  },
  async ask(request, content = {}) {
    asked.push([request, content]);
    const make = answers[request];
    if (!make) throw new Error(`no answer to ${request}`);
    return make(content);
  },
};

const settle = () => new Promise((resolve) => setTimeout(resolve));

async function opened() {
  const pane = createBlindPane(channel);
  document.body.replaceChildren(pane.root);
  pane.show();
  await settle();
  const press = async (key: string, target: Element = pane.root, repeat = false) => {
    pane.key?.(new KeyboardEvent("keydown", { key, repeat, cancelable: true }), target);
    await settle();
  };
  const named = (name: string) =>
    [...pane.root.querySelectorAll("button")].find((each) => each.textContent?.includes(name));
  return { pane, press, named, words: () => pane.root.textContent ?? "" };
}

beforeEach(() => {
  asked = [];
  answers = {
    "blind-options": () => ({
      content: { settings: ["variant", "voice"], listeners: ["Ada"], kept: true, last: null },
      buffers: [],
    }),
    "blind-pair": () => written("p1", 0),
    "blind-vote": ({ token }) => (token === "p1" ? written("p2", 1) : over),
    "blind-back": () => written("p1", 0),
    "blind-ranking": () => ranking,
  };
});

describe("the pane Blind", () => {
  it("goes from the first pair to the ranking by keys", async () => {
    const { press, words, pane } = await opened();
    const name = pane.root.querySelector("input[type=text]") as HTMLInputElement;
    expect(name.value).toBe("Ada");
    await press("Enter", name);
    expect(words()).toContain("left p1");
    await press("1");
    expect(words()).toContain("1 of 2 pairs");
    await press("Backspace");
    expect(words()).toContain("0 of 2 pairs");
    await press("2");
    await press("=");
    expect(
      asked.filter(([request]) => request === "blind-vote").map(([, { token, choice }]) => [token, choice]),
    ).toEqual([
      ["p1", "first"],
      ["p1", "second"],
      ["p2", "neither"],
    ]);
    expect(words()).toContain("2 votes");
    expect(asked.at(-1)).toEqual(["blind-ranking", { by: "variant", listener: "Ada", everyone: false }]);
  });

  it("shows every text as text", async () => {
    const { press, named, pane } = await opened();
    named("Start")?.click();
    await settle();
    expect(pane.root.querySelector("b")).toBeNull();
    expect(pane.root.textContent).toContain("<b>p1</b>?");
    await press("1");
    await press("1");
    expect(pane.root.querySelector("i")).toBeNull();
    expect(pane.root.textContent).toContain("<i>marin</i>");
  });

  it("counts a key that is held down once, and no second vote before the answer to the first", async () => {
    const { press, named } = await opened();
    named("Start")?.click();
    await settle();
    let arrive: (answer: Answer) => void = () => undefined;
    answers["blind-vote"] = () =>
      new Promise((resolve) => {
        arrive = resolve;
      });
    await press("1");
    await press("1", undefined, true);
    await press("2");
    arrive(written("p2", 1));
    await settle();
    expect(asked.filter(([request]) => request === "blind-vote")).toHaveLength(1);
  });

  it("keeps the pair and says why when a vote was not kept", async () => {
    const { press, named, words } = await opened();
    named("Start")?.click();
    await settle();
    answers["blind-vote"] = () => Promise.reject(new Error("No space left on device"));
    await press("1");
    expect(words()).toContain("No space left on device");
    expect(words()).toContain("left p1");
    answers["blind-vote"] = () => written("p2", 1);
    await press("1");
    expect(words()).toContain("left p2");
    expect(words()).not.toContain("No space left");
  });

  it("goes on with the current pair when another view of the results voted on this one", async () => {
    const { press, named, words } = await opened();
    named("Start")?.click();
    await settle();
    answers["blind-vote"] = () => Promise.reject(new Error("this pair is over"));
    answers["blind-pair"] = () => written("p2", 1);
    await press("1");
    expect(words()).toContain("left p2");
    expect(words()).toContain("this pair is over");
  });

  it("keeps the focus when a focused button is disabled, so that no key reaches the notebook", async () => {
    const { named, pane } = await opened();
    named("Start")?.click();
    await settle();
    const prefer = named("Prefer 1");
    prefer?.focus();
    prefer?.click();
    expect(document.activeElement).toBe(pane.root);
    await settle();
    expect(document.activeElement).toBe(pane.root);
  });

  it("refuses a vote on sounds that were not heard", async () => {
    const { press, named, words } = await opened();
    answers["blind-pair"] = () => ({
      content: {
        voted: 0,
        total: 2,
        unheard: 1,
        pair: { token: "p1", question: "", rates: [24_000, 24_000], words: [] },
      },
      buffers: [new DataView(new ArrayBuffer(4)), new DataView(new ArrayBuffer(4))],
    });
    vi.stubGlobal("AudioContext", undefined);
    named("Start")?.click();
    await settle();
    expect(named("Prefer 1")?.disabled).toBe(true);
    await press("1");
    expect(words()).toContain("Listen to both first");
    expect(words()).toContain("1 left out");
    expect(asked.filter(([request]) => request === "blind-vote")).toHaveLength(0);
    vi.unstubAllGlobals();
  });
});
