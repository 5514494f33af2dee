/**
 * Runs one model on one page: joins the comm, the transcript, the microphone, the speaker and the page's socket.
 *
 * Lives as long as the model on this page; views come and go (docs/notebook.md 36). Nothing sounds or listens
 * before a gesture: until then the engine only says hello (docs/notebook.md 15, 19).
 *
 * Must not know the DOM.
 */

import { type Advice, micAdvice, toSoundError } from "./audio/errors.js";
import { framesOf } from "./audio/framer.js";
import { createChannel } from "./comm/channel.js";
import { watchComm } from "./comm/comm-lifetime.js";
import { createHeartbeat, type Kernel } from "./comm/heartbeat.js";
import {
  type ExperimentView,
  type KernelMessage,
  PROTOCOL_VERSION,
  type SettingChange,
} from "./comm/messages.js";
import { createTranscript, type Transcript, type TranscriptChange } from "./comm/state.js";
import type { HostModel } from "./host.js";
import { announceListening, newCardId, onOtherListening } from "./listening.js";
import { createMicrophoneControl, type MicState } from "./microphone-control.js";
import { createPlayback } from "./playback.js";
import { createSocket } from "./socket.js";
import { onTraits, read, SETTINGS, type Setting } from "./traits.js";

/** The service is said to refuse a commit of less than 100 ms of sound (docs/protocol.md 14). */
const LEAST_FRAMES = framesOf(100);

export interface EngineState {
  kernel: Kernel;
  /** A kernel has answered. Without one there is nothing to show: a saved notebook holds no transcript. */
  met: boolean;
  mic: MicState;
  /** Which page plays the sound of this widget: this one, another one, or none. */
  sound: "here" | "elsewhere" | "none";
  /** An answer waits for a gesture before it can sound. */
  blocked: boolean;
  playing: boolean;
  replaying: string | null;
  problem: Problem | null;
}

interface Problem extends Advice {
  source: "mic" | "speaker" | "kernel";
}

type EngineNote =
  | { kind: "state" }
  | { kind: "transcript"; change: TranscriptChange }
  | { kind: "experiment"; experiment: ExperimentView }
  | { kind: "level"; source: "mic" | "speaker"; level: number }
  | { kind: "event"; direction: "client" | "server"; type: string; summary: string };

export interface Engine {
  readonly state: EngineState;
  readonly transcript: Transcript;
  /** The turns that were asked again, oldest first, by the id of the experiment. */
  readonly experiments: ReadonlyMap<string, ExperimentView>;
  subscribe(listener: (note: EngineNote) => void, signal: AbortSignal): void;
  /** A view of the card exists until the signal aborts. */
  viewed(until: AbortSignal): void;
  talk(on: boolean): Promise<void>;
  setting(name: Setting, value: unknown): void;
  sendText(text: string): void;
  stop(): void;
  /** Moves the sound to this page and plays what waits. */
  play(): void;
  replay(itemId: string): void;
  /** Keeps a turn as an utterance in Python (`w.kept`), or keeps it no longer. */
  keep(itemId: string, on: boolean): void;
  /** Asks a turn again, once for each list of changed settings. */
  askAgain(itemId: string, sides: SettingChange[][]): void;
  cancelAgain(experiment: string): void;
  watchEvents(signal: AbortSignal): void;
  retry(): void;
  /** Begins a new conversation. */
  reset(): void;
  /** Opens a branch at a turn of the user, with other instructions; null keeps the present ones. */
  fork(itemId: string, instructions: string | null): void;
  closeBranch(id: string): void;
  dismiss(): void;
}

/** The words of `status` for what ends by itself: an answer, or an attempt to connect. */
const ACTIVE = ["connecting", "hearing", "thinking", "speaking", "reconnecting"];

/** As many as the kernel keeps: older ones have no sound any more. */
const KEPT_EXPERIMENTS = 20;

const PAGE_LEFT = "the page was closed or reloaded";

/** Microphone and voice outlive the last view of their card for so long: a cell that is moved draws a new one sooner. */
const UNVIEWED_MS = 3000;

/** After five minutes without an answer of the kernel, the page's own socket is closed too. */
const ABANDON_SOCKET_AFTER_BEATS = 300;

