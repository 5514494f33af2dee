/**
 * The pane Blind: two answers without labels, a vote by key, and the ranking when the listener asks or at the end.
 *
 * Nothing that tells variants apart reaches the page before the ranking is asked for: neither names nor ids, and the
 * kernel decides which of the two is Sound 1.
 */

import { record, text } from "../json.js";
import { button, h, setAttribute, setText } from "../view/dom.js";
import type { Answer, ResultsChannel } from "./channel.js";
import { withKey } from "./key-hint.js";
import { createPairPlayer, samplesOf } from "./pair-player.js";
import type { Pane } from "./panes.js";
import { rankingTable } from "./ranking.js";

type Choice = "first" | "second" | "neither";
type Screen = "start" | "pair" | "ranking";

interface Shown {
  token: string;
  question: string;
  /** Whether the question can be heard. */
  spoken: boolean;
  written: boolean;
}

const BETWEEN_MS = 350;
const SIDES = [0, 1] as const;
const count = (value: unknown) => (typeof value === "number" ? value : 0);

export function createBlindPane(channel: ResultsChannel): Pane {
  const player = createPairPlayer(channel.signal);
  const question = createPairPlayer(channel.signal);
  let screen: Screen = "start";
  let by = "variant";
  let listener = "me";
  let voted = 0;
  let total = 0;
  let unheard = 0;
  let pair: Shown | null = null;
  let heard = [false, false];
  let busy = false;
  let visible = false;
  let run = 0; // counts what plays, so that an older sequence ends
  let asked = false;
  let wordsOn = false;

  // The start

  const bySelect = h("select", { class: "rtnb-select", "aria-label": "Compare by" });
  const name = h("input", { type: "text", maxlength: 60, value: "me", "aria-label": "Listener" });
  const start = button("Start", "rtnb-primary");
  const startNotes = h("div", { class: "rtnb-soft" });
  const startScreen = h(
    "div",
    { class: "rtnb-blind-start" },
    h(
      "p",
      {},
      "You hear two answers to the same utterance, equally loud and without labels, and say which one you prefer. Each vote is saved at once; stop whenever you like.",
    ),
    h(
      "div",
      { class: "rtnb-blind-fields" },
      h("label", { class: "rtnb-field" }, "Compare by", bySelect),
      h("label", { class: "rtnb-field" }, "Listener", name),
    ),
    startNotes,
    h("div", { class: "rtnb-actions" }, start),
  );

  // A pair

  const progress = h("progress", { max: 1, value: 0, "aria-label": "Pairs voted on" });
  const counted = h("span", { class: "rtnb-soft" });
  const said = h("p", { class: "rtnb-question" });
  const hearQuestion = button("Hear the question", "rtnb-quiet", "▶");
  const sides = SIDES.map((side) => {
    const play = button(`Sound ${side + 1}`, "rtnb-side-play", "▶");
    const words = h("p", { class: "rtnb-words", hidden: true, tabindex: 0 }); // it may scroll
    const prefer = button(`Prefer ${side + 1}`, "rtnb-vote");
    withKey(prefer, String(side + 1));
    play.addEventListener("click", () => hear([side]));
    prefer.addEventListener("click", () => void vote(side === 0 ? "first" : "second"));
    return {
      play,
      words,
      prefer,
      root: h("div", { class: "rtnb-side", "data-side": side + 1 }, play, words, prefer),
    };
  });
  const neither = button("No difference", "rtnb-vote rtnb-neither");
  withKey(neither, "=");
  const again = button("Play both again", "rtnb-quiet");
  withKey(again, "Space");
  const back = button("Take the last vote back", "rtnb-quiet");
  withKey(back, "Backspace");
  const showWords = button("Show the words", "rtnb-quiet");
  setAttribute(showWords, "aria-pressed", "false");
  const toRanking = button("Show the ranking", "rtnb-quiet");
  const pairScreen = h(
    "div",
    { class: "rtnb-blind-pair", hidden: true },
    h("div", { class: "rtnb-blind-progress" }, progress, counted),
    h("div", { class: "rtnb-asked" }, said, hearQuestion),
    h("div", { class: "rtnb-sides" }, ...sides.map((side) => side.root)),
    h("div", { class: "rtnb-blind-neither" }, neither),
    h("div", { class: "rtnb-actions" }, again, back, showWords, toRanking),
  );

  // The ranking

  const table = h("div", {});
  const everyone = h("input", { type: "checkbox" });
  const goOn = button("Go on", "rtnb-primary");
  const otherSitting = button("Another listener or setting", "rtnb-quiet");
  const rankingScreen = h(
    "div",
    { class: "rtnb-blind-ranking", hidden: true },
    table,
    h("label", { class: "rtnb-check" }, everyone, "Votes of all listeners"),
    h("div", { class: "rtnb-actions" }, goOn, otherSitting),
  );

  const status = h("p", { class: "rtnb-blind-status", role: "status" });
  const problem = h("p", { class: "rtnb-problem", role: "alert", hidden: true });
  const stage = h(
    "div",
    { class: "rtnb-blind", role: "group", tabindex: -1, "aria-label": "Blind listening" },
    startScreen,
    pairScreen,
    rankingScreen,
    status,
    problem,
  );

  function turnTo(next: Screen): void {
    screen = next;
    startScreen.hidden = next !== "start";
    pairScreen.hidden = next !== "pair";
    rankingScreen.hidden = next !== "ranking";
  }

  function say(words: string): void {
    setText(status, words);
  }

  function complain(words: string): void {
    setText(problem, words);
    problem.hidden = words === "";
  }

  /** Asks the kernel; null after a failure, which is shown. One request at a time: votes must not overtake each other. */
  async function request(kind: string, content: Record<string, unknown> = {}): Promise<Answer | null> {
    if (busy) return null;
    // A button that is disabled loses the focus to the page, where the next key would be the notebook's.
    if (
      screen !== "start" &&
      document.activeElement instanceof HTMLButtonElement &&
      stage.contains(document.activeElement)
    )
      stage.focus({ preventScroll: true });
    busy = true;
    complain("");
    draw();
    try {
      return await channel.ask(kind, { by, listener, ...content });
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
      return null;
    } finally {
      busy = false;
      draw();
    }
  }

  function draw(): void {
    const open = pair !== null && !busy;
    const complete = heard.every(Boolean) || pair?.written === true;
    for (const side of SIDES) {
      const { play, prefer } = sides[side] as (typeof sides)[number];
      const playing = player.playing() === side;
      play.hidden = pair?.written === true;
      play.disabled = !open;
      prefer.disabled = !open || !complete;
      setText(play.firstElementChild as Element, playing ? "■" : "▶");
      setAttribute(play, "data-playing", playing);
    }
    neither.disabled = !open || !complete;
    again.hidden = showWords.hidden = pair?.written === true;
    hearQuestion.hidden = pair?.spoken !== true;
    again.disabled = showWords.disabled = hearQuestion.disabled = !open;
    back.disabled = busy || voted === 0;
    toRanking.disabled = busy || voted === 0;
    start.disabled = busy;
    progress.max = Math.max(1, total);
    progress.value = voted;
    const missing = unheard > 0 ? `; ${unheard} left out, because a sound is missing` : "";
    setText(counted, `${voted} of ${total} pairs${missing}`);
  }

  /** Plays sounds one after the other. */
  async function hear(order: readonly (0 | 1)[]): Promise<void> {
    if (!pair || pair.written) return;
    const own = ++run;
    if (order.length === 1 && player.playing() === order[0]) {
      player.stop();
      draw();
      return;
    }
    question.stop();
    stage.focus({ preventScroll: true }); // so that the keys work after a click
    try {
      for (const [place, side] of order.entries()) {
        if (place > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
        if (own !== run || !visible) return;
        const whole = await player.play(side, 0, () => {
          heard[side] = true;
          say(`Pair ${voted + 1} of ${total}. Sound ${side + 1} plays.`);
          draw();
        });
        draw();
        if (!whole) return;
      }
      if (own === run && heard.every(Boolean))
        say(`Pair ${voted + 1} of ${total}. Press 1 or 2 for the one that you prefer, = for no difference.`);
    } catch (error) {
      if (own === run) complain(error instanceof Error ? error.message : String(error));
    }
    draw();
  }

  function silence(): void {
    run += 1;
    player.stop();
    question.stop();
  }

  async function take(answer: Answer | null): Promise<void> {
    if (!answer) return;
    const content = answer.content;
    voted = count(content.voted);
    total = count(content.total);
    unheard = count(content.unheard);
    const shown = record(content.pair);
    silence();
    heard = [false, false];
    hideWords();
    if (text(shown.token) === "") {
      pair = null;
      draw();
      if (voted === 0) {
        turnTo("start");
        complain("No pair of these answers can be heard: their sounds are missing.");
      } else {
        await rank();
        say("All pairs are voted on.");
      }
      return;
    }
    const rates = Array.isArray(shown.rates) ? shown.rates.map(count) : [];
    pair = {
      token: text(shown.token),
      question: text(shown.question),
      spoken: shown.spoken === true,
      written: rates.length < 2,
    };
    player.load(
      rates.map((rate, side) => ({ pcm: samplesOf(answer.buffers[side]), rate: rate || 24_000, gain: 1 })),
    );
    question.load([]);
    setText(said, pair.question === "" ? "" : `The user: “${pair.question}”`);
    if (pair.written && Array.isArray(shown.words)) fillWords(shown.words.map(text));
    turnTo("pair");
    draw();
    stage.focus({ preventScroll: true });
    if (pair.written) say(`Pair ${voted + 1} of ${total}. Read both, then press 1, 2 or =.`);
    else {
      say(`Pair ${voted + 1} of ${total}.`);
      void hear(SIDES);
      if (wordsOn) void askWords();
    }
  }

  async function vote(choice: Choice): Promise<void> {
    if (!pair || busy) return;
    if (!pair.written && !heard.every(Boolean)) {
      say("Listen to both first: press Space.");
      return;
    }
    const token = pair.token;
    const answer = await request("blind-vote", { token, choice });
    if (answer) await take(answer);
    else await catchUp(token);
  }

  /** After a vote that was refused: another view of these results may have voted on this pair. */
  async function catchUp(token: string): Promise<void> {
    const why = problem.textContent ?? "";
    const answer = await request("blind-pair");
    if (answer && text(record(answer.content.pair).token) !== token) await take(answer);
    complain(why);
  }

  async function takeBack(): Promise<void> {
    if (voted > 0) await take(await request("blind-back"));
  }

  async function rank(): Promise<void> {
    silence();
    const answer = await request("blind-ranking", { everyone: everyone.checked });
    if (!answer) return;
    table.replaceChildren(rankingTable(answer.content));
    goOn.hidden = pair === null;
    turnTo("ranking");
    draw();
    say("");
    stage.focus({ preventScroll: true });
  }

  function fillWords(words: readonly string[]): void {
    for (const side of SIDES) {
      const { words: line } = sides[side] as (typeof sides)[number];
      setText(line, words[side] || "(no words)");
      line.hidden = false;
    }
  }

  async function askWords(): Promise<void> {
    const shown = pair;
    if (!shown || shown.written) return;
    try {
      // Beside other requests: a vote must not wait for words.
      const { content } = await channel.ask("blind-words", { by, listener, token: shown.token });
      if (pair === shown && wordsOn && Array.isArray(content.words)) fillWords(content.words.map(text));
    } catch (error) {
      if (pair === shown) complain(error instanceof Error ? error.message : String(error));
    }
  }

  function hideWords(): void {
    for (const { words } of sides) {
      setText(words, "");
      words.hidden = true;
    }
  }

  async function begin(): Promise<void> {
    by = bySelect.value || "variant";
    listener = name.value.trim() || "me";
    await take(await request("blind-pair"));
  }

  async function playQuestion(): Promise<void> {
    if (!pair) return;
    silence();
    if (question.duration_s(0) === 0) {
      const answer = await request("blind-question", { token: pair.token });
      if (!answer) return;
      const pcm = samplesOf(answer.buffers[0]);
      if (pcm.length === 0) return;
      question.load([{ pcm, rate: count(answer.content.rate) || 24_000, gain: 1 }]);
    }
    stage.focus({ preventScroll: true });
    try {
      await question.play(0);
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
    }
  }

  start.addEventListener("click", () => void begin());
  neither.addEventListener("click", () => void vote("neither"));
  again.addEventListener("click", () => void hear(SIDES));
  back.addEventListener("click", () => void takeBack());
  hearQuestion.addEventListener("click", () => void playQuestion());
  toRanking.addEventListener("click", () => void rank());
  everyone.addEventListener("change", () => void rank());
  goOn.addEventListener("click", () => {
    turnTo("pair");
    draw();
    stage.focus({ preventScroll: true });
    void hear(SIDES);
  });
  otherSitting.addEventListener("click", () => {
    turnTo("start");
    void options();
  });
  showWords.addEventListener("click", () => {
    wordsOn = !wordsOn;
    setAttribute(showWords, "aria-pressed", String(wordsOn));
    if (wordsOn) void askWords();
    else hideWords();
  });

  function key(event: KeyboardEvent, target: Element): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target === name) {
      if (event.key !== "Enter") return;
      event.preventDefault();
      void begin();
      return;
    }
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement || screen === "start")
      return;
    const keys: Record<string, () => void> = { Backspace: () => void takeBack() };
    if (screen === "pair") {
      keys["1"] = () => void vote("first");
      keys["2"] = () => void vote("second");
      keys["="] = keys["0"] = () => void vote("neither"); // = needs Shift on some keyboards
      keys.ArrowLeft = () => void hear([0]);
      keys.ArrowRight = () => void hear([1]);
      // Space on a focused button presses that button.
      if (!(target instanceof HTMLButtonElement)) keys[" "] = () => void hear(SIDES);
    }
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action(); // a key that is held down is one vote
  }

  async function options(): Promise<void> {
    const answer = await request("blind-options");
    if (!answer) return;
    asked = true;
    const settings = Array.isArray(answer.content.settings) ? answer.content.settings.map(text) : ["variant"];
    const last = record(answer.content.last);
    bySelect.replaceChildren(...settings.map((each) => h("option", { value: each }, each)));
    const known = Array.isArray(answer.content.listeners) ? answer.content.listeners.map(text) : [];
    if (text(last.by)) bySelect.value = text(last.by);
    if (text(last.listener)) name.value = text(last.listener);
    else if (known[0] && name.value === "me") name.value = known[known.length - 1] ?? "me";
    const notes = [];
    if (known.length > 0)
      notes.push(`Voted so far: ${known.join(", ")}. The same name goes on where it stopped.`);
    if (answer.content.kept !== true)
      notes.push("These results have no folder: votes are gone when the kernel stops.");
    startNotes.replaceChildren(...notes.map((note) => h("p", {}, note)));
    setText(start.firstElementChild as Element, count(last.voted) > 0 ? "Go on" : "Start");
    draw();
  }

  return {
    title: "Blind",
    root: stage,
    key,
    show() {
      visible = true;
      if (!asked) void options();
    },
    hide() {
      visible = false;
      silence();
      draw();
    },
  };
}
