import { describe, expect, it } from "vitest";
import { createPlayer, type Player } from "../../src/audio/player.js";

const samples = (count: number, from = 1) =>
  Int16Array.from({ length: count }, (_, i) => ((from + i) % 30_000) + 1);

function hear(player: Player, quanta: number): number[] {
  const heard: number[] = [];
  for (let i = 0; i < quanta; i++) {
    const out = new Float32Array(128);
    player.render(out);
    heard.push(...Array.from(out, (x) => x * 32768));
  }
  return heard;
}

describe("player", () => {
  it("plays the samples unchanged and counts them", () => {
    const player = createPlayer(0);
    player.audio(0, "a", 0, 0, samples(1000));
    player.audio(0, "a", 0, 1000, samples(777, 1001));
    player.done(0, "a", 0);
    expect(hear(player, 20).filter((x) => x !== 0)).toEqual([...samples(1777)]);
    expect(player.report()).toMatchObject({
      playing: false,
      underruns: 0,
      items: [{ item_id: "a", content_index: 0, played: 1777 }],
    });
  });

  it("starts after a short prebuffer, at the end of the item, or after a quarter of a second", () => {
    const waiting = createPlayer(1920);
    waiting.audio(0, "a", 0, 0, samples(100));
    expect(hear(waiting, 2).some((x) => x !== 0)).toBe(false);
    waiting.done(0, "a", 0);
    expect(hear(waiting, 1).some((x) => x !== 0)).toBe(true);

    const patient = createPlayer(1920);
    patient.audio(0, "a", 0, 0, samples(100));
    expect(hear(patient, 60).filter((x) => x !== 0)).toHaveLength(100);
  });

  it("counts an underrun only when more sound of the item arrives later", () => {
    const player = createPlayer(0);
    player.audio(0, "a", 0, 0, samples(128));
    hear(player, 3);
    expect(player.report().underruns).toBe(0);
    player.audio(0, "a", 0, 128, samples(128));
    hear(player, 3);
    player.done(0, "a", 0);
    player.audio(0, "b", 0, 0, samples(128));
    hear(player, 3);
    expect(player.report().underruns).toBe(1);
  });

  it("stops at once at a flush, returns the played samples, and drops late sound of the old epoch", () => {
    const player = createPlayer(0);
    player.audio(3, "a", 0, 0, samples(10_000));
    hear(player, 4);
    expect(player.flush(4)).toEqual([{ item_id: "a", content_index: 0, played: 512 }]);
    player.audio(3, "a", 0, 10_000, samples(500));
    expect(hear(player, 100).every((x) => x === 0)).toBe(true);
    player.audio(4, "b", 0, 0, samples(128));
    player.done(4, "b", 0);
    expect(hear(player, 1)).toEqual([...samples(128)]);
  });

  it("drops repeated samples, and keeps positions when samples were lost", () => {
    const player = createPlayer(0);
    player.audio(0, "a", 0, 0, samples(200));
    player.audio(0, "a", 0, 100, samples(200, 101));
    player.audio(0, "a", 0, 500, samples(100, 501));
    player.done(0, "a", 0);
    expect(hear(player, 5).filter((x) => x !== 0)).toEqual([...samples(300), ...samples(100, 501)]);
    expect(player.report().items[0]).toMatchObject({ played: 600 });
  });

  it("counts each item by itself, in the order of arrival", () => {
    const player = createPlayer(0);
    player.audio(0, "a", 0, 0, samples(100));
    player.audio(0, "a", 1, 0, samples(100));
    player.audio(0, "b", 0, 0, samples(100));
    hear(player, 2);
    expect(player.report().items.map((item) => item.played)).toEqual([100, 100, 56]);
  });

  it("lists few items in a report after many responses were cancelled without an end", () => {
    const player = createPlayer(0);
    for (let i = 0; i < 100; i++) {
      player.audio(0, `item-${i}`, 0, 0, samples(100));
      hear(player, 1);
    }
    expect(player.report().items.length).toBeLessThan(8);
    expect(player.report().items.at(-1)).toMatchObject({ item_id: "item-99", played: 100 });
  });

  it("never cuts an answer that is far ahead of playback", () => {
    const player = createPlayer(1920);
    const long = samples(24_000 * 12);
    player.audio(0, "a", 0, 0, long);
    expect(hear(player, (24_000 * 12) / 128)).toEqual([...long]);
  });

  it("replays only while no live sound plays, and stops for live sound", () => {
    const player = createPlayer(0);
    player.replay(samples(1000));
    expect(hear(player, 1)).toEqual([...samples(128)]);
    expect(player.report()).toMatchObject({ replaying: true, playing: false, items: [] });
    player.audio(
      0,
      "a",
      0,
      0,
      Int16Array.from({ length: 128 }, () => 7),
    );
    expect(new Set(hear(player, 1))).toEqual(new Set([7]));
    player.replay(samples(10));
    expect(player.report().replaying).toBe(false);
  });
});
