/**
 * Draws the panel below the transcript in which a turn is asked again: the form for its settings, and the answers.
 *
 * Answers are untrusted text, as transcripts are: text nodes only, direction isolated.
 */

import type { ExperimentView, RetakeView, SettingChange, TurnView } from "../comm/messages.js";
import type { Engine } from "../engine.js";
import type { HostModel } from "../host.js";
import { type LatencyView, read } from "../traits.js";
import { button, h, milliseconds, setAttribute, setText } from "./dom.js";
import { createLatencyBar, stagesMs } from "./latency.js";
import { createSettingFields, field } from "./setting-fields.js";
import { toolCall } from "./turn.js";

interface Experiments {
  readonly root: HTMLElement;
  /** Opens the form: `"again"` for other settings, `"compare"` for two instructions. */
  open(mode: "again" | "compare", turn: TurnView, opener: HTMLElement): void;
  add(experiment: ExperimentView): void;
  replaying(id: string | null): void;
}

const STATES = {
  waiting: "Waiting for its turn.",
  asking: "Asking, at the pace at which it was said.",
  done: "",
  failed: "",
  cancelled: "Cancelled.",
} as const;

export function createExperiments(model: HostModel, engine: Engine, id: string): Experiments {
  const title = h("strong", { dir: "auto" });
  const close = h("button", { type: "button", class: "rtnb-again-close", "aria-label": "Close" }, "×");
  const fields = createSettingFields();
  const box = () => h("textarea", { rows: 3, dir: "auto", placeholder: "How the assistant should behave" });
  const first = box();
  const second = box();
  const again = h("div", { class: "rtnb-settings" }, ...fields.elements);
  const compare = h(
    "div",
    { class: "rtnb-settings rtnb-two" },
    field("Instructions A", first),
    field("Instructions B", second),
  );
  const hint = h(
    "p",
    { class: "rtnb-hint" },
    "The same recording is sent in a session of its own, after what was said before it. It costs what a turn costs, tools run again, and the conversation stays as it is.",
  );
  const submit = button("", "rtnb-primary");
  const form = h(
    "div",
    { class: "rtnb-again-form", hidden: true },
    again,
    compare,
    hint,
    h("div", { class: "rtnb-again-buttons" }, submit),
  );
  const list = h("div", { class: "rtnb-experiments" });
  const root = h(
    "div",
    {
      class: "rtnb-panel rtnb-again",
      id,
      role: "region",
      "aria-label": "Asked again",
      tabindex: "-1",
      hidden: true,
    },
    h("div", { class: "rtnb-again-head" }, title, close),
    form,
    list,
  );

  const drawn = new Map<string, ExperimentElement>();
  let asked: { mode: "again" | "compare"; turn: TurnView } | null = null;
  let opener: HTMLElement | null = null;
  let played: string | null = null;

  close.addEventListener("click", () => {
    form.hidden = true;
    root.hidden = true;
    opener?.focus();
  });
  submit.addEventListener("click", () => {
    if (!asked) return;
    const { mode, turn } = asked;
    const present = read(model, "instructions");
    const instructed = (box: HTMLTextAreaElement): SettingChange[] =>
      box.value === present ? [] : [{ name: "instructions", value: box.value }];
    engine.askAgain(
      turn.item_id,
      mode === "again" ? [fields.changes()] : [instructed(first), instructed(second)],
    );
    form.hidden = true;
    setText(title, "Asked again");
    root.focus();
  });

  return {
    root,
    open(mode, turn, from) {
      asked = { mode, turn };
      opener = from;
      again.hidden = mode !== "again";
      compare.hidden = mode !== "compare";
      fields.show(model);
      first.value = second.value = read(model, "instructions");
      setText(
        title,
        `${mode === "again" ? "Ask again" : "Compare two instructions on"}: ${quoted(turn.text)}`,
      );
      const label = submit.lastElementChild;
      if (label instanceof HTMLElement) setText(label, mode === "again" ? "Ask again" : "Compare");
      form.hidden = false;
      root.hidden = false;
      root.scrollTop = 0;
      (mode === "again" ? fields.instructions : second).focus();
    },
    add(experiment) {
      let element = drawn.get(experiment.experiment);
      if (!element) {
        element = createExperiment(model, engine, experiment);
        drawn.set(experiment.experiment, element);
        list.prepend(element.root);
        while (drawn.size > engine.experiments.size) {
          const [oldest] = drawn.keys();
          if (oldest === undefined || oldest === experiment.experiment) break;
          drawn.get(oldest)?.root.remove();
          drawn.delete(oldest);
        }
        if (form.hidden) setText(title, "Asked again");
        root.hidden = false;
      }
      element.update(experiment);
      element.replaying(played);
    },
    replaying(next) {
      if (next === played) return;
      played = next;
      for (const element of drawn.values()) element.replaying(next);
    },
  };
}

