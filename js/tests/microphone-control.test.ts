import { describe, expect, it, vi } from "vitest";
import { SoundError } from "../src/audio/errors.js";
import type { Mic, MicEvents } from "../src/audio/mic.js";
import type { PageMessage } from "../src/comm/messages.js";
import { createMicrophoneControl } from "../src/microphone-control.js";

const OPTIONS = {
  device: "",
  echo_cancellation: true,
  noise_suppression: true,
  auto_gain_control: true,
};

function setUp(open?: (events: MicEvents) => Promise<Mic>) {
  const sent: PageMessage[] = [];
  const opened: MicEvents[] = [];
  const closed = vi.fn();
  let muted = false;
  const failed = vi.fn();
  const began = vi.fn();
  const own = { open: false };
  const control = createMicrophoneControl(
    {
      send: (message) => sent.push(message),
      muted: () => muted,
      options: () => OPTIONS,
      onLevel: () => undefined,
      onOpened: began,
      sendDirect: () => own.open,
      onChanged: () => undefined,
      onFailed: failed,
    },
    async (_options, events) => {
      opened.push(events);
      if (open) return open(events);
      return {
        async close() {
          // What was left of the last frame.
          events.frame(new Int16Array(100), 0);
          closed();
        },
      };
    },
  );
  const frame = () => opened.at(-1)?.frame(new Int16Array(960), 0.5);
  return { control, sent, opened, closed, failed, frame, own, began, mute: (on: boolean) => (muted = on) };
}

describe("microphone control", () => {
  it("announces the microphone, numbers its frames from 0, and counts them at the end", async () => {
    const { control, sent, frame } = setUp();
    await control.on();
    frame();
    frame();
    expect(await control.off()).toBe(3);
    expect(sent).toEqual([
      { kind: "mic.open" },
      { kind: "mic.frame", frame: 0, level: 0.5, sent: false, at: expect.any(Number) },
      { kind: "mic.frame", frame: 1, level: 0.5, sent: false, at: expect.any(Number) },
      { kind: "mic.frame", frame: 2, level: 0, sent: false, at: expect.any(Number) },
      { kind: "mic.close", frames: 3 },
    ]);
    await control.on();
    frame();
    expect(sent.at(-1)).toMatchObject({ frame: 0 });
  });

  it("offers each frame to the page's own socket, and marks the frames sent there", async () => {
    const { control, sent, frame, own, began } = setUp();
    await control.on();
    expect(began).toHaveBeenCalledOnce();
    frame();
    own.open = true;
    frame();
    expect(sent.slice(1)).toMatchObject([{ sent: false }, { sent: true }]);
  });

  it("opens the device again for other options, and only while it is open", async () => {
    const { control, sent, opened, closed } = setUp();
    await control.again();
    expect(opened).toHaveLength(0);
    await control.on();
    await control.again();
    expect(opened).toHaveLength(2);
    expect(closed).toHaveBeenCalledOnce();
    expect(control.state).toBe("on");
    expect(sent.map(({ kind }) => kind)).toEqual(["mic.open", "mic.frame", "mic.close", "mic.open"]);
    void control.off();
    await control.again();
    expect(opened).toHaveLength(2);
    expect(control.state).toBe("off");
  });

  it("sends nothing while muted, and leaves no gap in the numbers", async () => {
    const { control, sent, frame, mute } = setUp();
    await control.on();
    frame();
    mute(true);
    frame();
    mute(false);
    frame();
    expect(sent.filter((m) => m.kind === "mic.frame").map((m) => m.kind === "mic.frame" && m.frame)).toEqual([
      0, 1,
    ]);
  });

  it("closes a microphone whose Talk button was released while it opened", async () => {
    let allow: (mic: Mic) => void = () => undefined;
    const asked = new Promise<Mic>((resolve) => {
      allow = resolve;
    });
    const { control, opened, sent } = setUp(() => asked);
    const opening = control.on();
    await vi.waitFor(() => expect(opened).toHaveLength(1));
    const released = control.off();
    const close = vi.fn(() => Promise.resolve());
    allow({ close });
    await opening;
    expect(await released).toBe(0);
    expect(close).toHaveBeenCalledOnce();
    expect(control.state).toBe("off");
    expect(sent).toEqual([]);
  });

  it("reports why there is no microphone to the kernel and in the card", async () => {
    const { control, sent, failed } = setUp(() =>
      Promise.reject(new SoundError("denied", "Permission denied")),
    );
    await control.on();
    expect(control.state).toBe("off");
    expect(sent).toEqual([{ kind: "mic.error", reason: "denied", message: "Permission denied" }]);
    expect(failed).toHaveBeenCalledOnce();
  });

  it("closes a microphone that was lost", async () => {
    const { control, opened, sent } = setUp();
    await control.on();
    opened[0]?.lost(new SoundError("missing", "unplugged"));
    await control.off();
    expect(control.state).toBe("off");
    expect(sent.map((m) => m.kind)).toEqual(["mic.open", "mic.error", "mic.frame", "mic.close"]);
  });
});
