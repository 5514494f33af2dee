/**
 * One engine a page and model: the comm, the transcript, the microphone, the speaker. Views come and go.
 *
 * Nothing here touches a DOM node, and nothing sounds or listens before a gesture: until then the
 * engine has said hello and no more.
 */

import { type Advice, micAdvice, toSoundError } from "./audio/errors.js";
import { createChannel } from "./comm/channel.js";
import { watchComm } from "./comm/lifeline.js";
import { type KernelMessage, PROTOCOL_VERSION } from "./comm/messages.js";
import { createPulse, type Kernel } from "./comm/pulse.js";
import { createTranscript, type Transcript, type TranscriptChange } from "./comm/state.js";
import type { HostModel } from "./host.js";
import { createPlayback } from "./playback.js";
import { createSocket } from "./socket.js";
import { createTalk, type MicState } from "./talk.js";
import { readMicrophone, readMuted, readTurnDetection, SETTINGS, type Setting } from "./traits.js";

/** The service refuses to commit less than 100 ms. */
const LEAST_FRAMES = 3;

export interface EngineState {
  kernel: Kernel;
  mic: MicState;
  /** Who has the sound of this widget. */
  sound: "here" | "elsewhere" | "nobody";
  /** An answer waits for a gesture. */
  blocked: boolean;
  playing: boolean;
  replaying: string | null;
  problem: Problem | null;
}

export interface Problem extends Advice {
  source: "mic" | "speaker" | "kernel";
}

export type EngineNote =
  | { kind: "state" }
  | { kind: "transcript"; change: TranscriptChange }
  | { kind: "level"; source: "mic" | "speaker"; level: number }
  | { kind: "event"; direction: "client" | "server"; type: string; summary: string };

export interface Engine {
  readonly state: EngineState;
  readonly transcript: Transcript;
  subscribe(listener: (note: EngineNote) => void, signal: AbortSignal): void;
  talk(on: boolean): Promise<void>;
  setting(name: Setting, value: unknown): void;
  sendText(text: string): void;
  stop(): void;
  /** Take the sound to this page and let waiting sound out. */
  play(): void;
  replay(itemId: string): void;
  watchEvents(signal: AbortSignal): void;
  retry(): void;
  dismiss(): void;
}

/** Five minutes of a kernel that says nothing. */
const FORSAKEN_SOCKET_BEATS = 300;

/** Widgets of one page take turns: whoever begins to listen tells the others, which stop. */
const LISTENING = "rtnb-listening";

