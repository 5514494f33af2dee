/** Converts between PCM16 little-endian and float samples, and measures levels. Pure. */

export const RATE_HZ = 24_000;

/** Float samples as PCM16. 1.0 clips to 32767; a 16-bit source comes back unchanged. */
export function toPcm16(samples: Float32Array): Int16Array {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const scaled = Math.round((samples[i] ?? 0) * 32768);
    pcm[i] = Math.max(-32768, Math.min(32767, scaled));
  }
  return pcm;
}

/**
 * The samples of a message buffer, copied: the view that a comm delivers may be misaligned, and only a copy can
 * be transferred to a worklet.
 */
export function fromBytes(view: DataView): Int16Array {
  const bytes = new Uint8Array(view.byteLength - (view.byteLength % 2));
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, bytes.length));
  return new Int16Array(bytes.buffer);
}

/** The root mean square of PCM16, 0..1. */
export function rmsLevel(pcm: Int16Array): number {
  if (pcm.length === 0) return 0;
  let sum = 0;
  for (let i = 0; i < pcm.length; i++) {
    const x = pcm[i] ?? 0;
    sum += x * x;
  }
  return Math.min(1, Math.sqrt(sum / pcm.length) / 32768);
}
