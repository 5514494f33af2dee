/**
 * Delivers the kernel's messages in order over a comm that may lose, repeat and reorder them, and numbers the
 * messages of this page.
 *
 * The first message delivered is a snapshot addressed to this page; it contains everything said before it.
 * After that, messages are delivered by their numbers. Missing ones are asked for (gaps.ts) until they arrive,
 * until the kernel reports them as lost, or until the page gives them up (docs/notebook.md 5, 8).
 *
 * Knows the envelope and the kinds `snapshot` and `lost`. Must not know what other messages mean.
 */

import { createGapRequests } from "./gaps.js";
import { decodeKernelMessage, type KernelMessage, type PageMessage, PROTOCOL_VERSION } from "./messages.js";

interface ChannelHost {
  page: string;
  /** Hands a message to the comm; must not throw. */
  transmit(content: Record<string, unknown>, buffer: ArrayBuffer | null): void;
  deliver(message: KernelMessage): void;
  /** Messages are lost for good: the page needs a new snapshot. */
  onMessagesLost(): void;
}

interface Channel {
  readonly synced: boolean;
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  receive(content: unknown, buffers: readonly unknown[]): void;
  close(): void;
}

/** More messages than the kernel keeps for repeating: beyond this, waiting for a missing one is hopeless. */
const HELD_LIMIT = 8192;

export function createChannel(host: ChannelHost): Channel {
  let sent = 0;
  /** The number up to which everything was delivered; null before the first snapshot. */
  let seen: number | null = null;
  /** Messages that arrived before one that is still missing. */
  const held = new Map<number, KernelMessage>();
  const gaps = createGapRequests({
    lastMissing: () => Math.min(...held.keys()) - 1,
    request: (from, to) => send({ kind: "gap", from, to }),
    giveUp: jump,
  });

  function send(message: PageMessage, buffer?: ArrayBuffer): void {
    sent += 1;
    host.transmit({ v: PROTOCOL_VERSION, seq: sent, page: host.page, ...message }, buffer ?? null);
  }

  function receive(content: unknown, buffers: readonly unknown[]): void {
    const message = decodeKernelMessage(content, buffers);
    if (!message) {
      skipUnreadable(content);
      return;
    }
    if (message.kind === "lost") {
      // The answer to a gap request is itself a numbered message.
      hold(message);
      if (seen !== null && message.from <= seen + 1 && message.to > seen) jump(message.to);
      else drain();
      return;
    }
    if (message.kind === "snapshot" && message.to === host.page) {
      if (seen === null || message.seq > seen) rebase(message);
      return;
    }
    hold(message);
    drain();
  }

  /** A numbered message that this page cannot read is no gap. */
  function skipUnreadable(content: unknown): void {
    const seq = (content as { seq?: unknown } | null)?.seq;
    if (Number.isSafeInteger(seq) && seen !== null && seq === seen + 1) {
      seen += 1;
      drain();
    }
  }

  function hold(message: KernelMessage): void {
    if (seen !== null && message.seq <= seen) return;
    held.set(message.seq, message);
    if (held.size <= HELD_LIMIT) return;
    const oldest = Math.min(...held.keys());
    if (seen === null) held.delete(oldest);
    else jump(oldest - 1);
  }

  /** Goes on from a snapshot, which contains everything up to its own number. */
  function rebase(snapshot: KernelMessage): void {
    seen = snapshot.seq;
    for (const seq of held.keys()) if (seq <= snapshot.seq) held.delete(seq);
    host.deliver(snapshot);
    drain();
  }

  function drain(): void {
    if (seen === null) return;
    let message = held.get(seen + 1);
    while (message) {
      held.delete(message.seq);
      seen = message.seq;
      if (isForUs(message)) host.deliver(message);
      message = held.get(seen + 1);
    }
    gaps.update(held.size > 0 ? seen + 1 : null);
  }

  function isForUs(message: KernelMessage): boolean {
    return message.kind !== "lost" && (message.to === undefined || message.to === host.page);
  }

  /** Skips the missing messages up to `to` and delivers those that have arrived. */
  function jump(to: number): void {
    if (seen === null) return;
    for (const [seq, message] of [...held].sort(([a], [b]) => a - b)) {
      if (seq > to) break;
      held.delete(seq);
      if (isForUs(message)) host.deliver(message);
    }
    seen = Math.max(seen, to);
    host.onMessagesLost();
    drain();
  }

  return {
    get synced() {
      return seen !== null;
    },
    send,
    receive,
    close: () => gaps.update(null),
  };
}
