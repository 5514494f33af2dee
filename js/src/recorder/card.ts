/**
 * One view of a recorder: record, look, trim, listen, keep.
 *
 * A recording stays in the page until the kernel has it: a kernel that does not answer loses nothing. The microphone is
 * closed with the view, when the page is left, and when another card of the page opens it.
 */

import { micRemedy, type SoundError, toSoundError } from "../audio/errors.js";
import { type Mic, openMic } from "../audio/mic.js";
import { RATE_HZ } from "../audio/pcm.js";
import { type HostModel, listen } from "../host.js";
import { record } from "../json.js";
import { announceListening, newCardId, onOtherListening } from "../listening.js";
import { button, h, setAttribute, setText } from "../view/dom.js";
import { takeKeys } from "../view/own-keys.js";
import { followTheme } from "../view/theme.js";
import { fromKernel, keptOf, promptsOf, type RecorderPageMessage } from "./messages.js";
import { play } from "./play.js";
import { createTake, LONGEST_S, type Take, trimmed } from "./take.js";
import { createWaveform } from "./waveform.js";

/** How long the kernel may take to keep a recording before the card offers to send it again. */
const KEEP_TIMEOUT_MS = 15_000;
const GREET_TIMEOUT_MS = 5_000;

/** The stretch that is shown while it is recorded, in seconds. */
const SHOWN_S = 6;

type Phase = "idle" | "opening" | "recording" | "taken" | "keeping";

const STATUS: Record<Phase, string> = {
  idle: "Recorder",
  opening: "Opening the microphone…",
  recording: "Recording",
  taken: "Recorded",
  keeping: "Keeping…",
};

