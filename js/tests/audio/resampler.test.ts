import { describe, expect, it } from "vitest";
import { createResampler } from "../../src/audio/resampler.js";

/** A chord far below the Nyquist frequency of 24 kHz, at any time in seconds. */
const TONES = [
  [180, 0.21],
  [1870.5, 0.18],
  [5333, 0.12],
  [9120, 0.08],
  [10_700, 0.05],
] as const;
const chord = (t: number) => TONES.reduce((sum, [hz, a]) => sum + a * Math.sin(2 * Math.PI * hz * t + hz), 0);
const sampled = (rate: number, seconds: number) =>
  Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => chord(i / rate));

function run(source: number, input: Float32Array, block: (n: number) => number): Float32Array {
  const resampler = createResampler(source, 24_000);
  const parts: Float32Array[] = [];
  for (let at = 0, n = 0; at < input.length; n++) {
    const size = block(n);
    parts.push(resampler.process(input.subarray(at, at + size)));
    at += size;
  }
  parts.push(resampler.flush());
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

describe("resampler", () => {
  it.each([32_000, 44_100, 48_000, 88_200, 96_000, 192_000])(
    "keeps speech at %d Hz above 60 dB, without delay",
    (rate) => {
      const out = run(rate, sampled(rate, 0.3), () => 128);
      let signal = 0;
      let noise = 0;
      for (let i = 400; i < out.length - 400; i++) {
        const expected = chord(i / 24_000);
        signal += expected ** 2;
        noise += (expected - (out[i] ?? 0)) ** 2;
      }
      expect(10 * Math.log10(signal / noise)).toBeGreaterThan(60);
    },
  );

  it.each([16_000, 22_050, 8000])("resamples %d Hz upwards without adding sound", (rate) => {
    const low = (t: number) => 0.3 * Math.sin(2 * Math.PI * 700 * t);
    const out = run(
      rate,
      Float32Array.from({ length: rate / 2 }, (_, i) => low(i / rate)),
      () => 128,
    );
    const worst = Math.max(...out.slice(600, -600).map((x, i) => Math.abs(x - low((i + 600) / 24_000))));
    expect(worst).toBeLessThan(1e-3);
  });

  it("filters out frequencies that would alias", () => {
    const input = Float32Array.from(
      { length: 24_000 },
      (_, i) => 0.5 * Math.sin((2 * Math.PI * 15_000 * i) / 48_000),
    );
    const out = run(48_000, input, () => 128);
    expect(Math.max(...out.slice(400, -400).map(Math.abs))).toBeLessThan(5e-4);
  });

  it.each([44_100, 48_000, 11_025])("gives the same samples for any block sizes at %d Hz", (rate) => {
    const input = sampled(rate, 0.1);
    const whole = run(rate, input, () => input.length);
    expect(run(rate, input, (n) => 1 + ((n * 31) % 700))).toEqual(whole);
    expect(whole.length).toBe(Math.ceil((input.length * 24_000) / rate));
  });

  it("leaves 24 kHz unchanged", () => {
    const input = sampled(24_000, 0.05);
    expect(run(24_000, input, () => 100)).toEqual(input);
  });
});
