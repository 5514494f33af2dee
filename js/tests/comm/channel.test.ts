import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createChannel } from "../../src/comm/channel.js";

const snapshot = (seq: number, to = "me") => ({
  v: 1,
  seq,
  kind: "snapshot",
  to,
  epoch: 0,
  lease: null,
  turns: [],
  live: [],
  earlier: 0,
  sound: 0,
});
const delta = (seq: number, more = {}) => ({
  v: 1,
  seq,
  kind: "live.delta",
  item_id: "i",
  text: `${seq}`,
  ...more,
});

const done = (seq: number) => ({
  v: 1,
  seq,
  kind: "audio.done",
  epoch: 0,
  item_id: `${seq}`,
  content_index: 0,
});
const heartbeat = (seq: number, sound: number, got = 0) => ({
  v: 1,
  seq,
  kind: "heartbeat",
  to: "me",
  sound,
  got,
  got_sound: 0,
});

function setUp() {
  const sent: Record<string, unknown>[] = [];
  const delivered: string[] = [];
  const missed = vi.fn();
  const alive = { now: true };
  const channel = createChannel({
    page: "me",
    transmit: (content) => sent.push(content),
    precede: (message) => message.kind === "flush" && delivered.push(`flush ${message.epoch}`) > 0,
    deliver: (message) =>
      delivered.push(
        message.kind === "live.delta"
          ? message.text
          : message.kind === "audio.done"
            ? `sound ${message.item_id}`
            : message.kind,
      ),
    onMessagesLost: missed,
    alive: () => alive.now,
  });
  return {
    channel,
    sent,
    delivered,
    missed,
    alive,
    receive: (content: unknown) => channel.receive(content, []),
  };
}

