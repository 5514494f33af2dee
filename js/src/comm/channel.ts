/**
 * Delivers the kernel's messages in order over a comm that may lose, repeat and reorder them, and numbers the
 * messages of this page.
 *
 * Each direction has two streams, state and sound: sound waits for its missing messages, and is late rather
 * than lost; the transcript or an interruption does not wait for sound. The first message delivered is a
 * snapshot addressed to this page; it contains the state, and the place in the sound, that the page goes on
 * from. A later snapshot is a message as any other: it never stands in for messages before it.
 *
 * Knows the envelope and the kinds `snapshot`, `heartbeat`, `gap` and `lost`. Must not know what other
 * messages mean.
 */

import { KEPT_FRAMES } from "../audio/framer.js";
import { createGapRequests } from "./gaps.js";
import {
  decodeKernelMessage,
  type KernelMessage,
  type PageMessage,
  PROTOCOL_VERSION,
  type Stream,
  streamOf,
} from "./messages.js";
import { createOrder } from "./order.js";
import { createOutbox } from "./outbox.js";

interface ChannelHost {
  page: string;
  /** Hands a message to the comm; must not throw. */
  transmit(content: Record<string, unknown>, buffer: ArrayBuffer | null): void;
  /** Acts at once on a message that has just arrived, maybe out of order; true if it need not be delivered any more. */
  precede(message: KernelMessage): boolean;
  deliver(message: KernelMessage): void;
  /** Messages about the state are lost for good: the page needs a new snapshot. */
  onMessagesLost(): void;
  /** Whether a kernel answers. */
  alive(): boolean;
}

interface Channel {
  readonly synced: boolean;
  /** Of the sound stream: the newest message sent, and the one up to which all have arrived. */
  readonly sound: { sound: number; got: number };
  send(message: PageMessage, buffer?: ArrayBuffer): void;
  receive(content: unknown, buffers: readonly unknown[]): void;
  close(): void;
}

/** How many messages about the state are kept; the microphone's frames have a limit of their own. */
const KEPT_MESSAGES = 2000;
/** More messages than the kernel keeps for repeating: beyond this, waiting for a missing one is hopeless. */
const HELD_LIMIT = 8192;

export function createChannel(host: ChannelHost): Channel {
  let synced = false;
  const streams = {
    state: createStream("state", KEPT_MESSAGES),
    sound: createStream("sound", KEPT_FRAMES),
  };

  function transmit(message: object, seq: number, buffer: ArrayBuffer | null): void {
    host.transmit({ v: PROTOCOL_VERSION, seq, page: host.page, ...message }, buffer);
  }

  function createStream(of: Stream, keep: number) {
    // Null stands for a message that is not to be delivered.
    const order = createOrder<KernelMessage | null>((message) => message && host.deliver(message));
    const outbox = createOutbox((seq, content, buffer) => transmit(content, seq, buffer), keep);
    const gaps = createGapRequests({
      missing: () => order.missing,
      alive: host.alive,
      request: (ranges) => transmit({ kind: "gap", of, ranges }, 0, null),
    });

    function giveUp(from: number, to: number): void {
      const lost = order.giveUp(from, to);
      gaps.update();
      if (lost > 0 && of === "state") host.onMessagesLost();
    }

    return {
      order,
      outbox,
      gaps,
      giveUp,
      add(seq: number, message: KernelMessage | null): void {
        if (!order.lacks(seq)) return;
        order.add(seq, synced && message && host.precede(message) ? null : message);
        const first = order.missing[0];
        if (first && order.held > HELD_LIMIT) giveUp(...first);
        gaps.update();
      },
      begin(seq: number): void {
        order.begin(seq);
        gaps.update();
      },
      announce(to: number): void {
        order.announce(to);
        gaps.update();
      },
    };
  }

  function receive(content: unknown, buffers: readonly unknown[]): void {
    const message = decodeKernelMessage(content, buffers);
    if (!message) {
      skipUnreadable(content);
      return;
    }
    const ours = message.to === undefined || message.to === host.page;
    if (message.kind === "gap" || message.kind === "lost") {
      if (ours) actOnNumbers(message);
      return;
    }
    const stream = streams[streamOf(message.kind)];
    if (ours && message.kind === "heartbeat") {
      streams.state.outbox.acknowledge(message.got);
      streams.sound.outbox.acknowledge(message.got_sound);
      streams.sound.announce(message.sound);
    }
    if (ours && message.kind === "snapshot" && !synced) {
      synced = true;
      stream.begin(message.seq - 1);
      stream.add(message.seq, message);
      streams.sound.begin(message.sound);
      return;
    }
    stream.add(message.seq, ours ? message : null);
  }

  function actOnNumbers(message: Extract<KernelMessage, { kind: "gap" | "lost" }>): void {
    const stream = streams[message.of];
    if (message.kind === "lost") {
      for (const [from, to] of message.ranges) stream.giveUp(from, to);
      return;
    }
    const ranges = stream.outbox.repeat(message.ranges);
    if (ranges.length > 0) transmit({ kind: "lost", of: message.of, ranges }, 0, null);
  }

  /** A numbered message that this page cannot read is no gap. */
  function skipUnreadable(content: unknown): void {
    const { seq, kind } = (content ?? {}) as { seq?: unknown; kind?: unknown };
    if (Number.isSafeInteger(seq) && (seq as number) > 0)
      streams[streamOf(String(kind))].add(seq as number, null);
  }

  return {
    get synced() {
      return synced;
    },
    get sound() {
      return { sound: streams.sound.outbox.last, got: streams.sound.order.done };
    },
    send: (message, buffer) => streams[streamOf(message.kind)].outbox.push(message, buffer ?? null),
    receive,
    close() {
      streams.state.gaps.close();
      streams.sound.gaps.close();
    },
  };
}
