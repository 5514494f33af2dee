/**
 * Asks the kernel for lost comm messages, and gives them up when they do not come.
 *
 * The server deletes comm messages while a cell prints a lot, and messages may arrive out of order
 * (docs/notebook.md 5, 8, 38): a gap is asked for only after a moment in which a late message may still come.
 *
 * Must not know messages, only their numbers.
 */

/** How long a missing message may be late before the page asks for it. */
const FIRST_REQUEST_AFTER_MS = 60;
/** How long the page waits for a missing message, in all. */
const GIVE_UP_AFTER_MS = 2000;

interface GapHost {
  /** The last number of the gap that begins at the first missing number. */
  lastMissing(): number;
  request(from: number, to: number): void;
  /** Everything up to `to` that has not arrived is lost. */
  giveUp(to: number): void;
}

interface GapRequests {
  /** The number of the first missing message, or null where none is missing. */
  update(firstMissing: number | null): void;
}

export function createGapRequests(host: GapHost): GapRequests {
  let first: number | null = null;
  let request: ReturnType<typeof setTimeout> | undefined;
  let deadline: ReturnType<typeof setTimeout> | undefined;

  return {
    update(firstMissing) {
      if (firstMissing !== null && firstMissing === first) return;
      clearTimeout(request);
      clearTimeout(deadline);
      first = firstMissing;
      if (firstMissing === null) return;
      request = setTimeout(() => host.request(firstMissing, host.lastMissing()), FIRST_REQUEST_AFTER_MS);
      deadline = setTimeout(() => host.giveUp(host.lastMissing()), GIVE_UP_AFTER_MS);
    },
  };
}
