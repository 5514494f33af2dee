import { describe, expect, it, vi } from "vitest";
import { SoundError } from "../src/audio/errors.js";
import type { Mic, MicEvents } from "../src/audio/mic.js";
import type { PageMessage } from "../src/comm/messages.js";
import { createTalk } from "../src/talk.js";

function setUp(open?: (events: MicEvents) => Promise<Mic>) {
  const sent: PageMessage[] = [];
  const opened: MicEvents[] = [];
  const closed = vi.fn();
  let muted = false;
  const failed = vi.fn();
  const began = vi.fn();
  const own = { open: false };
  const talk = createTalk(
    {
      send: (message) => sent.push(message),
      muted: () => muted,
      options: () => ({}),
      level: () => undefined,
      opened: began,
      frame: () => own.open,
      changed: () => undefined,
      failed,
    },
    async (_options, events) => {
      opened.push(events);
      if (open) return open(events);
      return {
        rate: 48_000,
        async close() {
          // What was left of the last frame.
          events.frame(new Int16Array(100), 0);
          closed();
        },
      };
    },
  );
  const frame = () => opened.at(-1)?.frame(new Int16Array(960), 0.5);
  return { talk, sent, opened, closed, failed, frame, own, began, mute: (on: boolean) => (muted = on) };
}

describe("talk", () => {
  it("announces the microphone, numbers its frames from 0, and counts them at the end", async () => {
    const { talk, sent, frame } = setUp();
    await talk.on();
    frame();
    frame();
    expect(await talk.off()).toBe(3);
    expect(sent).toEqual([
      { kind: "mic.open", rate: 48_000 },
      { kind: "mic.frame", frame: 0, level: 0.5, sent: false },
      { kind: "mic.frame", frame: 1, level: 0.5, sent: false },
      { kind: "mic.frame", frame: 2, level: 0, sent: false },
      { kind: "mic.close", frames: 3 },
    ]);
    await talk.on();
    frame();
    expect(sent.at(-1)).toMatchObject({ frame: 0 });
  });

  it("offers each frame to the page's own socket, and says which went out there", async () => {
    const { talk, sent, frame, own, began } = setUp();
    await talk.on();
    expect(began).toHaveBeenCalledOnce();
    frame();
    own.open = true;
    frame();
    expect(sent.slice(1)).toMatchObject([{ sent: false }, { sent: true }]);
  });

  it("sends nothing while muted, and leaves no hole in the numbers", async () => {
    const { talk, sent, frame, mute } = setUp();
    await talk.on();
    frame();
    mute(true);
    frame();
    mute(false);
    frame();
    expect(sent.filter((m) => m.kind === "mic.frame").map((m) => m.kind === "mic.frame" && m.frame)).toEqual([
      0, 1,
    ]);
  });

  it("closes a microphone whose key was released while it opened", async () => {
    let allow: (mic: Mic) => void = () => undefined;
    const asked = new Promise<Mic>((resolve) => {
      allow = resolve;
    });
    const { talk, opened, sent } = setUp(() => asked);
    const opening = talk.on();
    await vi.waitFor(() => expect(opened).toHaveLength(1));
    const released = talk.off();
    const close = vi.fn(() => Promise.resolve());
    allow({ rate: 48_000, close });
    await opening;
    expect(await released).toBe(0);
    expect(close).toHaveBeenCalledOnce();
    expect(talk.state).toBe("off");
    expect(sent).toEqual([]);
  });

  it("says why there is no microphone, to the kernel and to the person", async () => {
    const { talk, sent, failed } = setUp(() => Promise.reject(new SoundError("denied", "Permission denied")));
    await talk.on();
    expect(talk.state).toBe("off");
    expect(sent).toEqual([{ kind: "mic.error", reason: "denied", message: "Permission denied" }]);
    expect(failed).toHaveBeenCalledOnce();
  });

  it("lets go of a microphone that went away", async () => {
    const { talk, opened, sent } = setUp();
    await talk.on();
    opened[0]?.lost(new SoundError("missing", "unplugged"));
    await talk.off();
    expect(talk.state).toBe("off");
    expect(sent.map((m) => m.kind)).toEqual(["mic.open", "mic.error", "mic.frame", "mic.close"]);
  });
});
