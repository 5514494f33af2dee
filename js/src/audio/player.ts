/**
 * Queues the sound of spoken items, renders it block by block and counts the played samples of each item.
 *
 * The playback worklet runs it; the page runs a second one for sound that waits for a gesture. Pure; times
 * are in samples.
 *
 * Invariants: each sample is played once and unchanged; a flushed sample is never played; `played` is a
 * position within its item, so a lost stretch of sound does not shift it. An answer arrives ahead of time
 * and is never cut (docs/notebook.md 10, 17).
 *
 * A sample counts as played when it is rendered. The device emits it later by its output latency, which is not
 * subtracted: with a Bluetooth headset the count runs ahead by up to 250 ms (docs/notebook.md 33).
 */

import { createRingBuffer } from "./ring-buffer.js";

export interface PlayedItem {
  item_id: string;
  content_index: number;
  played: number;
}

export interface PlayerReport {
  playing: boolean;
  items: PlayedItem[];
  underruns: number;
  replaying: boolean;
}

export interface Player {
  audio(epoch: number, itemId: string, contentIndex: number, start: number, pcm: Int16Array): void;
  done(epoch: number, itemId: string, contentIndex: number): void;
  /** Drops all sound of epochs below `epoch`, also future sound, and returns how much of each item was played. */
  flush(epoch: number): PlayedItem[];
  /** Plays a recording; live sound replaces it. */
  replay(pcm: Int16Array): void;
  stopReplay(): void;
  render(out: Float32Array): void;
  report(): PlayerReport;
  /** Counts the changes that are reported to the page at once: a start, an end, an underrun, a flush. */
  readonly changes: number;
}

interface Track extends PlayedItem {
  received: number;
  done: boolean;
  starved: boolean;
}

interface Span {
  track: Track;
  start: number;
  length: number;
}

/** After so much silence an item without an announced end (a cancelled response) counts as finished. */
const SETTLE_SAMPLES = 48_000;
const LONGEST_PREBUFFER_WAIT_SAMPLES = 6_000;
/** How many finished items a report still names, so that one lost report loses no number. */
const KEPT_FINISHED = 4;

export function createPlayer(prebufferSamples: number): Player {
  const ring = createRingBuffer();
  const clip = createRingBuffer(0);
  let tracks: Track[] = [];
  let spans: Span[] = [];
  let lowest = 0;
  let underruns = 0;
  let primed = false;
  let quiet = 0;
  let changes = 0;

  const find = (itemId: string, contentIndex: number) =>
    tracks.find((track) => track.item_id === itemId && track.content_index === contentIndex);

  function open(itemId: string, contentIndex: number): Track {
    const track = {
      item_id: itemId,
      content_index: contentIndex,
      played: 0,
      received: 0,
      done: false,
      starved: false,
    };
    // A cancelled response may never announce its end; a fully played item is finished when the next one begins.
    const over = tracks.filter((earlier) => earlier.played >= earlier.received);
    const stale = new Set(over.slice(0, Math.max(0, over.length - KEPT_FINISHED)));
    tracks = [...tracks.filter((kept) => !stale.has(kept)), track];
    return track;
  }

  function ready(): boolean {
    if (ring.length === 0) return false;
    if (ring.length >= prebufferSamples || quiet >= LONGEST_PREBUFFER_WAIT_SAMPLES) return true;
    return spans.every((span) => span.track.done);
  }

  function playing(): boolean {
    if (ring.length > 0) return true;
    return quiet < SETTLE_SAMPLES && tracks.at(-1)?.done === false;
  }

  return {
    audio(epoch, itemId, contentIndex, start, pcm) {
      if (epoch < lowest) return;
      clip.clear();
      quiet = 0;
      const track = find(itemId, contentIndex) ?? open(itemId, contentIndex);
      const repeated = Math.max(0, track.received - start);
      const fresh = pcm.subarray(Math.min(repeated, pcm.length));
      if (fresh.length === 0) return;
      // Only the next delta proves that the item was not finished when the buffer ran dry.
      if (track.starved) {
        underruns += 1;
        changes += 1;
      }
      track.starved = false;
      const from = start + repeated;
      const last = spans.at(-1);
      if (last && last.track === track && last.start + last.length === from) last.length += fresh.length;
      else spans.push({ track, start: from, length: fresh.length });
      track.received = from + fresh.length;
      ring.push(fresh);
    },

    done(epoch, itemId, contentIndex) {
      if (epoch < lowest) return;
      const track = find(itemId, contentIndex) ?? open(itemId, contentIndex);
      track.done = true;
      changes += 1;
      track.starved = false;
    },

    flush(epoch) {
      const stopped = tracks.map(toPlayedItem);
      lowest = Math.max(lowest, epoch);
      ring.clear();
      clip.clear();
      spans = [];
      tracks = [];
      changes += 1;
      primed = false;
      return stopped;
    },

    replay(pcm) {
      if (playing()) return;
      clip.clear();
      clip.push(pcm);
    },

    stopReplay() {
      clip.clear();
    },

    render(out) {
      out.fill(0);
      primed ||= ready();
      let at = 0;
      while (primed && at < out.length) {
        const span = spans[0];
        if (!span) break;
        const moved = ring.shift(out, at, Math.min(span.length, out.length - at));
        if (span.track.played === 0) changes += 1;
        span.track.played = span.start + moved;
        span.start += moved;
        span.length -= moved;
        at += moved;
        if (span.length === 0) spans.shift();
        if (ring.length === 0) {
          primed = false;
          span.track.starved = !span.track.done;
          changes += 1;
        }
      }
      quiet = at > 0 ? 0 : quiet + out.length;
      if (at === 0 && clip.length > 0) clip.shift(out, 0, out.length);
    },

    get changes() {
      return changes;
    },

    report: () => ({
      playing: playing(),
      items: tracks.map(toPlayedItem),
      underruns,
      replaying: clip.length > 0,
    }),
  };
}

function toPlayedItem({ item_id, content_index, played }: Track): PlayedItem {
  return { item_id, content_index, played };
}
