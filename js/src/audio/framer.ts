/** Cuts a stream of blocks into frames of one size; nothing is lost, the last may be shorter. Pure. */

export interface Framer {
  push(block: Float32Array): Float32Array[];
  flush(): Float32Array | null;
}

export function createFramer(frameSamples: number): Framer {
  let frame = new Float32Array(frameSamples);
  let filled = 0;
  return {
    push(block) {
      const frames: Float32Array[] = [];
      for (let at = 0; at < block.length; ) {
        const take = Math.min(frameSamples - filled, block.length - at);
        frame.set(block.subarray(at, at + take), filled);
        filled += take;
        at += take;
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
