/**
 * What may sound on this page, and what the kernel is told of it: lease, epochs, play.state, play.stopped.
 *
 * The worklet's counters are the only truth about what was heard. The page falls silent first and
 * talks afterwards. Knows the speaker, not the DOM.
 */

import { fromBytes, RATE_HZ } from "./audio/pcm.js";
import type { PlayedItem } from "./audio/player.js";
import { createResampler } from "./audio/resampler.js";
import { createSpeaker, type Speaker, type SpeakerReport } from "./audio/speaker.js";
import type { PageMessage } from "./comm/messages.js";

export interface Playback {
  readonly report: SpeakerReport;
  readonly replaying: string | null;
  /** What is of a lower epoch than this will never sound. */
  readonly silentBelow: number;
  /** In a gesture: lets sound out. */
  unlock(): Promise<boolean>;
  audio(epoch: number, itemId: string, contentIndex: number, start: number, pcm: DataView): void;
  done(epoch: number, itemId: string, contentIndex: number): void;
  /** Sound of this page's own socket: it is of the page's own epoch. */
  own(itemId: string, contentIndex: number, start: number, pcm: Int16Array): void;
  ownDone(itemId: string, contentIndex: number): void;
  /** The page's own socket heard somebody speak: silence and a new epoch, whatever the kernel is doing. */
  interrupt(): Promise<void>;
  /**
   * The kernel interrupted: silence, then the truth. Where this page is at that epoch already, it has
   * fallen silent by itself, and what sounds now began after that: a late word silences nothing.
   */
  flush(epoch: number): Promise<void>;
  /** The person interrupted. */
  stop(): Promise<void>;
  /** Another page has the sound now. */
  yield(): Promise<void>;
  /** Messages of the kernel were missed; it is at this epoch. */
  rebase(epoch: number): void;
  replay(itemId: string, rate: number, pcm: DataView): void;
  stopReplay(): void;
  close(): void;
}

const TELL_EVERY_MS = 100;

export function createPlayback(
  send: (message: PageMessage) => void,
  changed: (report: SpeakerReport) => void,
  makeSpeaker: (onReport: (report: SpeakerReport) => void) => Speaker = createSpeaker,
): Playback {
  const speaker = makeSpeaker(heard);
  let epoch = 0;
  /** Sound of an older epoch than this is late: it belongs to an answer that was stopped. */
  let lowest = 0;
  let replaying: string | null = null;
  /** What the last silence cut, for a flush that comes late. */
  let cut: Promise<PlayedItem[]> = Promise.resolve([]);
  let toldState = "idle";
  let toldText = JSON.stringify({ epoch: 0, state: "idle", items: [], underruns: 0 });
  let toldAt = 0;
  let trailing: ReturnType<typeof setTimeout> | undefined;

  function heard(report: SpeakerReport): void {
    if (!report.replaying && !report.blocked) replaying = null;
    tell();
    changed(report);
  }

  function tell(): void {
    const report = speaker.last();
    const state = report.blocked ? "blocked" : report.playing ? "playing" : "idle";
    const wait = toldAt + TELL_EVERY_MS - performance.now();
    if (state === toldState && wait > 0) {
      trailing ??= setTimeout(tell, wait);
      return;
    }
    clearTimeout(trailing);
    trailing = undefined;
    const message = { epoch, state, items: report.items, underruns: report.underruns } as const;
    const text = JSON.stringify(message);
    if (text === toldText) return;
    toldText = text;
    toldState = state;
    toldAt = performance.now();
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

  /** What sounds is of an epoch that is over: the flush that said so was lost on its way here. */
  const overtaken = (at: number) => at > epoch && speaker.last().playing;

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
      if (overtaken(at)) void flush(at);
      epoch = Math.max(epoch, at);
      replaying = null;
      speaker.audio(at, itemId, contentIndex, start, fromBytes(pcm));
    },
    done(at, itemId, contentIndex) {
      if (at >= lowest) speaker.done(at, itemId, contentIndex);
    },
    own(itemId, contentIndex, start, pcm) {
      replaying = null;
      speaker.audio(epoch, itemId, contentIndex, start, pcm);
    },
    ownDone: (itemId, contentIndex) => speaker.done(epoch, itemId, contentIndex),
    async interrupt() {
      const next = epoch + 1;
      const items = await silence(next);
      send({ kind: "play.stopped", epoch: next, items, cause: "speech" });
    },
    flush,
    async stop() {
      const stopped = epoch;
      // With nothing here to silence, raising the epoch could deafen this page to the next answer.
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
      if (overtaken(next)) void flush(next);
      epoch = Math.max(epoch, next);
      lowest = Math.max(lowest, next);
    },
    replay(itemId, rate, pcm) {
      if (speaker.last().playing) return;
      replaying = itemId;
      speaker.replay(rate === RATE_HZ ? fromBytes(pcm) : resampled(fromBytes(pcm), rate));
      changed(speaker.last());
    },
    stopReplay() {
      replaying = null;
      speaker.stopReplay();
      changed(speaker.last());
    },
    close() {
      clearTimeout(trailing);
      speaker.close();
    },
  };
}

function resampled(pcm: Int16Array, rate: number): Int16Array {
  const resampler = createResampler(rate, RATE_HZ);
  const parts = [resampler.process(Float32Array.from(pcm)), resampler.flush()];
  return Int16Array.from(
    parts.flatMap((part) => Array.from(part, (x) => Math.max(-32768, Math.min(32767, Math.round(x))))),
  );
}