interface ExperimentElement {
  readonly root: HTMLElement;
  update(experiment: ExperimentView): void;
  replaying(id: string | null): void;
}

function createExperiment(model: HostModel, engine: Engine, experiment: ExperimentView): ExperimentElement {
  const cancel = button("Cancel", "rtnb-small");
  cancel.addEventListener("click", () => engine.cancelAgain(experiment.experiment));
  const several = experiment.sides.length > 1;
  const sides = experiment.sides.map((side, index) =>
    createSide(model, engine, side, several ? String.fromCharCode(65 + index) : ""),
  );
  const root = h(
    "article",
    { class: "rtnb-experiment", "aria-label": `Asked again: ${experiment.label}` },
    h(
      "div",
      { class: "rtnb-again-head" },
      h("span", { class: "rtnb-hint", dir: "auto" }, quoted(experiment.label)),
      cancel,
    ),
    h("div", { class: "rtnb-sides" }, ...sides.map((side) => side.root)),
  );
  return {
    root,
    update(next) {
      cancel.hidden = next.sides.every(({ state }) => state !== "waiting" && state !== "asking");
      const slowest = Math.max(...next.sides.map((view) => stagesMs(untilReceived(view))));
      for (const [index, side] of sides.entries()) {
        const view = next.sides[index];
        if (view) side.update(view, slowest);
      }
    },
    replaying(id) {
      for (const side of sides) side.replaying(id);
    },
  };
}

interface SideElement {
  readonly root: HTMLElement;
  /** Show an answer; `slowestMs` is the wait for the slowest of those side by side. */
  update(side: RetakeView, slowestMs: number): void;
  replaying(id: string | null): void;
}

function createSide(model: HostModel, engine: Engine, first: RetakeView, letter: string): SideElement {
  const state = h("div", { class: "rtnb-hint", role: "status" });
  const error = h("div", { class: "rtnb-cause", dir: "auto" });
  const tools = h("span", { class: "rtnb-tools" });
  const said = h("span", { class: "rtnb-text", dir: "auto", "aria-live": "polite" });
  const heard = h("div", { class: "rtnb-hint", dir: "auto" });
  const replay = h("button", { type: "button", class: "rtnb-replay" });
  const facts = h("span", { class: "rtnb-time" });
  const latency = createLatencyBar();
  const use = button("Use these settings", "rtnb-small");
  const name = letter ? `${letter}: ${first.name}` : first.name;
  let view = first;
  replay.addEventListener("click", () => engine.replay(view.id));
  use.addEventListener("click", () => {
    for (const change of view.changes) engine.setting(change.name, change.value);
    const label = use.lastElementChild;
    if (label instanceof HTMLElement) setText(label, "In use");
    setAttribute(use, "disabled", true);
  });
  const root = h(
    "div",
    { class: "rtnb-side", role: "group", "aria-label": name },
    h(
      "div",
      { class: "rtnb-side-name", dir: "auto", title: first.name },
      ...(letter ? [h("strong", {}, `${letter} `)] : []),
      first.name,
    ),
    state,
    error,
    h("div", {}, tools, said),
    heard,
    h("div", { class: "rtnb-side-facts" }, replay, facts, use),
    latency.root,
  );

  return {
    root,
    update(next, slowestMs) {
      view = next;
      setText(state, STATES[next.state]);
      state.hidden = !STATES[next.state];
      setAttribute(error, "role", next.state === "failed" ? "alert" : null);
      setText(error, next.state === "failed" ? (next.error ?? "") : "");
      error.hidden = !error.textContent;
      if (said.textContent !== next.text) setText(said, next.text);
      tools.replaceChildren(...next.tool_calls.map(toolCall));
      setText(heard, next.heard ? `Heard: ${next.heard}` : "");
      heard.hidden = !next.heard;
      replay.hidden = !next.has_audio;
      const cost = next.cost_usd ? `$${next.cost_usd.toFixed(4)}` : "";
      setText(
        facts,
        [next.audio_ms === null ? "" : milliseconds(next.audio_ms), cost].filter(Boolean).join(" · "),
      );
      latency.show(untilReceived(next), slowestMs);
      use.hidden = next.state !== "done" || next.changes.length === 0 || !read(model, "controls");
    },
    replaying(id) {
      const on = id === view.id;
      setAttribute(replay, "data-on", on);
      setAttribute(replay, "aria-label", on ? "Stop this recording" : `Hear ${letter || "the answer"}`);
    },
  };
}

/** Return the latencies of an answer that no page played while it came. */
function untilReceived(view: RetakeView): LatencyView {
  return { ...view.latency, first_audio_to_played: null };
}

function quoted(text: string): string {
  return `“${text.length > 80 ? `${text.slice(0, 79)}…` : text || "…"}”`;
}