describe("channel", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("numbers the messages of each stream from 1 and adds the page id", () => {
    const { channel, sent } = setUp();
    channel.send({ kind: "bye" });
    channel.send({ kind: "mic.open" });
    channel.send({ kind: "retry" });
    expect(sent).toEqual([
      { v: 1, seq: 1, page: "me", kind: "bye" },
      { v: 1, seq: 1, page: "me", kind: "mic.open" },
      { v: 1, seq: 2, page: "me", kind: "retry" },
    ]);
    expect(channel.sound).toEqual({ sound: 1, got: 0 });
  });

  it("delivers nothing before its own snapshot, and every later message after it", () => {
    const { receive, delivered } = setUp();
    receive(delta(4));
    receive(snapshot(5, "another"));
    receive(delta(7));
    receive(snapshot(6));
    receive(delta(8));
    expect(delivered).toEqual(["snapshot", "7", "8"]);
  });

  it("delivers in order at any order of arrival, and drops repeats", () => {
    const { receive, delivered } = setUp();
    receive(snapshot(1));
    for (const seq of [4, 3, 3, 2, 4, 6, 5, 2]) receive(delta(seq));
    expect(delivered).toEqual(["snapshot", "2", "3", "4", "5", "6"]);
  });

  it("asks for missing messages again and again, with growing pauses", () => {
    const { receive, sent } = setUp();
    receive(snapshot(1));
    for (const seq of [4, 5, 7]) receive(delta(seq));
    vi.advanceTimersByTime(50);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(30_000);
    const ranges = [
      [2, 3],
      [6, 6],
    ];
    expect(sent[0]).toEqual({ v: 1, seq: 0, page: "me", kind: "gap", of: "state", ranges });
    expect(sent.length).toBeGreaterThan(28);
    expect(sent.length).toBeLessThan(36);
  });

  it("asks for nothing while no kernel answers, and goes on afterwards", () => {
    const { receive, sent, alive } = setUp();
    receive(snapshot(1));
    receive(delta(3));
    alive.now = false;
    vi.advanceTimersByTime(10_000);
    expect(sent).toEqual([]);
    alive.now = true;
    vi.advanceTimersByTime(1000);
    expect(sent).toHaveLength(1);
  });

  it("goes on when the kernel reports messages as lost, and asks for a snapshot", () => {
    const { receive, delivered, missed } = setUp();
    receive(snapshot(1));
    receive(delta(4));
    receive({ v: 1, seq: 0, kind: "lost", to: "another", of: "state", ranges: [[2, 3]] });
    expect(delivered).toEqual(["snapshot"]);
    receive({ v: 1, seq: 0, kind: "lost", to: "me", of: "state", ranges: [[2, 3]] });
    expect(delivered).toEqual(["snapshot", "4"]);
    expect(missed).toHaveBeenCalledOnce();
    receive(delta(5));
    expect(delivered.at(-1)).toBe("5");
  });

  it("delivers state while sound waits for a missing message, and needs no snapshot for lost sound", () => {
    const { receive, delivered, missed, sent } = setUp();
    receive(snapshot(1));
    receive(done(2));
    receive(delta(2));
    expect(delivered).toEqual(["snapshot", "2"]);
    vi.advanceTimersByTime(100);
    expect(sent).toMatchObject([{ kind: "gap", of: "sound", ranges: [[1, 1]] }]);
    receive({ v: 1, seq: 0, kind: "lost", to: "me", of: "sound", ranges: [[1, 1]] });
    expect(delivered).toEqual(["snapshot", "2", "sound 2"]);
    expect(missed).not.toHaveBeenCalled();
  });

  it("never takes a later snapshot for the sound or the messages before it", () => {
    const { receive, delivered } = setUp();
    receive(snapshot(1));
    receive(done(2));
    receive(delta(2));
    receive({ ...snapshot(4), sound: 2 });
    expect(delivered).toEqual(["snapshot", "2"]);
    receive(delta(3));
    receive(done(1));
    expect(delivered).toEqual(["snapshot", "2", "3", "snapshot", "sound 1", "sound 2"]);
  });

  it("begins with the sound after that of its first snapshot", () => {
    const { receive, delivered } = setUp();
    receive(done(3));
    receive(done(5));
    receive({ ...snapshot(9), sound: 4 });
    expect(delivered).toEqual(["snapshot", "sound 5"]);
  });

  it("acts on a flush at once and once", () => {
    const { receive, delivered } = setUp();
    const flush = { v: 1, seq: 4, kind: "flush", epoch: 2 };
    receive(snapshot(1));
    receive(flush);
    expect(delivered).toEqual(["snapshot", "flush 2"]);
    receive(flush);
    receive(delta(2));
    receive(delta(3));
    receive(flush);
    expect(delivered).toEqual(["snapshot", "flush 2", "2", "3"]);
  });

  it("learns from a heartbeat that the end of the sound is missing", () => {
    const { receive, sent } = setUp();
    receive(snapshot(1));
    receive(heartbeat(2, 3));
    vi.advanceTimersByTime(100);
    expect(sent).toMatchObject([{ kind: "gap", of: "sound", ranges: [[1, 3]] }]);
  });

  it("sends its own messages again until the kernel has them, and says which it does not keep", () => {
    const { channel, receive, sent } = setUp();
    receive(snapshot(1));
    const frame = (number: number) => {
      const pcm = new ArrayBuffer(2);
      channel.send({ kind: "mic.frame", frame: number, level: 0, sent: false, at: 0 }, pcm);
    };
    for (let number = 0; number < 251; number++) frame(number);
    channel.send({ kind: "retry" });
    channel.send({ kind: "interrupt" });
    receive(heartbeat(2, 0, 1));
    sent.length = 0;
    const gap = { v: 1, seq: 0, kind: "gap", to: "me" };
    receive({ ...gap, of: "sound", ranges: [[1, 3]] });
    receive({ ...gap, of: "state", ranges: [[1, 2]] });
    expect(sent).toMatchObject([
      { kind: "mic.frame", seq: 2, frame: 1 },
      { kind: "mic.frame", seq: 3, frame: 2 },
      { kind: "lost", seq: 0, of: "sound", ranges: [[1, 1]] },
      { kind: "interrupt", seq: 2 },
      { kind: "lost", seq: 0, of: "state", ranges: [[1, 1]] },
    ]);
  });

  it("counts messages for other pages and unreadable ones, and delivers neither", () => {
    const { receive, delivered } = setUp();
    receive(snapshot(1));
    receive(delta(2, { to: "another" }));
    receive({ v: 1, seq: 3, kind: "of a later version" });
    receive(delta(4));
    expect(delivered).toEqual(["snapshot", "4"]);
  });

  it("delivers a long conversation in order at any order of arrival", () => {
    const { receive, delivered } = setUp();
    receive(snapshot(1));
    const order = Array.from({ length: 500 }, (_, i) => i + 2);
    for (let i = order.length - 1; i > 0; i--) {
      const j = (i * 7919 + 13) % (i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    for (const seq of order) receive(delta(seq));
    expect(delivered.slice(1).map(Number)).toEqual(Array.from({ length: 500 }, (_, i) => i + 2));
  });
});
