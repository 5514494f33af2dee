import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPlayer } from "../src/audio/player.js";
import type { Speaker, SpeakerReport } from "../src/audio/speaker.js";
import type { PageMessage } from "../src/comm/messages.js";
import { createPlayback, type Playback } from "../src/playback.js";

const sound = (count: number) => new DataView(Int16Array.from({ length: count }, (_, i) => i + 1).buffer);

/** A speaker whose worklet is the player itself, rendered by the test. */
function setUp() {
  const sent: PageMessage[] = [];
  const player = createPlayer(0);
  let report: (report: SpeakerReport) => void = () => undefined;
  const last = (): SpeakerReport => ({ ...player.report(), blocked: false, level: 0 });
  const speaker: Speaker = {
    unlock: () => Promise.resolve(true),
    audio: player.audio,
    done: player.done,
    flush: (epoch) => Promise.resolve(player.flush(epoch)),
    replay: player.replay,
    stopReplay: player.stopReplay,
    last,
    close: () => undefined,
  };
  const playback = createPlayback(
    (message) => sent.push(message),
    () => undefined,
    (onReport) => {
      report = onReport;
      return speaker;
    },
  );
  const play = (quanta: number) => {
    for (let i = 0; i < quanta; i++) player.render(new Float32Array(128));
    report(last());
  };
  return { playback, player, sent, play };
}

describe("playback", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("reports a change of state at once, progress ten times a second, and always the end", () => {
    const { playback, sent, play } = setUp();
    playback.audio(0, "a", 0, 0, sound(1280));
    play(1);
    for (let i = 0; i < 5; i++) play(1);
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(100);
    expect(sent.at(-1)).toMatchObject({ state: "playing", items: [{ played: 768 }] });
    playback.done(0, "a", 0);
    play(4);
    expect(sent.at(-1)).toMatchObject({
      state: "idle",
      items: [{ played: 1280 }],
      underruns: 0,
    });
  });

  it("answers a flush with the played samples, and drops late sound", async () => {
    const { playback, player, sent, play } = setUp();
    playback.audio(0, "a", 0, 0, sound(5000));
    play(3);
    await playback.flush(1);
    expect(sent.at(-1)).toEqual({
      kind: "play.stopped",
      epoch: 1,
      items: [{ item_id: "a", content_index: 0, played: 384 }],
      cause: "flush",
    });
    playback.audio(0, "a", 0, 5000, sound(100));
    expect(player.report().items).toEqual([]);
  });

  it.each([
    ["a snapshot", (playback: Playback) => playback.rebase(1)],
    ["the next answer", (playback: Playback) => playback.audio(1, "b", 0, 0, sound(100))],
  ])("stops playback when %s shows that a flush was lost", async (_, tell) => {
    const { playback, player, sent, play } = setUp();
    playback.audio(0, "a", 0, 0, sound(5000));
    play(3);
    tell(playback);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.at(-1)).toEqual({
      kind: "play.stopped",
      epoch: 1,
      items: [{ item_id: "a", content_index: 0, played: 384 }],
      cause: "flush",
    });
    expect(player.report().items.map(({ item_id }) => item_id)).not.toContain("a");
    playback.audio(1, "b", 0, 100, sound(100));
    expect(player.report().playing).toBe(true);
  });

  it("goes on playing after a snapshot of the same epoch", () => {
    const { playback, player, sent, play } = setUp();
    playback.audio(1, "a", 0, 0, sound(5000));
    play(3);
    playback.rebase(1);
    expect(player.report().playing).toBe(true);
    expect(sent.at(-1)).toMatchObject({ kind: "play.state" });
  });

  it("stops playback before it reports the user's stop", async () => {
    const { playback, player, sent, play } = setUp();
    playback.audio(2, "a", 0, 0, sound(5000));
    play(2);
    await playback.stop();
    expect(sent.slice(-2)).toEqual([
      {
        kind: "play.stopped",
        epoch: 2,
        items: [{ item_id: "a", content_index: 0, played: 256 }],
        cause: "user",
      },
      { kind: "interrupt" },
    ]);
    playback.audio(2, "a", 0, 5000, sound(100));
    expect(player.report().playing).toBe(false);
    playback.audio(3, "b", 0, 0, sound(100));
    expect(player.report().playing).toBe(true);
  });

  it("plays the next answer after a stop while nothing played", async () => {
    const { playback, player } = setUp();
    await playback.stop();
    playback.audio(0, "a", 0, 0, sound(100));
    expect(player.report().playing).toBe(true);
  });

  it("reports the played samples when it yields the sound, and plays again when it gets the sound back", async () => {
    const { playback, player, sent, play } = setUp();
    playback.audio(1, "a", 0, 0, sound(5000));
    play(1);
    await playback.yield();
    expect(sent.at(-1)).toMatchObject({
      kind: "play.stopped",
      epoch: 1,
      cause: "lease",
      items: [{ played: 128 }],
    });
    playback.audio(1, "a", 0, 128, sound(500));
    expect(player.report()).toMatchObject({ playing: true, items: [{ played: 0 }] });
  });

  it("stops on its own at a barge-in, and a late flush of the kernel does not stop the next answer", async () => {
    const { playback, player, sent, play } = setUp();
    const own = (count: number) => Int16Array.from({ length: count }, () => 1);
    playback.audioDirect("a", 0, 0, own(5000));
    play(2);
    await playback.interrupt();
    const cut = [{ item_id: "a", content_index: 0, played: 256 }];
    expect(sent.at(-1)).toEqual({ kind: "play.stopped", epoch: 1, items: cut, cause: "speech" });
    playback.audioDirect("b", 0, 0, own(5000));
    play(1);
    await playback.flush(1);
    expect(sent.at(-1)).toEqual({ kind: "play.stopped", epoch: 1, items: cut, cause: "flush" });
    expect(player.report()).toMatchObject({ playing: true, items: [{ item_id: "b", played: 128 }] });
    await playback.flush(2);
    expect(player.report().playing).toBe(false);
    playback.audioDirect("c", 0, 0, own(100));
    expect(player.report().playing).toBe(true);
  });

  it("replays a recording of another rate until live sound arrives", () => {
    const { playback, player } = setUp();
    playback.replay("a", 48_000, sound(4800));
    expect([playback.replaying, player.report().replaying]).toEqual(["a", true]);
    playback.audio(0, "b", 0, 0, sound(100));
    expect(playback.replaying).toBeNull();
  });
});
