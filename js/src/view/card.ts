/** Draws one view of the widget: joins the parts of the card and redraws them when the engine or a trait changes. */

import type { Engine, EngineState } from "../engine.js";
import type { HostModel } from "../host.js";
import { onTraits, read } from "../traits.js";
import { type Banner, createBanners, splitError } from "./banners.js";
import { createBranches, UNLOCK } from "./branches.js";
import { createControls } from "./controls.js";
import { h, setAttribute } from "./dom.js";
import { createEmpty } from "./empty.js";
import { createEventsPanel } from "./events.js";
import { createExperiments } from "./experiments.js";
import { createHeader } from "./header.js";
import { bindKeys } from "./keys.js";
import { createLatencyBar } from "./latency.js";
import { createMeter } from "./meter.js";
import { createNotices } from "./notices.js";
import { createSettings } from "./settings.js";
import { followTheme } from "./theme.js";
import { createTranscriptLog } from "./transcript.js";
import type { TurnAction } from "./turn-menu.js";

let views = 0;

export function renderCard(model: HostModel, engine: Engine, host: HTMLElement, signal: AbortSignal): void {
  const id = `rtnb-${++views}`;
  const header = createHeader(model, engine);
  const notices = createNotices(model);
  const settings = createSettings(model, engine, `${id}-settings`, signal);
  const events = createEventsPanel(model, engine, `${id}-events`, signal);
  const experiments = createExperiments(model, engine, `${id}-again`);
  const actions: TurnAction[] = [
    {
      name: (turn) => (turn.kept ? "Keep no longer" : "Keep as an utterance"),
      run: (turn) => engine.keep(turn.item_id, !turn.kept),
    },
    { name: () => "Ask again…", run: (turn, opener) => experiments.open("again", turn, opener) },
    {
      name: () => "Compare instructions…",
      run: (turn, opener) => experiments.open("compare", turn, opener),
    },
    { name: () => "Fork here…", run: (turn, opener) => branches.propose(turn, opener) },
  ];
  const branches = createBranches(model, engine, `${id}-branch`, signal);
  const log = createTranscriptLog(
    engine.transcript,
    createEmpty(model, engine, signal),
    (itemId) => engine.replay(itemId),
    actions,
    signal,
  );
  const meter = createMeter(signal);
  const latency = createLatencyBar();
  const banners = createBanners();
  const controls = createControls(model, engine, signal);
  const card = h(
    "div",
    {
      class: "rtnb-card",
      role: "group",
      "aria-label": "Conversation",
      tabindex: "0",
    },
    header.root,
    notices.root,
    settings,
    events.root,
    log.root,
    experiments.root,
    h("div", { class: "rtnb-below" }, meter.root, latency.root, banners.root),
    controls.root,
  );

  toggles(header.settings, settings, (on) => {
    settings.hidden = !on;
  });
  toggles(header.events, events.root, (on) => events.open(on));
  followTheme(card, signal);
  bindKeys(card, model, engine, controls.send, signal);

  let dismissed = "";
  let accepted = "";

  function dismiss(): void {
    dismissed = read(model, "error");
    engine.dismiss();
  }

  function show(): void {
    const state = engine.state;
    setAttribute(card, "data-status", read(model, "status"));
    setAttribute(card, "data-mic", read(model, "muted") && state.mic === "on" ? "muted" : state.mic);
    setAttribute(card, "data-kernel", state.kernel);
    setAttribute(card, "data-bare", !state.met);
    setAttribute(card, "data-plain", !read(model, "controls"));
    setAttribute(card, "data-playing", state.playing && !state.blocked);
    header.show(state);
    notices.show();
    controls.show(state);
    meter.active(
      (state.mic === "on" && !read(model, "muted")) ||
        (state.playing && !state.blocked) ||
        state.replaying !== null,
    );
    log.replaying(state.replaying);
    experiments.replaying(state.replaying);
    banners.show(bannersOf(state));
  }

  function bannersOf(state: EngineState): Banner[] {
    const banners: Banner[] = [];
    const error = read(model, "error");
    const status = read(model, "status");
    if (state.kernel === "gone")
      banners.push({
        key: "gone",
        tone: "error",
        title: "The kernel of this card is gone.",
        text: "It was restarted or shut down, and the microphone was switched off. To go on, run the cell that makes the widget again.",
      });
    else if (state.kernel === "quiet")
      banners.push({
        key: "quiet",
        tone: "warning",
        title: "The kernel is not answering.",
        text: "It may be busy: this card goes on as soon as it is free. If it was restarted, run the cell again.",
      });
    const { parked, transport_notice: fallback } = read(model, "_info");
    if (parked) banners.push({ key: "parked", tone: "prompt", ...splitError(parked) });
    // This page's microphone problem comes back as the trait `error`, for the other pages: show it once.
    const repeated = state.problem?.source === "mic" && status !== "error" && status !== "closed";
    if (error && error !== dismissed && !repeated)
      banners.push({
        key: "error",
        tone: "error",
        ...splitError(error),
        dismiss,
        ...(status === "error" || status === "closed"
          ? { action: { name: "Reconnect", run: () => engine.retry() } }
          : {}),
      });
    if (state.problem) banners.push({ key: "problem", tone: "error", ...state.problem, dismiss });
    if (fallback && fallback !== accepted)
      banners.push({
        key: "transport",
        tone: "warning",
        title: "Sound goes through the kernel, and waits while it is busy.",
        text: fallback,
        dismiss() {
          accepted = fallback;
          show();
        },
      });
    if (state.sound === "elsewhere")
      banners.push({
        key: "elsewhere",
        tone: "warning",
        title: "Sound is in another window.",
        text: "",
        action: { name: "Use this window", run: () => engine.play() },
      });
    if (state.blocked)
      banners.push({
        key: "blocked",
        tone: "prompt",
        title: "An answer is ready.",
        text: "Browsers make no sound before you press something.",
        action: { name: "Play", run: () => engine.play() },
      });
    return banners;
  }

  engine.subscribe((note) => {
    if (note.kind === "state") show();
    else if (note.kind === "transcript") {
      log.apply(note.change);
      // A new conversation begins.
      if (note.change.kind === "reset" && engine.transcript.turns.length === 0) meter.clear();
    } else if (note.kind === "experiment") experiments.add(note.experiment);
    else if (note.kind === "level") meter.push(note.source, note.level);
    else events.add(note.direction, note.type, note.summary);
  }, signal);
  onTraits(model, ["status", "error", "muted", "controls", "_info"], show, signal);
  for (const experiment of engine.experiments.values()) experiments.add(experiment);
  const showLatency = () => latency.show(read(model, "_latency"));
  onTraits(model, ["_latency"], showLatency, signal);
  showLatency();
  show();
  card.addEventListener(UNLOCK, () => engine.play(), { signal });
  host.append(card, branches.root);
  signal.addEventListener("abort", () => {
    card.remove();
    branches.root.remove();
  });
}

function toggles(button: HTMLButtonElement, panel: HTMLElement, open: (on: boolean) => void): void {
  setAttribute(button, "aria-expanded", "false");
  setAttribute(button, "aria-controls", panel.id);
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-expanded") !== "true";
    setAttribute(button, "aria-expanded", String(on));
    open(on);
  });
}
