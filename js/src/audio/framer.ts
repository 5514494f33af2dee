/**
 * Cuts a stream of sample blocks into microphone frames of one length. Pure.
 *
 * No sample is lost; the last frame of a capture may be shorter.
 */

import { RATE_HZ } from "./pcm.js";

/**
 * The length of a microphone frame, in ms; this is the only place that states it. Shorter frames overload the
 * comm, longer ones delay every turn (docs/notebook.md 2). At most `LONGEST_FRAME_MS` of comm/messages.ts.
 */
export const FRAME_MS = 40;
export const FRAME_SAMPLES = (RATE_HZ * FRAME_MS) / 1000;

/** The number of frames that hold `ms` of sound, rounded up. */
export const framesOf = (ms: number): number => Math.ceil(ms / FRAME_MS);

/** The longest stretch of microphone sound that the page keeps while it cannot be sent, in frames: 10 s. */
export const KEPT_FRAMES = framesOf(10_000);

interface Framer {
  push(block: Float32Array): Float32Array[];
  flush(): Float32Array | null;
}

export function createFramer(frameSamples: number = FRAME_SAMPLES): Framer {
  let frame = new Float32Array(frameSamples);
  let filled = 0;
  return {
    push(block) {
      const frames: Float32Array[] = [];
      for (let at = 0; at < block.length; ) {
        const count = Math.min(frameSamples - filled, block.length - at);
        frame.set(block.subarray(at, at + count), filled);
        filled += count;
        at += count;
        if (filled === frameSamples) {
          frames.push(frame);
          frame = new Float32Array(frameSamples);
          filled = 0;
        }
      }
      return frames;
    },
    flush() {
      const rest = filled > 0 ? frame.slice(0, filled) : null;
      filled = 0;
      return rest;
    },
  };
}
