/**
 * Numbers the messages that this page sends in one stream, and keeps them until the kernel has them.
 *
 * Nothing waits here: an answer of the kernel may be late only because the page draws a lot of output
 * (docs/notebook.md 29), and the way to the kernel is free all the same. The kernel asks for what it misses, and
 * counts what is not kept any more: of the microphone, what is older than ten seconds.
 *
 * Pure: must not know what the messages contain.
 */

import type { Range } from "./order.js";

type Content = Record<string, unknown>;

interface Kept {
  seq: number;
  content: Content;
  buffer: ArrayBuffer | null;
}

interface Outbox {
  /** The number of the newest message. */
  readonly last: number;
  push(content: Content, buffer: ArrayBuffer | null): void;
  /** The kernel has every message up to this one. */
  acknowledge(to: number): void;
  /** Sends the messages of these numbers again, and returns the runs of those that are not kept any more. */
  repeat(ranges: readonly Range[]): Range[];
}

/** @param keep how many messages are kept at most. */
export function createOutbox(
  transmit: (seq: number, content: Content, buffer: ArrayBuffer | null) => void,
  keep: number,
): Outbox {
  let last = 0;
  let kept: Kept[] = [];

  const send = ({ seq, content, buffer }: Kept) => transmit(seq, content, buffer);

  return {
    get last() {
      return last;
    },
    push(content, buffer) {
      const message = { seq: ++last, content, buffer };
      kept.push(message);
      if (kept.length > keep) kept.shift();
      send(message);
    },
    acknowledge(to) {
      kept = kept.filter(({ seq }) => seq > to);
    },
    repeat(ranges) {
      const lost: Range[] = [];
      const oldest = kept[0]?.seq ?? last + 1;
      for (const [first, end] of ranges) {
        if (first < oldest) lost.push([first, Math.min(end, oldest - 1)]);
        for (const message of kept) if (message.seq >= first && message.seq <= end) send(message);
      }
      return lost;
    },
  };
}
