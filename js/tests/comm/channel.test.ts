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
});
const delta = (seq: number, more = {}) => ({
  v: 1,
  seq,
  kind: "live.delta",
  item_id: "i",
  text: `${seq}`,
  ...more,
});

function setUp() {
  const sent: Record<string, unknown>[] = [];
  const delivered: string[] = [];
  const missed = vi.fn();
  const channel = createChannel({
    page: "me",
    transmit: (content) => sent.push(content),
    deliver: (message) => delivered.push(message.kind === "live.delta" ? message.text : message.kind),
    onMessagesLost: missed,
  });
  return { channel, sent, delivered, missed, receive: (content: unknown) => channel.receive(content, []) };
}

describe("channel", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("numbers its messages from 1 and adds the page id", () => {
    const { channel, sent } = setUp();
    channel.send({ kind: "bye" });
    channel.send({ kind: "heartbeat" });
    expect(sent).toEqual([
      { v: 1, seq: 1, page: "me", kind: "bye" },
      { v: 1, seq: 2, page: "me", kind: "heartbeat" },
    ]);
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

  it("asks for missing messages once, after a moment", () => {
    const { receive, sent } = setUp();
    receive(snapshot(1));
    receive(delta(4));
    vi.advanceTimersByTime(50);
    receive(delta(5));
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(500);
    expect(sent).toMatchObject([{ kind: "gap", from: 2, to: 3 }]);
  });

  it("goes on when the kernel reports messages as lost, and asks for a snapshot", () => {
    const { receive, delivered, missed } = setUp();
    receive(snapshot(1));
    receive(delta(4));
    receive({ v: 1, seq: 5, kind: "lost", from: 2, to: 3 });
    expect(delivered).toEqual(["snapshot", "4"]);
    expect(missed).toHaveBeenCalledOnce();
    receive(delta(6));
    expect(delivered.at(-1)).toBe("6");
  });

  it("gives missing messages up after two seconds", () => {
    const { receive, delivered, missed } = setUp();
    receive(snapshot(1));
    receive(delta(3));
    vi.advanceTimersByTime(1999);
    expect(delivered).toEqual(["snapshot"]);
    vi.advanceTimersByTime(2);
    expect(delivered).toEqual(["snapshot", "3"]);
    expect(missed).toHaveBeenCalledOnce();
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
