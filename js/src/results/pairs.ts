/** The pane Pairs: two answers to one utterance beside each other, with players that change at the same place. */

import { record, text } from "../json.js";
import { button, h, milliseconds, setAttribute, setText } from "../view/dom.js";
import type { Answer, ResultsChannel } from "./channel.js";
import { withKey } from "./key-hint.js";
import { createPairPlayer, samplesOf } from "./pair-player.js";
import type { Pane } from "./panes.js";
import { type SaidAnswer, type SaidWord, samePlace, wordAt } from "./same-place.js";

type Side = 0 | 1;
interface Trial {
  trial: string;
  turn: number | null;
  name: string;
  variant: string;
}

const SIDES: readonly Side[] = [0, 1];
const LETTERS = ["A", "B"] as const;
const STEP_S = 1;
const finite = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);

export function createPairsPane(channel: ResultsChannel): Pane {
  const player = createPairPlayer(channel.signal);
  let trials: Trial[] = [];
  let answers: SaidAnswer[] = [];
  let active: Side = 0;
  const places: [number, number] = [0, 0];
  let lastAnswer: Answer | null = null;
  let asked = false;
  let asking = 0; // an answer to an older question is dropped
  let frame = 0;

  const utterance = h("select", { class: "rtnb-select", "aria-label": "Utterance" });
  const previous = button("Previous", "rtnb-quiet");
  const next = button("Next", "rtnb-quiet");
  const loud = h("input", { type: "checkbox", checked: true });
  const toggle = button("Play", "rtnb-primary", "▶");
  withKey(toggle, "Space");
  const change = button("Change side", "");
  withKey(change, "S");
  const timing = h("p", { class: "rtnb-soft" });
  const problem = h("p", { class: "rtnb-problem", role: "alert", hidden: true });

  const sides = SIDES.map((side) => {
    const letter = LETTERS[side] as string;
    const select = h("select", { class: "rtnb-select", "aria-label": `Trial ${letter}` });
    const play = button(`Play ${letter}`, "rtnb-side-play", "▶");
    const seek = h("input", {
      type: "range",
      class: "rtnb-slider",
      min: 0,
      max: 1,
      step: 0.05,
      value: 0,
      "aria-label": `Place in ${letter}`,
    });
    const words = h("p", { class: "rtnb-words", tabindex: 0 }); // it may scroll
    const numbers = h("dl", { class: "rtnb-numbers" });
    const root = h(
      "div",
      { class: "rtnb-side", role: "group", "aria-label": letter },
      h("div", { class: "rtnb-side-head" }, h("b", { "aria-hidden": "true" }, letter), select),
      h("div", { class: "rtnb-side-player" }, play, seek),
      words,
      numbers,
    );
    play.addEventListener("click", () => {
      if (player.playing() === side) pause();
      else void playFrom(side);
    });
    seek.addEventListener("input", () => {
      places[side] = Number(seek.value);
      if (player.playing() === side) void playFrom(side);
      else mark();
    });
    select.addEventListener("change", () => void load());
    return { root, select, play, seek, words, numbers, spans: [] as HTMLElement[] };
  });

  const stage = h(
    "div",
    { class: "rtnb-pairs", role: "group", tabindex: -1, "aria-label": "Two answers" },
    h(
      "div",
      { class: "rtnb-pairs-head" },
      h("label", { class: "rtnb-field" }, "Utterance", utterance),
      previous,
      next,
    ),
    h("div", { class: "rtnb-sides" }, ...sides.map((side) => side.root)),
    h(
      "div",
      { class: "rtnb-actions" },
      toggle,
      change,
      h("label", { class: "rtnb-check" }, loud, "Equally loud"),
    ),
    timing,
    problem,
  );

  for (const each of [previous, next, toggle, change]) each.disabled = true; // until there is something to play
  for (const { play, seek } of sides) play.disabled = seek.disabled = true;

  function complain(words: string): void {
    setText(problem, words);
    problem.hidden = words === "";
  }

  async function request(kind: string, content: Record<string, unknown> = {}): Promise<Answer | null> {
    const own = ++asking;
    complain("");
    try {
      const answer = await channel.ask(kind, content);
      return own === asking ? answer : null;
    } catch (error) {
      if (own === asking) complain(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Shows where both answers are, and which word that is. */
  function mark(): void {
    const playing = player.playing();
    if (playing !== null) places[playing as Side] = player.position_s();
    for (const side of SIDES) {
      const { root, play, seek, spans } = sides[side] as (typeof sides)[number];
      const here = playing === side;
      setText(play.firstElementChild as Element, here ? "■" : "▶");
      setText(play.lastElementChild as Element, here ? `Stop ${LETTERS[side]}` : `Play ${LETTERS[side]}`);
      setAttribute(root, "data-active", active === side);
      seek.value = String(places[side]);
      setAttribute(seek, "aria-valuetext", `${places[side].toFixed(1)} s`);
      const now = places[side] > 0 ? wordAt(answers[side]?.words ?? [], places[side]) : -1;
      spans.forEach((span, index) => {
        span.classList.toggle("rtnb-now", index === now && active === side);
        span.classList.toggle("rtnb-past", index < now);
      });
    }
    setText(toggle.firstElementChild as Element, playing === null ? "▶" : "■");
    setText(toggle.children[1] as Element, playing === null ? "Play" : "Stop");
  }

  function follow(): void {
    cancelAnimationFrame(frame);
    mark();
    if (player.playing() !== null) frame = requestAnimationFrame(follow);
  }

  function pause(): void {
    if (player.playing() !== null) places[active] = player.position_s();
    player.stop();
    mark();
  }

  async function playFrom(side: Side): Promise<void> {
    const duration_s = player.duration_s(side);
    if (duration_s === 0) return;
    if (places[side] >= duration_s - 0.05) places[side] = 0;
    active = side;
    try {
      const whole = await player.play(side, places[side], follow);
      if (whole) places[side] = duration_s;
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
    }
    mark();
  }

  /** Changes to the other answer at the same place, and goes on playing if it played. */
  function changeSide(): void {
    const [from, to] = [answers[active], answers[1 - active]];
    if (!from || !to) return;
    const plays = player.playing() !== null;
    if (plays) places[active] = player.position_s();
    const other = (1 - active) as Side;
    places[other] = samePlace(from, to, places[active]);
    active = other;
    if (plays) void playFrom(other);
    else mark();
  }

  function step(seconds: number): void {
    const end_s = player.duration_s(active);
    const now_s = player.playing() === null ? places[active] : player.position_s();
    places[active] = Math.min(end_s, Math.max(0, now_s + seconds));
    if (player.playing() !== null) void playFrom(active);
    else mark();
  }

  function sounds(): void {
    if (!lastAnswer) return;
    const { content, buffers } = lastAnswer;
    const sent = Array.isArray(content.answers) ? content.answers.map(record) : [];
    player.load(
      sent.map((each) => ({
        pcm: typeof each.sound === "number" ? samplesOf(buffers[each.sound]) : new Int16Array(0),
        rate: finite(each.rate) || 24_000,
        gain: loud.checked ? (finite(each.gain) ?? 1) : 1,
      })),
    );
  }

  function show(): void {
    const sent = Array.isArray(lastAnswer?.content.answers) ? lastAnswer.content.answers.map(record) : [];
    sounds();
    places[0] = places[1] = 0;
    answers = sent.map((each, side) => ({
      text: text(each.text),
      words: (Array.isArray(each.words) ? each.words : []).filter(isWord),
      duration_s: player.duration_s(side),
    }));
    sent.forEach((each, index) => {
      const side = sides[index];
      const answer = answers[index];
      if (!side || !answer) return;
      side.spans = fillWords(side.words, answer);
      const failed = text(each.error);
      if (failed || answer.text === "")
        side.words.append(h("span", { class: "rtnb-soft" }, failed ? `Failed: ${failed}` : "No words."));
      for (const call of Array.isArray(each.tool_calls) ? each.tool_calls.map(text) : [])
        side.words.append(h("code", { class: "rtnb-call" }, call));
      side.numbers.replaceChildren(...numberRows(record(each.numbers)));
      const silent = answer.duration_s === 0;
      side.play.disabled = side.seek.disabled = silent;
      side.seek.max = String(Math.max(0.05, answer.duration_s));
    });
    const spoken = sent.filter((each) => typeof each.sound === "number");
    toggle.disabled = spoken.length === 0;
    change.disabled = spoken.length < 2;
    const estimated = spoken.some((each) => each.from_events !== true);
    setText(
      timing,
      spoken.length === 0
        ? "These answers have no sound that was kept."
        : estimated
          ? "The marked word is estimated: the words are spread evenly over the sound."
          : "The marked word is estimated from the pieces in which the transcript came.",
    );
    mark();
  }

  async function load(): Promise<void> {
    pause();
    const chosen = sides.map(({ select }) => trials[Number(select.value)]);
    const [first, second] = chosen;
    if (!first || !second) return;
    const answer = await request("pair-sounds", {
      first: { trial: first.trial, turn: first.turn },
      second: { trial: second.trial, turn: second.turn },
    });
    if (!answer) return;
    lastAnswer = answer;
    show();
  }

  async function choose(): Promise<void> {
    pause();
    previous.disabled = utterance.selectedIndex <= 0;
    next.disabled = utterance.selectedIndex >= utterance.options.length - 1;
    const kept = sides.map(({ select }) => select.selectedOptions[0]?.textContent ?? "");
    const answer = await request("pair-trials", { utterance: utterance.value });
    if (!answer) return;
    trials = (Array.isArray(answer.content.trials) ? answer.content.trials.map(record) : []).map((each) => ({
      trial: text(each.trial),
      turn: finite(each.turn),
      name: text(each.name),
      variant: text(each.variant),
    }));
    // The same two as before, where this utterance has them; otherwise the first two variants.
    const other = trials.findIndex(({ variant }) => variant !== trials[0]?.variant);
    const first = [0, other < 0 ? Math.min(1, trials.length - 1) : other];
    sides.forEach(({ select }, side) => {
      select.replaceChildren(
        ...trials.map((each, place) => h("option", { value: String(place) }, each.name)),
      );
      const again = trials.findIndex((each) => each.name === kept[side]);
      select.value = String(again >= 0 ? again : (first[side] ?? 0));
    });
    await load();
  }

  async function begin(): Promise<void> {
    const answer = await request("pair-utterances");
    if (!answer) return;
    asked = true;
    const found = Array.isArray(answer.content.utterances) ? answer.content.utterances.map(text) : [];
    utterance.replaceChildren(...found.map((each) => h("option", { value: each }, each)));
    if (found.length === 0) complain("No utterance has two answers.");
    else await choose();
  }

  const go = (by: number) => {
    const to = utterance.selectedIndex + by;
    if (to < 0 || to >= utterance.options.length) return;
    // At either end a button is disabled, and would lose the focus to the page.
    if (to === 0 || to === utterance.options.length - 1) stage.focus({ preventScroll: true });
    utterance.selectedIndex = to;
    void choose();
  };
  utterance.addEventListener("change", () => void choose());
  previous.addEventListener("click", () => go(-1));
  next.addEventListener("click", () => go(1));
  toggle.addEventListener("click", () => (player.playing() === null ? void playFrom(active) : pause()));
  change.addEventListener("click", changeSide);
  loud.addEventListener("change", () => {
    const plays = player.playing() !== null;
    pause();
    sounds();
    if (plays) void playFrom(active);
  });
  function key(event: KeyboardEvent, target: Element): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    const keys: Record<string, () => void> = {
      s: changeSide,
      S: changeSide,
      ArrowLeft: () => step(-STEP_S),
      ArrowRight: () => step(STEP_S),
      n: () => go(1),
      p: () => go(-1),
    };
    // Space on a focused button presses that button.
    if (!(target instanceof HTMLButtonElement)) keys[" "] = () => toggle.click();
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow")) action();
  }

  return {
    title: "Pairs",
    root: stage,
    key,
    show() {
      if (!asked) void begin();
    },
    hide: pause,
  };
}

function isWord(word: unknown): word is SaidWord {
  return Array.isArray(word) && word.length === 4 && word.every((each) => typeof each === "number");
}

/** Fills a paragraph with the answer's text; returns an element for each word, to mark it. */
function fillWords(paragraph: HTMLElement, { text: whole, words }: SaidAnswer): HTMLElement[] {
  paragraph.replaceChildren();
  let at = 0;
  const spans = words.map(([start, length]) => {
    const span = h("span", {}, whole.slice(start, start + length));
    paragraph.append(whole.slice(at, start), span);
    at = start + length;
    return span;
  });
  paragraph.append(whole.slice(at));
  return spans;
}

function numberRows(numbers: Record<string, unknown>): HTMLElement[] {
  const shown: [string, string | null][] = [
    ["first sound", ms(numbers.speech_end_to_first_audible_ms)],
    ["answer done", ms(numbers.total_ms)],
    ["length", ms(numbers.answer_ms)],
    ["words", finite(numbers.words) === null ? null : String(numbers.words)],
    ["cost", finite(numbers.cost_usd) ? `${finite(numbers.cost_usd)?.toPrecision(3)} USD` : null],
  ];
  return shown.flatMap(([name, value]) =>
    value === null ? [] : [h("div", {}, h("dt", {}, name), h("dd", {}, value))],
  );
}

function ms(value: unknown): string | null {
  const found = finite(value);
  return found === null ? null : milliseconds(found);
}
