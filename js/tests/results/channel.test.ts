// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createChannel } from "../../src/results/channel.js";
import { hasStaticPage, hideStaticPage } from "../../src/results/static-page.js";
import { createFakeModel } from "../fake-model.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function asking() {
  const model = createFakeModel();
  const life = new AbortController();
  const channel = createChannel(model, life.signal);
  const asked = () => model.sent.map(({ content }) => `${content.request} ${content.id}`);
  const answer = (id: unknown) => model.emit("msg:custom", { kind: "answer", id, content: { rows: 3 } }, []);
  return { model, life, channel, asked, answer };
}

describe("a question", () => {
  it("that the kernel does not answer is sent again under the same id, and settles with the first answer", async () => {
    const { model, channel, asked, answer } = asking();
    const found = channel.ask("table");
    vi.advanceTimersByTime(2000);
    expect(asked()).toHaveLength(2);
    expect(new Set(asked()).size).toBe(1);
    answer(model.sent[0]?.content.id);
    answer(model.sent[0]?.content.id);
    expect((await found).content).toEqual({ rows: 3 });
    vi.advanceTimersByTime(100_000);
    expect(asked()).toHaveLength(2);
  });

  it("that was answered is not sent again", async () => {
    const { model, channel, asked, answer } = asking();
    const found = channel.ask("rate", { value: 3 });
    answer(model.sent[0]?.content.id);
    await found;
    vi.advanceTimersByTime(100_000);
    expect(asked()).toHaveLength(1);
  });

  it("without any answer, or of a card that was closed, fails and is not sent again", async () => {
    const { life, channel, asked } = asking();
    const unanswered = expect(channel.ask("table")).rejects.toThrow("kernel");
    vi.advanceTimersByTime(60_000);
    await unanswered;
    const closed = expect(channel.ask("table")).rejects.toThrow("closed");
    const before = asked().length;
    life.abort();
    await closed;
    vi.advanceTimersByTime(100_000);
    expect(asked()).toHaveLength(before);
  });
});

describe("a change of the rows", () => {
  it("is news to each view but the one that asked for it", () => {
    const { model, channel } = asking();
    let changes = 0;
    channel.onChanged(() => changes++);
    channel.ask("rate", { value: 3 }).catch(() => undefined);
    for (const by of [model.sent[0]?.content.id, "1-2-1", "", undefined]) {
      model.emit("msg:custom", { kind: "changed", by }, []);
    }
    expect(changes).toBe(3);
  });
});

describe("the static page", () => {
  it("is hidden whenever it comes, until no view of the card is left", () => {
    const [first, second] = [new AbortController(), new AbortController()];
    hideStaticPage("k-1", first.signal);
    hideStaticPage("k-1", second.signal);
    const page = document.createElement("div");
    page.dataset.rtnbStatic = "k-1";
    document.body.append(page);
    const display = () => getComputedStyle(page).display;
    expect(hasStaticPage("k-1")).toBe(true);
    expect(hasStaticPage("k")).toBe(false);
    expect(display()).toBe("none");
    first.abort();
    expect(display()).toBe("none");
    second.abort();
    expect(display()).toBe("block");
  });
});
