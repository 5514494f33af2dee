import { describe, expect, it } from "vitest";
import { createOrder, type Range } from "../../src/comm/order.js";
import { createOutbox } from "../../src/comm/outbox.js";

/** A reproducible source of numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return state / 2 ** 32;
  };
}

/** An outbox and an order, joined by a line that loses, repeats and reorders. */
function createLine(seed: number, loss: number, keep: number) {
  const random = randomOf(seed);
  const delivered: number[] = [];
  const lost: number[] = [];
  const flying: number[] = [];
  const line = { loss };
  const order = createOrder<number>((seq) => delivered.push(seq));
  const fly = (seq: number) => {
    for (let copies = random() < 0.2 ? 2 : 1; copies > 0; copies--)
      if (random() >= line.loss) flying.splice(Math.floor(random() * (flying.length + 1)), 0, seq);
  };
  const outbox = createOutbox(fly, keep);
  order.begin(0);
  return {
    line,
    delivered,
    lost,
    order,
    outbox,
    send: () => outbox.push({}, null),
    land(count: number) {
      for (const seq of flying.splice(0, count)) if (order.lacks(seq)) order.add(seq, seq);
      if (random() >= line.loss) outbox.acknowledge(order.done);
    },
    ask() {
      if (random() < line.loss) return;
      for (const [first, last] of outbox.repeat([...order.missing])) {
        for (let seq = first; seq <= last; seq++) if (order.lacks(seq)) lost.push(seq);
        order.giveUp(first, last);
      }
    },
  };
}

describe("the order of a stream", () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    "delivers every message once and in order, or says that it is lost (seed %i)",
    (seed) => {
      const random = randomOf(seed + 1000);
      const keep = [6, 30, 5000][seed % 3] as number;
      const { line, delivered, lost, order, outbox, send, land, ask } = createLine(
        seed,
        random() * 0.8,
        keep,
      );
      for (let step = 0; step < 300; step++) [send, send, () => land(2), ask][Math.floor(random() * 4)]?.();
      line.loss = 0;
      order.announce(outbox.last);
      for (let round = 0; round < 3; round++) {
        ask();
        land(10_000);
      }
      expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b));
      expect([...delivered, ...lost].sort((a, b) => a - b)).toEqual(
        Array.from({ length: outbox.last }, (_, i) => i + 1),
      );
      expect([order.missing, order.held, order.done]).toEqual([[], 0, outbox.last]);
      if (keep === 5000) expect(lost).toEqual([]);
    },
  );

  it("names the runs of missing numbers", () => {
    const order = createOrder(() => undefined);
    order.begin(0);
    for (const seq of [2, 3, 7]) order.add(seq, seq);
    order.announce(9);
    expect(order.missing).toEqual([
      [1, 1],
      [4, 6],
      [8, 9],
    ] satisfies Range[]);
  });
});
