// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createEngine } from "../src/engine.js";
import { createFakeModel, type FakeModel } from "./fake-model.js";
import { turn } from "./turns.js";

function setUp(model: FakeModel = createFakeModel()) {
  const life = new AbortController();
  const engine = createEngine(model, life.signal);
  return { model, engine, life };
}
const sound = new Int16Array(2400).fill(5).buffer;

describe("engine", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("says hello at its beginning and makes neither context nor microphone", () => {
    const context = vi.fn();
    vi.stubGlobal("AudioContext", context);
    const { model } = setUp();
    model.greet();
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    expect(model.kinds()[0]).toBe("hello");
    expect(context).not.toHaveBeenCalled();
  });

  it("survives a model without a kernel", () => {
    const model = createFakeModel();
    model.send = () => {
      throw new Error("no comm");
    };
    const { engine } = setUp(model);
    vi.advanceTimersByTime(20_000);
    expect(engine.state.kernel).toBe("quiet");
  });

  it("keeps an answer that comes before any gesture, and says that it waits", () => {
    const { model, engine } = setUp();
    model.greet();
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    expect(engine.state).toMatchObject({ blocked: true });
    expect(model.sent.at(-1)?.content).toMatchObject({
      kind: "play.state",
      state: "blocked",
      items: [{ played: 0, received: 2400 }],
    });
  });

  it("makes no sound that another page has, and says who has it", () => {
    const { model, engine } = setUp();
    model.greet({ lease: "p-other" });
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    expect(engine.state).toMatchObject({ sound: "elsewhere", playing: false, blocked: false });
  });

  it("claims the sound on a gesture, even where the kernel lent it before", () => {
    const { model, engine } = setUp();
    const page = model.sent[0]?.content.page;
    model.greet({ lease: page });
    engine.sendText("hi");
    engine.sendText("again");
    expect(model.kinds().slice(1)).toEqual(["lease", "send", "send"]);
    expect(engine.state.sound).toBe("here");
  });

  it("tells the other widgets of the page that it begins to listen", async () => {
    const heard: unknown[] = [];
    const { model, engine, life } = setUp();
    window.addEventListener("rtnb-listening", (event) => heard.push((event as CustomEvent).detail), {
      signal: life.signal,
    });
    await engine.talk(true);
    expect(heard).toEqual([model.sent[0]?.content.page]);
  });

  it("throws away what waits when another page takes the sound, and says so", async () => {
    const { model, engine } = setUp();
    model.greet();
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    model.down("lease", { page: "p-other" });
    await vi.advanceTimersByTimeAsync(0);
    expect(engine.state.blocked).toBe(false);
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "play.stopped", cause: "lease" });
  });

  it("keeps the transcript through lost messages by asking for a snapshot", () => {
    const { model, engine } = setUp();
    model.greet({ turns: [turn("a")] });
    model.down("lost", { from: 2, to: 2 });
    model.down("turn", { turn: turn("b"), after: "a" });
    expect(engine.transcript.turns.map((each) => each.item_id)).toEqual(["a", "b"]);
  });

  it("knows a dead comm from a busy kernel", () => {
    const { model, engine } = setUp();
    model.greet();
    model.set("status", "listening");
    vi.advanceTimersByTime(8000);
    expect(engine.state.kernel).toBe("quiet");
    model.emit("comm_live_update");
    expect(engine.state.kernel).toBe("gone");
    model.down("heartbeat");
    expect(engine.state.kernel).toBe("ok");
  });

  it("watches events only while somebody looks", () => {
    const { model, engine } = setUp();
    model.greet();
    const [one, two] = [new AbortController(), new AbortController()];
    engine.watchEvents(one.signal);
    engine.watchEvents(two.signal);
    one.abort();
    two.abort();
    expect(model.sent.filter((m) => m.content.kind === "events").map((m) => m.content.on)).toEqual([
      true,
      false,
    ]);
  });

  it("leaves nothing behind when its model goes", () => {
    const { model, life } = setUp();
    model.greet();
    life.abort();
    expect(model.kinds().at(-1)).toBe("bye");
    const before = model.sent.length;
    vi.advanceTimersByTime(60_000);
    expect(model.sent.length).toBe(before);
    expect([...model.handlers.values()].flat()).toEqual([]);
  });
});