export function renderRecorder(model: HostModel, el: HTMLElement, signal: AbortSignal): void {
  const id = newCardId();
  const about = h("span", { class: "rtnb-about" });
  const status = h("span", { class: "rtnb-status", role: "status" });
  const prompt = h("p", { class: "rtnb-prompt" });
  const wave = createWaveform(signal);
  const start = slider("Start of the part to keep");
  const end = slider("End of the part to keep");
  const trim = h("div", { class: "rtnb-trim" }, wave.root, start, end);
  const label = h("input", { type: "text", maxlength: 200, placeholder: "a name" });
  const said = h("input", {
    type: "text",
    maxlength: 2000,
    placeholder: "the words, if you want to compare transcripts",
  });
  const fields = h(
    "div",
    { class: "rtnb-take-fields" },
    h("label", { class: "rtnb-field" }, "Name", label),
    h("label", { class: "rtnb-field" }, "Words", said),
  );
  const recordButton = button("Record", "rtnb-primary rtnb-talk", "●");
  const listenButton = button("Listen", "", "▶");
  const keepButton = button("Keep", "rtnb-primary");
  const discardButton = button("Discard", "rtnb-quiet");
  const problem = h("p", { class: "rtnb-problem", role: "alert", hidden: true });
  const list = h("ol", { class: "rtnb-kept", "aria-label": "Kept recordings" });
  const card = h(
    "section",
    { class: "rtnb-card rtnb-recorder", "aria-label": "Recorder" },
    h("div", { class: "rtnb-header" }, h("span", { class: "rtnb-dot" }), status, about),
    prompt,
    trim,
    fields,
    problem,
    h("div", { class: "rtnb-actions" }, recordButton, listenButton, keepButton, discardButton),
    list,
  );
  el.replaceChildren(card);
  followTheme(card, signal);

  let phase: Phase = "idle";
  let kernel: "unknown" | "ready" | "gone" = "unknown";
  let mic: Mic | null = null;
  let take: Take | null = null;
  let pcm: Int16Array = new Int16Array(0);
  let part = { start: 0, end: 0 };
  let playing: Awaited<ReturnType<typeof play>> | null = null;
  let keeping = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;

  function send(message: RecorderPageMessage, buffer?: ArrayBuffer): void {
    try {
      model.send(message, undefined, buffer ? [buffer] : []);
    } catch {
      kernel = "gone"; // the comm of a kernel that was shut down throws
    }
  }

  function details(): string {
    if (kernel === "gone") return "run this cell again to record";
    if (phase === "recording") return `${seconds(take?.length ?? 0)} of at most ${LONGEST_S} s`;
    if (phase === "taken" || phase === "keeping")
      return `${seconds(part.end - part.start)} of ${seconds(pcm.length)}`;
    return "";
  }

  function show(next: Phase = phase): void {
    phase = next;
    const holds = phase === "taken" || phase === "keeping";
    setAttribute(card, "data-mic", phase === "recording" ? "on" : "off");
    setAttribute(card, "data-status", phase === "recording" ? "hearing" : "idle");
    setText(status, kernel === "gone" ? "No kernel" : STATUS[phase]);
    setText(about, details());
    setText(
      recordButton.lastElementChild as Element,
      phase === "recording" ? "Stop" : holds ? "Record again" : "Record",
    );
    setAttribute(recordButton, "aria-pressed", phase === "recording" ? "true" : "false");
    setAttribute(recordButton, "data-mic", phase === "recording" ? "on" : "off");
    recordButton.classList.toggle("rtnb-primary", !holds); // one button is the next step
    setText(listenButton.firstElementChild as Element, playing ? "■" : "▶");
    setText(listenButton.lastElementChild as Element, playing ? "Stop" : "Listen");
    recordButton.disabled = kernel !== "ready" || phase === "opening" || phase === "keeping";
    keepButton.disabled = kernel !== "ready" || phase === "keeping";
    for (const element of [fields, listenButton, keepButton, discardButton, start, end])
      element.hidden = !holds;
    trim.hidden = phase === "idle" || phase === "opening";
    const { start: from, end: to } = part;
    start.max = end.max = String(pcm.length);
    start.value = String(from);
    end.value = String(to);
    start.setAttribute("aria-valuetext", seconds(from));
    end.setAttribute("aria-valuetext", seconds(to));
    draw();
  }

  function draw(): void {
    if (phase === "recording" && take) {
      // The last seconds move by; a long recording would be drawn anew as a whole with every frame.
      const recorded = take.newest(SHOWN_S * RATE_HZ);
      wave.draw(recorded, 0, recorded.length, null);
    } else wave.draw(pcm, part.start, part.end, playing ? part.start + playing.position() * RATE_HZ : null);
  }

  function complain(text: string): void {
    setText(problem, text);
    problem.hidden = text === "";
  }

  function explain(error: SoundError): void {
    const { title, cause, remedy, again } = micRemedy(error);
    const next = remedy ? `To record, ${remedy}${again ? ", then press Record" : ""}.` : "";
    complain([title, cause, next].filter(Boolean).join(" "));
  }

  async function begin(): Promise<void> {
    complain("");
    stopPlaying();
    announceListening(id);
    const recording = createTake();
    show("opening");
    try {
      const options = record(model.get("microphone"));
      const opened = await openMic(
        {
          device: typeof options.device === "string" ? options.device : "",
          echo_cancellation: options.echo_cancellation === true,
          noise_suppression: options.noise_suppression === true,
          auto_gain_control: options.auto_gain_control === true,
        },
        {
          frame(pcm) {
            recording.push(pcm);
            if (phase === "recording" && take === recording) show();
            if (recording.full && take === recording) void stop();
          },
          lost(error) {
            void stop();
            explain(error);
          },
        },
      );
      if (signal.aborted || phase !== "opening") {
        await opened.close();
        return;
      }
      take = recording;
      mic = opened;
      show("recording");
    } catch (error) {
      explain(toSoundError(error));
      show(pcm.length > 0 ? "taken" : "idle");
    }
  }

  async function stop(): Promise<void> {
    if (phase === "opening") show(pcm.length > 0 ? "taken" : "idle");
    const open = mic;
    mic = null;
    if (!open) return;
    await open.close(); // delivers the rest of the last frame
    const recorded = take?.samples() ?? new Int16Array(0);
    take = null;
    if (recorded.length === 0) {
      complain("The microphone delivered no sound. Look at the system's sound settings, then press Record.");
      show("idle");
      return;
    }
    pcm = recorded;
    part = trimmed(0, pcm.length, pcm.length, "end");
    const next = nextPrompt();
    if (!said.value) said.value = next;
    if (!label.value) label.value = next.length > 40 ? `${next.slice(0, 39)}…` : next;
    show("taken");
  }

  function stopPlaying(): void {
    playing?.stop();
    playing = null;
  }

  async function hear(): Promise<void> {
    if (playing) {
      stopPlaying();
      show();
      return;
    }
    const started = await play(pcm.subarray(part.start, part.end), () => {
      playing = null;
      show();
    });
    playing = started;
    show();
    const follow = () => {
      if (playing !== started || signal.aborted) return;
      draw();
      frame = requestAnimationFrame(follow);
    };
    follow();
  }

  function keep(): void {
    complain("");
    stopPlaying();
    keeping = newCardId();
    show("keeping");
    send(
      { kind: "keep", take: keeping, label: label.value.trim(), said: said.value.trim() },
      Int16Array.from(pcm.subarray(part.start, part.end)).buffer,
    );
    clearTimeout(timer);
    timer = setTimeout(() => {
      complain(
        "The kernel has not answered; it may be busy with a cell. The recording is still here: press Keep again.",
      );
      show("taken");
    }, KEEP_TIMEOUT_MS);
  }

  function discard(): void {
    stopPlaying();
    pcm = new Int16Array(0);
    part = { start: 0, end: 0 };
    label.value = said.value = "";
    complain("");
    show("idle");
  }

  /** The first sentence to read that no kept recording has. */
  function nextPrompt(): string {
    const read = new Set(keptOf(model.get("kept")).map((utterance) => utterance.said));
    return promptsOf(model.get("prompts")).find((text) => !read.has(text)) ?? "";
  }

  function showKept(): void {
    const kept = keptOf(model.get("kept"));
    list.replaceChildren(
      ...kept.map(({ label, said, seconds }) => {
        const remove = button("Remove", "rtnb-quiet");
        remove.setAttribute("aria-label", `Remove ${label}`);
        remove.addEventListener("click", () => send({ kind: "remove", label }));
        const words = said && said !== label ? h("span", { class: "rtnb-soft" }, said) : "";
        return h(
          "li",
          {},
          h("b", {}, label),
          words,
          h("span", { class: "rtnb-soft rtnb-seconds" }, `${seconds.toFixed(1)} s`),
          remove,
        );
      }),
    );
    list.hidden = kept.length === 0;
    const prompts = promptsOf(model.get("prompts"));
    const next = nextPrompt();
    setText(
      prompt,
      next
        ? `Read aloud: “${next}”`
        : prompts.length > 0
          ? "All sentences are recorded."
          : "Press Record and say a user's turn.",
    );
  }

  function receive(content: unknown): void {
    const message = fromKernel(content);
    if (message === null) return;
    kernel = "ready";
    if (message.kind === "kept" && message.take === keeping) {
      clearTimeout(timer);
      discard();
    } else if (message.kind === "refused" && message.take === keeping) {
      clearTimeout(timer);
      complain(message.reason);
      show("taken");
    } else show();
  }

  recordButton.addEventListener("click", () => void (phase === "recording" ? stop() : begin()));
  listenButton.addEventListener("click", () => void hear());
  keepButton.addEventListener("click", keep);
  discardButton.addEventListener("click", discard);
  for (const [input, moved] of [
    [start, "start"],
    [end, "end"],
  ] as const)
    input.addEventListener("input", () => {
      stopPlaying();
      part = trimmed(Number(start.value), Number(end.value), pcm.length, moved);
      show();
    });
  takeKeys(card, () => undefined, signal);

  listen(model, "change:kept", showKept, signal);
  listen(model, "change:prompts", showKept, signal);
  listen(model, "msg:custom", receive, signal);
  onOtherListening(id, () => void stop(), signal);
  window.addEventListener("pagehide", () => void stop(), { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    stopPlaying();
    void stop();
  });
  showKept();
  show();
  send({ kind: "hello" });
  setTimeout(() => {
    if (kernel === "unknown" && !signal.aborted) {
      kernel = "gone";
      show();
    }
  }, GREET_TIMEOUT_MS);
}

const seconds = (samples: number): string => `${(samples / RATE_HZ).toFixed(1)} s`;

function slider(name: string): HTMLInputElement {
  return h("input", { type: "range", class: "rtnb-slider", "aria-label": name, min: 0, step: 240 });
}
