/** Buffers PCM16 in a ring that grows: an answer arrives ahead of time and is never cut. Pure. */

interface RingBuffer {
  readonly length: number;
  push(pcm: Int16Array): void;
  /** Moves up to `count` samples into `out` from `at`, as floats of exactly value / 32768. */
  shift(out: Float32Array, at: number, count: number): number;
  clear(): void;
}

export function createRingBuffer(initialSamples = 24_000): RingBuffer {
  let ring = new Int16Array(initialSamples);
  let head = 0;
  let length = 0;

  function grow(needed: number): void {
    let capacity = Math.max(1, ring.length);
    while (capacity < needed) capacity *= 2;
    const larger = new Int16Array(capacity);
    const tail = Math.min(length, ring.length - head);
    larger.set(ring.subarray(head, head + tail));
    larger.set(ring.subarray(0, length - tail), tail);
    ring = larger;
    head = 0;
  }

  return {
    get length() {
      return length;
    },
    push(pcm) {
      if (length + pcm.length > ring.length) grow(length + pcm.length);
      const end = (head + length) % ring.length;
      const first = Math.min(pcm.length, ring.length - end);
      ring.set(pcm.subarray(0, first), end);
      ring.set(pcm.subarray(first), 0);
      length += pcm.length;
    },
    shift(out, at, count) {
      const moved = Math.min(count, length, out.length - at);
      for (let i = 0; i < moved; i++) {
        out[at + i] = (ring[head] ?? 0) / 32768;
        head = head + 1 === ring.length ? 0 : head + 1;
      }
      length -= moved;
      return moved;
    },
    clear() {
      head = 0;
      length = 0;
    },
  };
}
