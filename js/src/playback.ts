/**
 * Decides which sound this page may play and reports playback to the kernel: play.state, play.stopped.
 *
 * Owns the page's epoch. The kernel raises the epoch at each interruption, and so does the page on its own
 * socket; sound of an older epoch is late and is dropped. The worklet's counters are the only source for what
 * was played (docs/protocol.md 30, 31). The page falls silent first and reports afterwards.
 *
 * Knows the speaker. Must not know the DOM.
 */

import { fromBytes, RATE_HZ, toPcm16 } from "./audio/pcm.js";
import type { PlayedItem } from "./audio/player.js";
import { createResampler } from "./audio/resampler.js";
import { createSpeaker, type Speaker, type SpeakerReport } from "./audio/speaker.js";
import type { PageMessage } from "./comm/messages.js";

export interface Playback {
  readonly report: SpeakerReport;
  readonly replaying: string | null;
  /** Sound of a lower epoch than this is never played. */
  readonly silentBelow: number;
  /** Lets sound out; call it in a gesture. Resolves to whether sound can be heard now. */
  unlock(): Promise<boolean>;
  audio(epoch: number, itemId: string, contentIndex: number, start: number, pcm: DataView): void;
  done(epoch: number, itemId: string, contentIndex: number): void;
  /** Plays sound of this page's own socket, in the page's present epoch. */
  audioDirect(itemId: string, contentIndex: number, start: number, pcm: Int16Array): void;
  doneDirect(itemId: string, contentIndex: number): void;
  /** Barge-in detected on the page's own socket: stop playback and raise the epoch without asking the kernel. */
  interrupt(): Promise<void>;
  /**
   * Stops playback for an interruption by the kernel and reports what was played. A page that already reached
   * `epoch` by itself plays newer sound by now, which goes on: it repeats its report of the earlier stop.
   */
  flush(epoch: number): Promise<void>;
  /** Stops playback for "Stop speaking" and asks the kernel to interrupt the answer. */
  stop(): Promise<void>;
  /** Stops playback because another page has the sound now. */
  yield(): Promise<void>;
  /** Follows a snapshot to the kernel's epoch, after messages may have been missed. */
  rebase(epoch: number): void;
  replay(itemId: string, rate: number, pcm: DataView): void;
  stopReplay(): void;
  close(): void;
}

const REPORT_EVERY_MS = 100;

export function createPlayback(
  send: (message: PageMessage) => void,
  onChanged: (report: SpeakerReport) => void,
  makeSpeaker: (onReport: (report: SpeakerReport) => void) => Speaker = createSpeaker,
): Playback {
  const speaker = makeSpeaker(onReport);
  let epoch = 0;
  /** Sound of an older epoch than this belongs to an answer that was stopped. */
  let lowest = 0;
  let replaying: string | null = null;
  /** The items that the last stop cut, for a flush that arrives after it. */
  let cut: Promise<PlayedItem[]> = Promise.resolve([]);
  let sentState = "idle";
  let sentText = JSON.stringify({ epoch: 0, state: "idle", items: [], underruns: 0 });
  let sentAt = 0;
  let trailing: ReturnType<typeof setTimeout> | undefined;

  function onReport(report: SpeakerReport): void {
    if (!report.replaying && !report.blocked) replaying = null;
    sendState();
    onChanged(report);
  }

  /** Sends a change of state at once, and progress at most every `REPORT_EVERY_MS`. */
  function sendState(): void {
    const report = speaker.last();
    const state = report.blocked ? "blocked" : report.playing ? "playing" : "idle";
    const wait = sentAt + REPORT_EVERY_MS - performance.now();
    if (state === sentState && wait > 0) {
      trailing ??= setTimeout(sendState, wait);
      return;
    }
    clearTimeout(trailing);
    trailing = undefined;
    const message = { epoch, state, items: report.items, underruns: report.underruns } as const;
    const text = JSON.stringify(message);
    if (text === sentText) return;
    sentText = text;
    sentState = state;
    sentAt = performance.now();
    send({ kind: "play.state", ...message });
  }

  function silence(below: number): Promise<PlayedItem[]> {
    lowest = Math.max(lowest, below);
    epoch = Math.max(epoch, below);
    replaying = null;
    cut = speaker.flush(below);
    return cut;
  }

  async function flush(next: number): Promise<void> {
    const items = await (next > lowest ? silence(next) : cut);
    send({ kind: "play.stopped", epoch: next, items, cause: "flush" });
  }

  /** True when playing sound belongs to an epoch that ended: the flush that ended it was lost on its way here. */
  const missedFlush = (at: number) => at > epoch && speaker.last().playing;

  return {
    get report() {
      return speaker.last();
    },
    get replaying() {
      return replaying;
    },
    get silentBelow() {
      return lowest;
    },
    unlock: () => speaker.unlock(),
    audio(at, itemId, contentIndex, start, pcm) {
      if (at < lowest) return;
      if (missedFlush(at)) void flush(at);
      epoch = Math.max(epoch, at);
      replaying = null;
      speaker.audio(at, itemId, contentIndex, start, fromBytes(pcm));
    },
    done(at, itemId, contentIndex) {
      if (at >= lowest) speaker.done(at, itemId, contentIndex);
    },
    audioDirect(itemId, contentIndex, start, pcm) {
      replaying = null;
      speaker.audio(epoch, itemId, contentIndex, start, pcm);
    },
    doneDirect: (itemId, contentIndex) => speaker.done(epoch, itemId, contentIndex),
    async interrupt() {
      const next = epoch + 1;
      const items = await silence(next);
      send({ kind: "play.stopped", epoch: next, items, cause: "speech" });
    },
    flush,
    async stop() {
      const stopped = epoch;
      // Where nothing plays, the epoch stays: raising it would drop the next answer, which still has this epoch.
      const items = speaker.last().playing ? await silence(stopped + 1) : [];
      send({ kind: "play.stopped", epoch: stopped, items, cause: "user" });
      send({ kind: "interrupt" });
    },
    async yield() {
      if (!speaker.last().playing && !replaying) return;
      const items = await silence(epoch);
      send({ kind: "play.stopped", epoch, items, cause: "lease" });
    },
    rebase(next) {
      if (missedFlush(next)) void flush(next);
      epoch = Math.max(epoch, next);
      lowest = Math.max(lowest, next);
    },
    replay(itemId, rate, pcm) {
      if (speaker.last().playing) return;
      replaying = itemId;
      speaker.replay(rate === RATE_HZ ? fromBytes(pcm) : resampled(fromBytes(pcm), rate));
      onChanged(speaker.last());
    },
    stopReplay() {
      replaying = null;
      speaker.stopReplay();
      onChanged(speaker.last());
    },
    close() {
      clearTimeout(trailing);
      speaker.close();
    },
  };
}

function resampled(pcm: Int16Array, rate: number): Int16Array {
  const resampler = createResampler(rate, RATE_HZ);
  const floats = Float32Array.from(pcm, (sample) => sample / 32768);
  const [body, tail] = [toPcm16(resampler.process(floats)), toPcm16(resampler.flush())];
  const whole = new Int16Array(body.length + tail.length);
  whole.set(body);
  whole.set(tail, body.length);
  return whole;
}
