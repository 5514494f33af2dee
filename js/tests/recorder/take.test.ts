import { describe, expect, it } from "vitest";
import { RATE_HZ } from "../../src/audio/pcm.js";
import { createTake, LONGEST_S, peaks, trimmed } from "../../src/recorder/take.js";

const ramp = (from: number, count: number) => Int16Array.from({ length: count }, (_, i) => from + i);

describe("a take", () => {
  it("keeps every sample in order", () => {
    const take = createTake();
    for (let at = 0; at < 4800; at += 960) take.push(ramp(at, 960));
    expect(take.samples()).toEqual(ramp(0, 4800));
    expect(take.newest(1000)).toEqual(ramp(3800, 1000));
    expect(take.newest(9000)).toEqual(ramp(0, 4800));
  });

  it("ends at the longest length, to the sample", () => {
    const take = createTake();
    take.push(new Int16Array(LONGEST_S * RATE_HZ - 5));
    expect(take.full).toBe(false);
    take.push(ramp(1, 960));
    take.push(ramp(1, 960));
    expect(take.full).toBe(true);
    expect(take.length).toBe(LONGEST_S * RATE_HZ);
    expect(take.newest(5)).toEqual(ramp(1, 5));
  });
});

describe("peaks", () => {
  it("finds the loudest sample of each stretch, also in fewer samples than bars", () => {
    expect([...peaks(Int16Array.from([0, -32768, 16384, 0]), 2)]).toEqual([1, 0.5]);
    expect([...peaks(Int16Array.from([16384]), 3)].filter((peak) => peak > 0)).toEqual([0.5]);
    expect([...peaks(new Int16Array(0), 2)]).toEqual([0, 0]);
  });
});

describe("trimming", () => {
  const second = RATE_HZ;
  it("keeps the ends in order, a tenth of a second apart: the moved end gives way", () => {
    expect(trimmed(500, 400, second, "start")).toEqual({ start: 0, end: 2400 });
    expect(trimmed(20000, 15000, second, "start")).toEqual({ start: 12600, end: 15000 });
    expect(trimmed(20000, 15000, second, "end")).toEqual({ start: 20000, end: 22400 });
    expect(trimmed(-5, 99999, second, "end")).toEqual({ start: 0, end: second });
  });

  it("keeps the whole of a recording that is shorter than that", () => {
    expect(trimmed(500, 600, 1000, "start")).toEqual({ start: 0, end: 1000 });
  });
});
