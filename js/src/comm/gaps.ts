/**
 * Decides when to ask the kernel for missing messages: again and again, with growing pauses.
 *
 * The server deletes comm messages while a cell prints a lot, the requests and their answers included, and
 * messages may arrive out of order (docs/notebook.md 5, 8, 29, 38). So a gap is asked for after a moment in which
 * a late message may still come, and for as long as the kernel answers at all: it says itself what it does not
 * keep any more.
 *
 * Must not know messages, only their numbers.
 */

import type { Range } from "./order.js";

/** How long a missing message may be late before the page asks for it. */
const FIRST_REQUEST_AFTER_MS = 60;
const LONGEST_PAUSE_MS = 1000;
const MOST_RANGES = 64;

interface GapHost {
  missing(): readonly Range[];
  /** False while no kernel answers: a request would only add to the messages that wait. */
  alive(): boolean;
  request(ranges: readonly Range[]): void;
}

interface GapRequests {
  /** Looks at what is missing now; where the first missing message arrived, others are asked for sooner. */
  update(): void;
  close(): void;
}

export function createGapRequests(host: GapHost): GapRequests {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = FIRST_REQUEST_AFTER_MS;
  let first: number | undefined;

  function close(): void {
    clearTimeout(timer);
    pause = FIRST_REQUEST_AFTER_MS;
  }

  function ask(): void {
    if (host.alive()) host.request(host.missing().slice(0, MOST_RANGES));
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
    timer = setTimeout(ask, pause);
  }

  return {
    update() {
      const next = host.missing()[0]?.[0];
      if (next === first) return;
      close();
      first = next;
      if (next !== undefined) timer = setTimeout(ask, pause);
    },
    close,
  };
}
