// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Mic, openMic } from "../src/audio/mic.js";
import { createEngine } from "../src/engine.js";
import { createFakeModel, type FakeModel } from "./fake-model.js";
import { turn } from "./turns.js";

vi.mock("../src/audio/mic.js", () => ({
  openMic: vi.fn(async () => ({ close: async () => undefined })),
}));

const lives: AbortController[] = [];

function setUp(model: FakeModel = createFakeModel()) {
  const life = new AbortController();
  lives.push(life);
  const engine = createEngine(model, life.signal);
  return { model, engine, life };
}
const sound = new Int16Array(2400).fill(5).buffer;

describe("engine", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    for (const life of lives.splice(0)) life.abort();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("says hello when created, and opens neither AudioContext nor microphone", () => {
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

  it("finds out from a comm that throws that the kernel was shut down", () => {
    const { model, engine } = setUp();
    model.greet();
    model.send = () => {
      throw new Error("Kernel is dead");
    };
    vi.advanceTimersByTime(1000);
    expect(engine.state.kernel).toBe("gone");
  });

  it("keeps sound that arrives before any gesture, and reports it as blocked", () => {
    const { model, engine } = setUp();
    model.greet();
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    expect(engine.state).toMatchObject({ blocked: true });
    expect(model.sent.at(-1)?.content).toMatchObject({
      kind: "play.state",
      state: "blocked",
      items: [{ played: 0 }],
    });
  });

  it("plays nothing while another page has the sound, and shows that", () => {
    const { model, engine } = setUp();
    model.greet({ lease: "p-other" });
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    expect(engine.state).toMatchObject({ sound: "elsewhere", playing: false, blocked: false });
  });

  it("claims the sound on the first gesture, even if the kernel has already given it to this page", () => {
    const { model, engine } = setUp();
    const page = model.sent[0]?.content.page;
    model.greet({ lease: page });
    engine.sendText("hi");
    engine.sendText("again");
    expect(model.kinds().slice(1)).toEqual(["lease", "send", "send"]);
    expect(engine.state.sound).toBe("here");
  });

  it("stops the microphone of another widget on the page when it begins to listen", async () => {
    const [one, two] = [setUp(), setUp()];
    one.model.greet();
    two.model.greet();
    await one.engine.talk(true);
    expect([one.engine.state.mic, two.engine.state.mic]).toEqual(["on", "off"]);
    await two.engine.talk(true);
    await vi.advanceTimersByTimeAsync(0);
    expect([one.engine.state.mic, two.engine.state.mic]).toEqual(["off", "on"]);
    expect(one.model.kinds().filter((kind) => String(kind).startsWith("mic."))).toEqual([
      "mic.open",
      "mic.close",
    ]);
    expect(two.model.kinds().filter((kind) => String(kind).startsWith("mic."))).toEqual(["mic.open"]);
  });

  it("stops a microphone of another widget that is still opening", async () => {
    let allow: (mic: Mic) => void = () => undefined;
    const asked = new Promise<Mic>((resolve) => {
      allow = resolve;
    });
    vi.mocked(openMic).mockReturnValueOnce(asked);
    const [one, two] = [setUp(), setUp()];
    one.model.greet();
    two.model.greet();
    void one.engine.talk(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(one.engine.state.mic).toBe("opening");
    await two.engine.talk(true);
    const close = vi.fn(() => Promise.resolve());
    allow({ close });
    await vi.advanceTimersByTimeAsync(0);
    expect([one.engine.state.mic, two.engine.state.mic]).toEqual(["off", "on"]);
    expect(close).toHaveBeenCalledOnce();
  });

  it("stops a microphone 3 s after the last view is gone, without the kernel", async () => {
    const { model, engine } = setUp();
    model.greet();
    const [one, two] = [new AbortController(), new AbortController()];
    engine.viewed(one.signal);
    engine.viewed(two.signal);
    await engine.talk(true);
    one.abort();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(engine.state.mic).toBe("on");
    two.abort();
    await vi.advanceTimersByTimeAsync(2900);
    expect(engine.state.mic).toBe("on");
    await vi.advanceTimersByTimeAsync(200);
    expect(engine.state.mic).toBe("off");
    expect(model.kinds()).not.toContain("commit");
    const counts = model.sent.filter((m) => m.content.kind === "views").map((m) => m.content.count);
    expect(counts).toEqual([1, 2, 1, 0]);
  });

  it("stops an answer that a removed card began, 3 s after its last view is gone", async () => {
    const { model, engine } = setUp();
    model.greet();
    const view = new AbortController();
    engine.viewed(view.signal);
    await engine.talk(true);
    view.abort();
    await vi.advanceTimersByTimeAsync(2900);
    expect(model.kinds()).not.toContain("interrupt");
    await vi.advanceTimersByTimeAsync(200);
    expect(model.kinds().slice(-3)).toEqual(["mic.close", "play.stopped", "interrupt"]);
  });

  it("lets an answer be spoken that is asked for after the card was removed", async () => {
    const { model, engine } = setUp();
    model.greet();
    const view = new AbortController();
    engine.viewed(view.signal);
    view.abort();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(model.kinds()).not.toContain("interrupt");
  });

  it("keeps the microphone when the card is drawn again within 3 s", async () => {
    const { model, engine } = setUp();
    model.greet();
    const moved = new AbortController();
    engine.viewed(moved.signal);
    await engine.talk(true);
    moved.abort();
    await vi.advanceTimersByTimeAsync(130);
    engine.viewed(new AbortController().signal);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(engine.state.mic).toBe("on");
  });

  it("closes a microphone that opens after the last view is gone", async () => {
    let allow: (mic: Mic) => void = () => undefined;
    vi.mocked(openMic).mockReturnValueOnce(
      new Promise<Mic>((resolve) => {
        allow = resolve;
      }),
    );
    const { model, engine } = setUp();
    model.greet();
    const view = new AbortController();
    engine.viewed(view.signal);
    void engine.talk(true);
    view.abort();
    await vi.advanceTimersByTimeAsync(5000);
    const close = vi.fn(() => Promise.resolve());
    allow({ close });
    await vi.advanceTimersByTimeAsync(0);
    expect(engine.state.mic).toBe("off");
    expect(close).toHaveBeenCalledOnce();
  });

  it("counts its views again for each snapshot, and not for a page that is left", () => {
    const { model, engine } = setUp();
    const view = new AbortController();
    engine.viewed(view.signal);
    model.greet();
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "views", count: 1 });
    window.dispatchEvent(new Event("pagehide"));
    view.abort();
    expect(model.kinds().at(-1)).toBe("bye");
  });

  it("commits nothing when another widget stops its push to talk", async () => {
    const model = createFakeModel({ turn_detection: null });
    const [one, two] = [setUp(model), setUp()];
    one.model.greet();
    two.model.greet();
    await one.engine.talk(true);
    for (let frame = 0; frame < 10; frame++)
      vi.mocked(openMic).mock.lastCall?.[1].frame(new Int16Array(960), 0.1);
    await two.engine.talk(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(one.model.kinds().filter((kind) => kind === "mic.frame")).toHaveLength(10);
    expect(one.model.kinds()).not.toContain("commit");
  });

  it("ignores other widgets after its model is gone", async () => {
    const { engine, life, model } = setUp();
    model.greet();
    await engine.talk(true);
    life.abort();
    const before = model.sent.length;
    await setUp().engine.talk(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(model.sent.length).toBe(before);
  });

  it("drops waiting sound when another page claims the sound, and reports play.stopped", async () => {
    const { model, engine } = setUp();
    model.greet();
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    model.down("lease", { page: "p-other" });
    await vi.advanceTimersByTimeAsync(0);
    expect(engine.state.blocked).toBe(false);
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "play.stopped", cause: "lease" });
  });

  it("switches its microphone off when the kernel takes no more sound", async () => {
    const { model, engine } = setUp();
    model.greet();
    await engine.talk(true);
    expect(engine.state.mic).toBe("on");
    model.down("mic.stop", {});
    await vi.advanceTimersByTimeAsync(0);
    expect(engine.state.mic).toBe("off");
    expect(model.kinds().at(-1)).toBe("mic.close");
  });

  it("keeps the transcript complete when messages are lost", () => {
    const { model, engine } = setUp();
    model.greet({ turns: [turn("a")] });
    const page = model.sent[0]?.content.page;
    model.down("live.delta", { item_id: "a", text: "lost on its way" }, undefined, { lose: true });
    model.down("turn", { turn: turn("b"), after: "a" });
    expect(engine.transcript.turns).toHaveLength(1);
    model.down("lost", { to: page, of: "state", ranges: [[2, 2]] });
    expect(model.kinds().at(-1)).toBe("hello");
    expect(engine.transcript.turns.map((each) => each.item_id)).toEqual(["a", "b"]);
  });

  it("acts on a flush and on the loss of the sound before earlier messages arrive", async () => {
    const { model, engine } = setUp();
    const page = model.sent[0]?.content.page;
    model.greet({ lease: page });
    model.down("audio", { epoch: 0, item_id: "a", content_index: 0, start: 0 }, sound);
    model.down("live.delta", { item_id: "a", text: "" }, undefined, { lose: true });
    model.down("flush", { epoch: 1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(model.sent.filter(({ content }) => content.kind === "play.stopped")).toHaveLength(1);
    model.down("audio", { epoch: 1, item_id: "b", content_index: 0, start: 0 }, sound, { lose: true });
    model.down("lease", { page: "p-other" });
    expect(engine.state.sound).toBe("elsewhere");
  });

  it("plays sound in order when a part of it arrives late", () => {
    const { model } = setUp();
    model.greet();
    const part = (start: number) => ({ epoch: 0, item_id: "a", content_index: 0, start });
    model.down("audio", part(0), sound);
    model.down("audio", part(2400), sound, { lose: true });
    model.down("audio", part(4800), sound);
    vi.advanceTimersByTime(100);
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "gap", of: "sound", ranges: [[2, 2]] });
  });

  it("beats every second while the microphone is on, else every 20 s", async () => {
    const { model, engine } = setUp();
    model.greet();
    await engine.talk(true);
    vi.advanceTimersByTime(1000);
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "heartbeat", every: 1, sound: 2, got: 0 });
    await engine.talk(false);
    vi.advanceTimersByTime(1000);
    expect(model.sent.at(-1)?.content).toMatchObject({ kind: "heartbeat", every: 20, sound: 3 });
  });

  it("distinguishes a closed comm from a busy kernel", () => {
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

  it("asks for wire events only while an events panel is open", () => {
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

  it("removes its timers and handlers when its model is gone", async () => {
    const { model, life, engine } = setUp();
    model.greet();
    const view = new AbortController();
    engine.viewed(view.signal);
    await engine.talk(true);
    view.abort();
    life.abort();
    expect(model.kinds().at(-1)).toBe("bye");
    const before = model.sent.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(model.sent.length).toBe(before);
    expect([...model.handlers.values()].flat()).toEqual([]);
  });
});
