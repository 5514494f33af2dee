/**
 * Puts the messages of one numbered stream back into order.
 *
 * Twin of `Order` in realtime_nb/notebook/page/streams.py. Invariant: every number is delivered once and in
 * order, or was given up because the sender said so. Pure: must not know messages, time or the comm.
 */

/** The first and the last number of a run of messages. */
export type Range = readonly [first: number, last: number];

export interface Order<T> {
  /** The runs of numbers that were sent and did not arrive, in order. */
  readonly missing: readonly Range[];
  /** Every number up to this one was delivered or given up. */
  readonly done: number;
  /** How many messages wait for a missing one. */
  readonly held: number;
  /** Notes that the sender has sent messages up to this number. */
  announce(to: number): void;
  /** False for a message that came before, or that is not waited for any more. */
  lacks(seq: number): boolean;
  /** Accepts a message that is lacking, and delivers what is in order now. */
  add(seq: number, item: T): void;
  /** Goes on without these messages, and returns how many of them were missing. */
  giveUp(from: number, to: number): number;
  /** Delivers from here on what comes after the number `seq`; nothing is delivered before. */
  begin(seq: number): void;
}

export function createOrder<T>(deliver: (item: T) => void): Order<T> {
  let last = 0;
  let begun = false;
  let missing: Range[] = [];
  const held = new Map<number, T>();

  function announce(to: number): void {
    if (to > last) missing.push([last + 1, to]);
    last = Math.max(last, to);
  }

  function strike(from: number, to: number): number {
    let struck = 0;
    missing = missing.flatMap(([first, end]): Range[] => {
      if (to < first || end < from) return [[first, end]];
      struck += Math.min(end, to) - Math.max(first, from) + 1;
      const left: Range[] = [
        [first, from - 1],
        [to + 1, end],
      ];
      return left.filter((range) => range[0] <= range[1]);
    });
    return struck;
  }

  const done = () => (missing[0] ? missing[0][0] - 1 : last);

  function drain(): void {
    if (!begun) return;
    // Sorted, not counted up: a sender may skip any number of messages at once.
    for (const [seq, item] of [...held].sort(([a], [b]) => a - b)) {
      if (seq > done()) break;
      held.delete(seq);
      deliver(item);
    }
  }

  return {
    get missing() {
      return begun ? missing : [];
    },
    get done() {
      return done();
    },
    get held() {
      return held.size;
    },
    announce,
    lacks: (seq) => seq > last || missing.some(([first, end]) => first <= seq && seq <= end),
    add(seq, item) {
      announce(seq);
      strike(seq, seq);
      held.set(seq, item);
      drain();
    },
    giveUp(from, to) {
      const lost = strike(from, to);
      drain();
      return lost;
    },
    begin(seq) {
      if (begun) return;
      begun = true;
      announce(seq);
      strike(1, seq);
      for (const early of held.keys()) if (early <= seq) held.delete(early);
      drain();
    },
  };
}
