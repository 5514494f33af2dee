/**
 * The speaker of one engine: the playback context, its worklet, and the sound that waits for a gesture.
 *
 * Until `unlock` is called from a gesture there is no AudioContext: what arrives is kept. Commands go
 * to the worklet in order whether it is there yet or not. Knows nothing of comms or of the page.
 */

import playbackSource from "worklet:playback";
import { loadWorklet } from "../worklets/load.js";
import type { PlayerCommand, PlayerMessage } from "../worklets/protocol.js";
import { createContext, wake } from "./context.js";
import { RATE_HZ } from "./pcm.js";
import { createPlayer, type PlayedItem, type PlayerReport } from "./player.js";

export interface SpeakerReport extends PlayerReport {
  /** Sound waits for a gesture. */
  blocked: boolean;
  level: number;
}

export interface Speaker {
  /** Call it in a gesture; resolves to whether sound can be heard now. */
  unlock(): Promise<boolean>;
  audio(epoch: number, itemId: string, contentIndex: number, start: number, pcm: Int16Array): void;
  done(epoch: number, itemId: string, contentIndex: number): void;
  flush(epoch: number): Promise<PlayedItem[]>;
  replay(pcm: Int16Array): void;
  stopReplay(): void;
  last(): SpeakerReport;
  close(): void;
}

/**
 * A context that was suspended under us answers no port message; the last known numbers then stand. On a
 * busy machine the worklet is late, but what it says is the truth: wait for it longer than for anything else.
 */
const FLUSH_PATIENCE_MS = 1500;

export function createSpeaker(onReport: (report: SpeakerReport) => void): Speaker {
  let context: AudioContext | null = null;
  let node: AudioWorkletNode | null = null;
  let opening: Promise<boolean> | null = null;
  let closed = false;
  // The same player as in the worklet, never rendered: it counts what waits for a gesture.
  let waiting = createPlayer(0);
  let queue: PlayerCommand[] = [];
  let report: SpeakerReport = { ...waiting.report(), blocked: false, level: 0 };
  let tickets = 0;
  const flushes = new Map<number, (items: PlayedItem[]) => void>();

  function publish(next: PlayerReport, level: number): void {
    const stuck = !node || context?.state !== "running";
    report = { ...next, level, blocked: stuck && next.playing };
    onReport(report);
  }

  function command(message: PlayerCommand): void {
    if (closed) return;
    if (node) {
      if (message.kind === "audio") expectSound();
      node.port.postMessage(message, "pcm" in message ? [message.pcm.buffer] : []);
      return;
    }
    queue.push(message);
    if (message.kind === "audio")
      waiting.audio(message.epoch, message.itemId, message.contentIndex, message.start, message.pcm);
    if (message.kind === "done") waiting.done(message.epoch, message.itemId, message.contentIndex);
    publish(waiting.report(), 0);
  }

  /** Known before the worklet says so: what is being sent can already be stopped, or waits already. */
  function expectSound(): void {
    report = { ...report, playing: true };
    if (!context || context.state === "running") return;
    // Suspended under us (a phone call, a sleeping laptop): such a worklet says nothing.
    publish(report, 0);
    void wake(context);
  }

  function receive({ data }: MessageEvent<PlayerMessage>): void {
    if (data.kind === "report") publish(data.report, data.level);
    else settle(data.ticket, data.items);
  }

  function settle(ticket: number, items: PlayedItem[]): void {
    flushes.get(ticket)?.(items);
    flushes.delete(ticket);
  }

  async function open(): Promise<boolean> {
    // Everything up to the first await runs inside the gesture.
    const opened = createContext({ sampleRate: RATE_HZ });
    context = opened;
    opened.onstatechange = () => {
      if (!closed) publish(report, report.level);
    };
    const running = wake(opened);
    await loadWorklet(opened, playbackSource);
    if (closed) {
      void opened.close();
      return false;
    }
    const player = new AudioWorkletNode(opened, "rtnb-playback", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    player.port.onmessage = receive;
    player.connect(opened.destination);
    node = player;
    // In one message: the worklet must not begin to play what it has while the rest is on its way.
    const kept = queue;
    queue = [];
    if (kept.some(({ kind }) => kind === "audio")) expectSound();
    player.port.postMessage(
      kept,
      kept.flatMap((message) => ("pcm" in message ? [message.pcm.buffer] : [])),
    );
    publish(waiting.report(), 0);
    waiting = createPlayer(0);
    await running;
    publish(report, report.level);
    return opened.state === "running";
  }

  return {
    async unlock() {
      if (closed) return false;
      if (node && context) {
        const running = await wake(context);
        publish(report, report.level);
        return running;
      }
      opening ??= open().catch((error: unknown) => {
        opening = null;
        void context?.close();
        context = null;
        throw error;
      });
      return opening;
    },
    audio: (epoch, itemId, contentIndex, start, pcm) =>
      command({ kind: "audio", epoch, itemId, contentIndex, start, pcm }),
    done: (epoch, itemId, contentIndex) => command({ kind: "done", epoch, itemId, contentIndex }),
    flush(epoch) {
      if (!node) {
        queue = queue.filter((message) => !("epoch" in message) || message.epoch >= epoch);
        const stopped = waiting.flush(epoch);
        queue.push({ kind: "flush", epoch, ticket: -1 });
        publish(waiting.report(), 0);
        return Promise.resolve(stopped);
      }
      const ticket = ++tickets;
      const known = report.items;
      command({ kind: "flush", epoch, ticket });
      return new Promise((resolve) => {
        flushes.set(ticket, resolve);
        setTimeout(() => settle(ticket, known), FLUSH_PATIENCE_MS);
      });
    },
    replay: (pcm) => command({ kind: "replay", pcm }),
    stopReplay: () => command({ kind: "stop-replay" }),
    last: () => report,
    close() {
      closed = true;
      queue = [];
      node?.disconnect();
      node = null;
      if (context && context.state !== "closed") void context.close();
      context = null;
    },
  };
}
