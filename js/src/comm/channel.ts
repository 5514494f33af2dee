/**
 * Messages in order over a comm that may lose, repeat and reorder them.
 *
 * Up: every message gets the next number. Down: messages are delivered by their number; a hole is
 * asked for after a moment and given up when the kernel says so, or after a while. The first thing
 * understood is a snapshot addressed to this page: what came before it is history.
 *
 * Knows the envelope and nothing of what the messages mean beyond `snapshot` and `lost`.
 */

import { decodeKernelMessage, type KernelMessage, type PageMessage, PROTOCOL_VERSION } from "./messages.js";

export interface ChannelHost {
  page: string;
  /** Hands a message to the comm; must not throw. */
  transmit(content: Record<string, unknown>, buffer: ArrayBuffer | null): void;
  deliver(message: KernelMessage): void;
  /** Messages are gone for good: what they said must be asked for anew. */
  missed(): void;
}

export interface Channel {
  /** The highest number up to which everything has been delivered. */
  readonly seen: number;
  readonly synced: boolean;
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  receive(content: unknown, buffers: readonly unknown[]): void;
  close(): void;
}

const ASK_AFTER_MS = 60;
const GIVE_UP_AFTER_MS = 2000;
/** More than the kernel's own ring: beyond this, waiting for a hole is hopeless. */
const HELD_LIMIT = 8192;

export function createChannel(host: ChannelHost): Channel {
  let sent = 0;
  let seen: number | null = null;
  const held = new Map<number, KernelMessage>();
  let asking: ReturnType<typeof setTimeout> | undefined;
  let givingUp: ReturnType<typeof setTimeout> | undefined;

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
      // Answers a gap request; it has a number of its own as well.
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

  /** A numbered message that this page cannot read still fills its place. */
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

  /** The snapshot says all that was said up to its number. */
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
    watchHole();
  }

  function isForUs(message: KernelMessage): boolean {
    return message.kind !== "lost" && (message.to === undefined || message.to === host.page);
  }

  function jump(to: number): void {
    if (seen === null) return;
    for (const [seq, message] of [...held].sort(([a], [b]) => a - b)) {
      if (seq > to) break;
      held.delete(seq);
      if (isForUs(message)) host.deliver(message);
    }
    seen = Math.max(seen, to);
    stopWatching();
    host.missed();
    drain();
  }

  let hole: number | null = null;

  function watchHole(): void {
    if (held.size === 0 || seen === null) {
      stopWatching();
      return;
    }
    if (hole === seen + 1) return;
    stopWatching();
    hole = seen + 1;
    const from = hole;
    asking = setTimeout(() => {
      if (seen !== null) send({ kind: "gap", from, to: Math.min(...held.keys()) - 1 });
    }, ASK_AFTER_MS);
    givingUp = setTimeout(() => jump(Math.min(...held.keys()) - 1), GIVE_UP_AFTER_MS);
  }

  function stopWatching(): void {
    clearTimeout(asking);
    clearTimeout(givingUp);
    hole = null;
  }

  return {
    get seen() {
      return seen ?? 0;
    },
    get synced() {
      return seen !== null;
    },
    send,
    receive,
    close: stopWatching,
  };
}