export function createEngine(model: HostModel, signal: AbortSignal): Engine {
  const page = newCardId();
  const listeners = new Set<(note: EngineNote) => void>();
  let lease: string | null = null;
  let problem: Problem | null = null;
  let eventWatchers = 0;
  // Counted by their lifetimes: a view in a hidden tab or outside the window is a view (docs/notebook.md 36).
  let views = 0;
  let unviewed: ReturnType<typeof setTimeout> | undefined;
  let left = false;
  let met = false;
  // The kernel lends the sound to the first page that says hello; only a gesture claims it for good.
  let claimed = false;

  const notify = (note: EngineNote) => {
    for (const listener of listeners) listener(note);
  };
  const changed = () => notify({ kind: "state" });
  const experiments = new Map<string, ExperimentView>();
  const transcript = createTranscript((change) => notify({ kind: "transcript", change }));

  const channel = createChannel({
    page,
    transmit(content, buffer) {
      try {
        model.send(content, undefined, buffer ? [buffer] : []);
      } catch {
        // The comm of a kernel that was shut down throws, and no event says so. A reopened notebook holds a model that
        // never had a kernel: the heartbeat finds that out.
        if (met) heartbeat.onCommClosed();
      }
    },
    precede(message) {
      // The sound that another page has now must not wait until earlier messages came; nor must silence.
      if (message.kind === "lease" && message.page !== null && message.page !== page) setLease(message.page);
      if (message.kind !== "flush") return false;
      receive(message);
      return true;
    },
    deliver: receive,
    onMessagesLost: () => heartbeat.greet(),
    alive: () => heartbeat.kernel === "ok",
  });
  const send = channel.send;

  const heartbeat = createHeartbeat({
    hello: () =>
      send({
        kind: "hello",
        version: PROTOCOL_VERSION,
      }),
    beat: (every) => send({ kind: "heartbeat", every, ...channel.sound }),
    active: () =>
      microphone.state !== "off" ||
      (playback.report.playing && !playback.report.blocked) ||
      ACTIVE.includes(read(model, "status")),
    onUnanswered: closeAbandoned,
    onKernelChanged(kernel) {
      if (kernel === "gone") {
        socket.close("the kernel is gone");
        void microphone.off();
        void playback.yield();
      }
      changed();
    },
  });

  /** Closes the microphone of a kernel that has not answered for long, and the socket after longer. */
  function closeAbandoned(beats: number): void {
    // Over the page's own socket the conversation goes on without the kernel, for a limited time.
    if (socket.open && beats < ABANDON_SOCKET_AFTER_BEATS) return;
    socket.close("the kernel has not answered for minutes");
    if (microphone.state === "off") return;
    void microphone.off();
    problem = {
      source: "mic",
      title: "The microphone was switched off.",
      text: `The kernel has not answered for ${beats < 60 ? "half a minute" : "minutes"}. Press Talk when it is back.`,
    };
    changed();
  }

  const playback = createPlayback(send, (report) => {
    notify({ kind: "level", source: "speaker", level: report.level });
    changed();
  });

  const socket = createSocket({
    send,
    audio: playback.audioDirect,
    done: playback.doneDirect,
    onSpeech: () => void playback.interrupt(),
    onChanged: changed,
  });

  const microphone = createMicrophoneControl({
    send,
    onOpened: () => socket.onMicrophoneOpened(read(model, "turn_detection") === null),
    sendDirect: socket.sendMicrophone,
    muted: () => read(model, "muted"),
    options: () => read(model, "_microphone"),
    onLevel: (level) => notify({ kind: "level", source: "mic", level }),
    onChanged: changed,
    onFailed(error) {
      problem = { source: "mic", ...micAdvice(error) };
      changed();
    },
  });

  onTraits(model, ["_microphone"], () => void microphone.again(), signal);

  function receive(message: KernelMessage): void {
    switch (message.kind) {
      case "snapshot":
        met = true;
        if (message.epoch > playback.silentBelow) socket.dropResponses();
        playback.rebase(message.epoch);
        // In the middle of the sound, the lease comes to this page by its own message, before the sound to play.
        if (lease === null || (message.lease !== null && message.lease !== page)) setLease(message.lease);
        transcript.reset(message.turns, message.live, message.earlier);
        if (eventWatchers > 0) send({ kind: "events", on: true });
        if (views > 0) sendViews();
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
        if (message.epoch > playback.silentBelow) socket.dropResponses();
        void playback.flush(message.epoch);
        break;
      case "lease":
        setLease(message.page);
        break;
      case "mic.stop":
        void microphone.off();
        break;
      case "clip":
        if (message.pcm) playback.replay(message.item_id, message.rate, message.pcm);
        break;
      case "refused":
        problem = { source: "kernel", title: refusalTitle(message.what), text: message.why || message.what };
        changed();
        break;
      case "experiment":
        experiments.set(message.experiment, message);
        for (const oldest of experiments.keys()) {
          if (experiments.size <= KEPT_EXPERIMENTS) break;
          experiments.delete(oldest);
        }
        notify({ kind: "experiment", experiment: message });
        break;
      case "event":
        notify(message);
        break;
      case "socket.open":
      case "socket.send":
      case "socket.hold":
      case "socket.close":
        socket.receive(message);
    }
  }

  /** A page that is being left sends no more: the kernel would take it for one that is back. */
  function sendViews(): void {
    if (!left && !signal.aborted) send({ kind: "views", count: views });
  }

  const isElsewhere = () => lease !== null && lease !== page;

  function setLease(next: string | null): void {
    const had = !isElsewhere();
    lease = next;
    if (had && isElsewhere()) {
      claimed = false;
      socket.close("another page has the sound");
      void microphone.off();
      void playback.yield();
    }
    changed();
  }

  /** Stops playback for the user, sound that is still on its way included. */
  function stopSpeaking(): void {
    socket.dropResponses();
    void playback.stop();
  }

  /** Claims the sound for this page. Called in every gesture: the page of the latest gesture has the sound. */
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
    clearTimeout(unviewed);
    socket.close(PAGE_LEFT);
    microphone.close();
    playback.close();
  }

  watchComm(model, signal, {
    onMessage(content, buffers) {
      channel.receive(content, buffers);
      heartbeat.onMessage(channel.synced);
    },
    onClosed: () => heartbeat.onCommClosed(),
    onReplaced: () => heartbeat.greet(),
    onPageHidden() {
      left = true;
      socket.close(PAGE_LEFT);
      send({ kind: "bye" });
    },
    onPageRestored() {
      left = false;
      heartbeat.greet();
    },
  });
  onOtherListening(page, () => void microphone.off(), signal);
  signal.addEventListener("abort", () => {
    send({ kind: "bye" });
    heartbeat.close();
    channel.close();
    shutDown();
  });
  heartbeat.greet();

  return {
    get state(): EngineState {
      const report = playback.report;
      return {
        kernel: heartbeat.kernel,
        met,
        mic: microphone.state,
        sound: lease === page ? "here" : lease === null ? "none" : "elsewhere",
        blocked: report.blocked,
        playing: report.playing,
        replaying: playback.replaying,
        problem,
      };
    },
    transcript,
    experiments,
    subscribe(listener, until) {
      if (until.aborted) return;
      listeners.add(listener);
      until.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    viewed(until) {
      views += 1;
      clearTimeout(unviewed);
      sendViews();
      until.addEventListener("abort", () => {
        views -= 1;
        sendViews();
        if (views > 0) return;
        // What a script asks later, without a card, is spoken to its end.
        const inUse = microphone.state !== "off" || playback.report.playing;
        // The page's own timer: the kernel may be busy, or out of reach since its notebook's tab was closed.
        unviewed = setTimeout(async () => {
          await microphone.off();
          if (inUse && views === 0) stopSpeaking();
        }, UNVIEWED_MS);
      });
    },
    async talk(on) {
      problem = null;
      if (!met || heartbeat.kernel === "gone") return;
      const pushToTalk = read(model, "turn_detection") === null;
      if (on) {
        announceListening(page);
        claim();
        // Without turn detection the service does not detect speech: pressing Talk is the barge-in (docs/protocol.md 30).
        if (pushToTalk && playback.report.playing) stopSpeaking();
        await microphone.on();
        return;
      }
      if (microphone.state === "off") return;
      const frames = await microphone.off();
      // Without turn detection the user ends the turn by releasing Talk (docs/protocol.md 15). A short tap holds no
      // speech.
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
      else stopSpeaking();
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
    askAgain(itemId, sides) {
      problem = null;
      send({ kind: "ask.again", item_id: itemId, sides: sides.map((changes) => ({ changes })) });
      changed();
    },
    cancelAgain: (experiment) => send({ kind: "ask.cancel", experiment }),
    keep: (itemId, on) => send({ kind: "keep", item_id: itemId, on }),
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
    reset: () => send({ kind: "reset" }),
    fork(itemId, instructions) {
      problem = null;
      // The branch will speak: this conversation falls silent and stops to listen.
      if (playback.report.playing) stopSpeaking();
      void microphone.off();
      send({ kind: "fork", item_id: itemId, instructions });
      changed();
    },
    closeBranch: (id) => send({ kind: "branch.close", branch: id }),
    dismiss() {
      problem = null;
      changed();
    },
  };
}

function refusalTitle(what: string): string {
  if (what === "hello") return "This page is out of date.";
  return (SETTINGS as readonly string[]).includes(what) ? "That was not changed." : "That was not done.";
}
