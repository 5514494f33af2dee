/**
 * Plays sound through a playback context and its worklet, and keeps sound that waits for a gesture.
 *
 * Until `unlock` is called in a gesture there is no AudioContext, because browsers suspend one made without
 * (docs/notebook.md 15): sound that arrives is kept. Commands reach the worklet in order, also those given
 * before it exists.
 *
 * Must not know comms or the page.
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
  /** Lets sound out; call it in a gesture. Resolves to whether sound can be heard now. */
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
 * How long a flush waits for the worklet's counters before it returns the last known ones. A suspended context
 * never answers; a busy machine answers late, and its answer is exact, so the wait is long.
 */
const FLUSH_TIMEOUT_MS = 1500;

export function createSpeaker(onReport: (report: SpeakerReport) => void): Speaker {
  let context: AudioContext | null = null;
  let node: AudioWorkletNode | null = null;
  let opening: Promise<boolean> | null = null;
  let closed = false;
  // The player of the worklet, never rendered: it counts the sound that waits for a gesture.
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

  /** Reports sound as playing before the worklet does, so that it can already be stopped, or shown as blocked. */
  function expectSound(): void {
    report = { ...report, playing: true };
    if (!context || context.state === "running") return;
    // The browser suspended the context (a phone call, a sleeping laptop): its worklet reports nothing.
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
    // In one message, so that the worklet does not start to play before it has all of the waiting sound.
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
        setTimeout(() => settle(ticket, known), FLUSH_TIMEOUT_MS);
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
