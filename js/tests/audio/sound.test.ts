import { describe, expect, it } from "vitest";
import { MIC_REASONS, micAdvice, SoundError, toSoundError } from "../../src/audio/errors.js";
import { createFramer, FRAME_SAMPLES } from "../../src/audio/framer.js";
import { fromBytes, rmsLevel, toPcm16 } from "../../src/audio/pcm.js";
import { createRingBuffer } from "../../src/audio/ring-buffer.js";

describe("pcm", () => {
  it("returns every 16-bit sample unchanged", () => {
    const all = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
    expect(toPcm16(Float32Array.from(all, (x) => x / 32768))).toEqual(all);
  });

  it("clips samples that are too loud instead of wrapping them", () => {
    expect([...toPcm16(Float32Array.of(1, 2, -1, -2))]).toEqual([32767, 32767, -32768, -32768]);
  });

  it("reads a misaligned view and ignores an odd last byte", () => {
    const bytes = Uint8Array.of(9, 1, 0, 255, 255, 7);
    expect([...fromBytes(new DataView(bytes.buffer, 1))]).toEqual([1, -1]);
  });

  it("measures silence as 0, a full square wave as 1, and no samples as 0", () => {
    expect(rmsLevel(new Int16Array(960))).toBe(0);
    expect(rmsLevel(Int16Array.of(-32768, -32768))).toBe(1);
    expect(rmsLevel(new Int16Array(0))).toBe(0);
  });
});

describe("framer", () => {
  it("loses no sample at any block size", () => {
    const source = Float32Array.from({ length: 10_007 }, (_, i) => i);
    const framer = createFramer();
    const frames: Float32Array[] = [];
    for (let at = 0, n = 1; at < source.length; at += n, n = (n * 37 + 11) % 1999)
      frames.push(...framer.push(source.subarray(at, at + n)));
    expect(frames.every((frame) => frame.length === FRAME_SAMPLES)).toBe(true);
    const rest = framer.flush();
    expect([...frames.flatMap((frame) => [...frame]), ...(rest ?? [])]).toEqual([...source]);
    expect(framer.flush()).toBeNull();
  });
});

describe("ring buffer", () => {
  it("returns its samples unchanged while it grows and wraps", () => {
    const ring = createRingBuffer(8);
    const heard: number[] = [];
    let next = 0;
    for (let round = 0; round < 400; round++) {
      ring.push(Int16Array.from({ length: (round * 7) % 13 }, () => next++));
      const out = new Float32Array(5);
      const moved = ring.shift(out, 0, 5);
      heard.push(...out.subarray(0, moved));
    }
    while (ring.length > 0) {
      const out = new Float32Array(128);
      heard.push(...out.subarray(0, ring.shift(out, 0, 128)));
    }
    expect(heard.map((x) => x * 32768)).toEqual(Array.from({ length: next }, (_, i) => i));
  });
});

describe("why there is no microphone", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "missing"],
    ["OverconstrainedError", "missing"],
    ["NotReadableError", "busy"],
    ["SecurityError", "blocked"],
    ["TypeError", "unsupported"],
  ])("%s is %s", (name, reason) => {
    const error = new Error("no");
    error.name = name;
    expect(toSoundError(error).reason).toBe(reason);
  });

  it("comes with advice, which says that typing still works", () => {
    for (const reason of MIC_REASONS)
      expect(micAdvice(new SoundError(reason, "x")).text).toContain("Typing still works");
  });

  it("is 'blocked' where the page's policy forbids the microphone", () => {
    const error = new Error("no");
    error.name = "NotAllowedError";
    expect(toSoundError(error, true).reason).toBe("blocked");
  });
});
