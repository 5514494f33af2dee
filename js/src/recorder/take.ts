/** One recording: its samples, its waveform, and the part of it that is kept. Pure. */

import { RATE_HZ } from "../audio/pcm.js";

/** The longest recording, in seconds; the kernel refuses longer ones. */
export const LONGEST_S = 60;

/** The shortest part that can be kept, in seconds: the service refuses less (docs/protocol.md 14). */
export const SHORTEST_S = 0.1;

export interface Take {
  push(pcm: Int16Array): void;
  samples(): Int16Array;
  /** The newest samples, at most so many. */
  newest(count: number): Int16Array;
  readonly length: number;
  /** Whether it is as long as a recording may be. */
  readonly full: boolean;
}

export function createTake(): Take {
  const pieces: Int16Array[] = [];
  let length = 0;
  function newest(count: number): Int16Array {
    const size = Math.min(count, length);
    const joined = new Int16Array(size);
    let to = size;
    for (let index = pieces.length - 1; index >= 0 && to > 0; index--) {
      const piece = pieces[index] ?? new Int16Array(0);
      const part = piece.subarray(Math.max(0, piece.length - to));
      to -= part.length;
      joined.set(part, to);
    }
    return joined;
  }
  return {
    newest,
    samples: () => newest(length),
    push(pcm) {
      const rest = LONGEST_S * RATE_HZ - length;
      const piece = pcm.subarray(0, Math.max(0, rest));
      pieces.push(piece);
      length += piece.length;
    },
    get length() {
      return length;
    },
    get full() {
      return length >= LONGEST_S * RATE_HZ;
    },
  };
}

/** The loudest sample of each of `count` equal stretches, 0..1. */
export function peaks(pcm: Int16Array, count: number): Float32Array {
  const found = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const end = Math.floor(((i + 1) * pcm.length) / count);
    let peak = 0;
    for (let at = Math.floor((i * pcm.length) / count); at < end; at++)
      peak = Math.max(peak, Math.abs(pcm[at] ?? 0));
    found[i] = peak / 32768;
  }
  return found;
}

/**
 * The ends of the part that is kept, in samples, where a person asked for `start` and `end`: in order, within the
 * recording, and no shorter than a server takes. The end that was moved gives way.
 */
export function trimmed(
  start: number,
  end: number,
  length: number,
  moved: "start" | "end",
): { start: number; end: number } {
  const shortest = Math.min(length, Math.round(SHORTEST_S * RATE_HZ));
  const within = (value: number, low: number, high: number) =>
    Math.round(Math.max(low, Math.min(high, value)));
  if (moved === "start") {
    const kept = within(end, shortest, length);
    return { start: within(start, 0, kept - shortest), end: kept };
  }
  const kept = within(start, 0, length - shortest);
  return { start: kept, end: within(end, kept + shortest, length) };
}