export function createEngine(model: HostModel, signal: AbortSignal): Engine {
  const page = newPageId();
  const listeners = new Set<(note: EngineNote) => void>();
  let lease: string | null = null;
  let problem: Problem | null = null;
  let eventWatchers = 0;
  // The kernel lends the sound to the first page that comes; only a gesture makes the claim a person's.
  let claimed = false;

  const tell = (note: EngineNote) => {
    for (const listener of listeners) listener(note);
  };
  const changed = () => tell({ kind: "state" });
  const transcript = createTranscript((change) => tell({ kind: "transcript", change }));

  const channel = createChannel({
    page,
    transmit(content, buffer) {
      try {
        model.send(content, undefined, buffer ? [buffer] : []);
      } catch {
        // A reopened notebook holds a model without a kernel; the pulse says so to the person.
      }
    },
    deliver: receive,
    missed: () => pulse.greet(),
  });
  const send = channel.send;

  const pulse = createPulse({
    hello: () =>
      send({
        kind: "hello",
        version: PROTOCOL_VERSION,
        bundle: __BUNDLE__,
        secure: window.isSecureContext,
        media: Boolean(navigator.mediaDevices?.getUserMedia),
      }),
    beat: () => send({ kind: "heartbeat", seen: channel.seen }),
    forsaken: letGo,
    changed(kernel) {
      if (kernel === "gone") {
        socket.close("the kernel is gone");
        void talk.off();
        void playback.yield();
      }
      changed();
    },
  });

  function letGo(beats: number): void {
    // On the page's own socket the conversation goes on without the kernel, but not for ever unattended.
    if (socket.open && beats < FORSAKEN_SOCKET_BEATS) return;
    socket.close("the kernel has not answered for minutes");
    if (talk.state === "off") return;
    void talk.off();
    problem = {
      source: "mic",
      title: "The microphone was let go.",
      text: `The kernel has not answered for ${beats < 60 ? "half a minute" : "minutes"}. Press Talk when it is back.`,
    };
    changed();
  }

  const playback = createPlayback(send, (report) => {
    tell({ kind: "level", source: "speaker", level: report.level });
    changed();
  });

  const socket = createSocket({
    send,
    audio: playback.own,
    done: playback.ownDone,
    interrupted: () => void playback.interrupt(),
    changed,
  });

  const talk = createTalk({
    send,
    opened: () => socket.listening(readTurnDetection(model) === null),
    frame: socket.microphone,
    muted: () => readMuted(model),
    options: () => readMicrophone(model),
    level: (level) => tell({ kind: "level", source: "mic", level }),
    changed,
    failed(error) {
      problem = { source: "mic", ...micAdvice(error) };
      changed();
    },
  });

  function receive(message: KernelMessage): void {
    switch (message.kind) {
      case "snapshot":
        if (message.epoch > playback.silentBelow) socket.silenced();
        playback.rebase(message.epoch);
        setLease(message.lease);
        transcript.reset(message.turns, message.live, message.earlier);
        if (eventWatchers > 0) send({ kind: "events", on: true });
        break;
      case "turn":
      case "live":
        transcript.upsert(message.turn, message.after);
        break;
      case "live.delta":
        transcript.append(message.item_id, message.text);
        break;
      case "gone":
        transcript.remove(message.item_id);
        break;
      case "audio":
        if (isElsewhere() || !message.pcm) break;
        playback.audio(message.epoch, message.item_id, message.content_index, message.start, message.pcm);
        break;
      case "audio.done":
        if (!isElsewhere()) playback.done(message.epoch, message.item_id, message.content_index);
        break;
      case "flush":
        if (message.epoch > playback.silentBelow) socket.silenced();
        void playback.flush(message.epoch);
        break;
      case "lease":
        setLease(message.page);
        break;
      case "clip":
        if (message.pcm) playback.replay(message.item_id, message.rate, message.pcm);
        break;
      case "refused":
        problem = { source: "kernel", title: refusalTitle(message.what), text: message.why || message.what };
        changed();
        break;
      case "event":
        tell(message);
        break;
      case "socket.open":
      case "socket.send":
      case "socket.hold":
      case "socket.close":
        socket.receive(message);
    }
  }

  const isElsewhere = () => lease !== null && lease !== page;

  function setLease(next: string | null): void {
    const had = !isElsewhere();
    lease = next;
    if (had && isElsewhere()) {
      claimed = false;
      socket.close("another page has the sound");
      void talk.off();
      void playback.yield();
    }
    changed();
  }

  /** The person wants silence, also of what is still on its way. */
  function silence(): void {
    socket.silenced();
    void playback.stop();
  }

  /** Every gesture in the card claims the sound for this page; the newest gesture wins. */
  function claim(): void {
    if (lease !== page || !claimed) {
      claimed = true;
      send({ kind: "lease" });
      setLease(page);
    }
    playback.unlock().then(changed, (error: unknown) => {
      const fault = toSoundError(error);
      problem = { source: "speaker", title: "Sound cannot be played here.", text: fault.message };
      changed();
    });
  }

  function shutDown(): void {
    socket.close("the page goes away");
    talk.close();
    playback.close();
  }

  watchComm(model, signal, {
    receive(content, buffers) {
      channel.receive(content, buffers);
      pulse.alive(channel.synced);
    },
    lost: () => pulse.lost(),
    changed: () => pulse.greet(),
    hidden() {
      socket.close("the page goes away");
      send({ kind: "bye" });
    },
    shown: () => pulse.greet(),
  });
  signal.addEventListener("abort", () => {
    send({ kind: "bye" });
    pulse.close();
    channel.close();
    shutDown();
  });
  pulse.greet();

  return {
    get state(): EngineState {
      const report = playback.report;
      return {
        kernel: pulse.kernel,
        mic: talk.state,
        sound: lease === page ? "here" : lease === null ? "nobody" : "elsewhere",
        blocked: report.blocked,
        playing: report.playing,
        replaying: playback.replaying,
        problem,
      };
    },
    transcript,
    subscribe(listener, until) {
      if (until.aborted) return;
      listeners.add(listener);
      until.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    async talk(on) {
      problem = null;
      if (pulse.kernel === "gone") return;
      const pushToTalk = readTurnDetection(model) === null;
      if (on) {
        window.dispatchEvent(new CustomEvent(LISTENING, { detail: page }));
        claim();
        // Nobody else notices that the person speaks: the key is the barge-in.
        if (pushToTalk && playback.report.playing) silence();
        await talk.on();
        return;
      }
      if (talk.state === "off") return;
      const frames = await talk.off();
      // Without turn detection the person says when the turn ends: now. A tap said nothing.
      if (pushToTalk && frames >= LEAST_FRAMES) send({ kind: "commit" });
    },
    setting(name, value) {
      model.set(name, value);
      model.save_changes();
    },
    sendText(text) {
      problem = null;
      claim();
      send({ kind: "send", text });
      changed();
    },
    stop() {
      if (playback.replaying && !playback.report.playing) playback.stopReplay();
      else silence();
    },
    play: claim,
    replay(itemId) {
      if (playback.replaying === itemId) {
        playback.stopReplay();
        return;
      }
      claim();
      send({ kind: "clip", item_id: itemId });
    },
    watchEvents(until) {
      eventWatchers += 1;
      if (eventWatchers === 1) send({ kind: "events", on: true });
      until.addEventListener(
        "abort",
        () => {
          eventWatchers -= 1;
          if (eventWatchers === 0) send({ kind: "events", on: false });
        },
        { once: true },
      );
    },
    retry: () => send({ kind: "retry" }),
    dismiss() {
      problem = null;
      changed();
    },
  };
}

function refusalTitle(what: string): string {
  if (what === "hello") return "This page is out of date.";
  return SETTINGS.includes(what) ? "That was not changed." : "That was not done.";
}

function newPageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `p-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
