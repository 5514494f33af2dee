/** One unfolded trial: both transcripts, the tool calls, both sides' sound, and a rating by hand. */

import { record, text } from "../json.js";
import { button, h, setAttribute, setText } from "../view/dom.js";
import type { ResultsChannel } from "./channel.js";
import type { Unfolded } from "./grid.js";

export type Side = "user" | "answer";

interface TrialEvents {
  /** Plays a side, or stops it where it plays. */
  play(side: Side): void;
  rated(value: number, note: string): void;
}

export interface TrialView extends Unfolded {
  /** Shows which side plays; `position` is in seconds. */
  playing(side: Side | null): void;
  complain(problem: string): void;
}

const RATINGS = [1, 2, 3, 4, 5];

/** Shows a trial; `trial` is the content of a request that names it. */
export function createTrialView(
  channel: ResultsChannel,
  trial: Record<string, unknown>,
  about: string,
  events: TrialEvents,
): TrialView {
  const problem = h("p", { class: "rtnb-problem", role: "alert", hidden: true });
  const body = h("div", { class: "rtnb-trial-body" }, "…");
  const root = h("div", { class: "rtnb-trial", role: "group", "aria-label": about }, body, problem);
  const buttons = {} as Record<Side, HTMLButtonElement>;
  let closed = false;

  function complain(words: string): void {
    setText(problem, words);
    problem.hidden = words === "";
  }

  function side(name: Side, who: string, ...said: (Node | string)[]): HTMLElement {
    const play = h("button", {
      type: "button",
      class: "rtnb-replay",
      "aria-label": name === "user" ? "Play the recording" : "Play the answer",
    });
    play.addEventListener("click", () => events.play(name));
    buttons[name] = play;
    return h(
      "div",
      { class: "rtnb-turn", "data-role": name === "user" ? "user" : "assistant" },
      h("span", { class: "rtnb-who" }, who),
      h("div", { class: "rtnb-said" }, ...said),
      play,
    );
  }

  function line(className: string, label: string, words: string): HTMLElement {
    return h("div", { class: className }, h("span", { class: "rtnb-soft" }, label), spoken(words));
  }

  function show(found: Record<string, unknown>): void {
    const [said, heard, answer, error, recognition] = [
      found.said,
      found.heard,
      found.text,
      found.error,
      found.recognition,
    ].map(text);
    const user: (Node | string)[] = [];
    if (said) user.push(spoken(said));
    if (heard && heard !== said) user.push(line("rtnb-heard", "heard: ", heard));
    if (recognition) user.push(h("div", { class: "rtnb-soft" }, recognition));
    if (!user.length) user.push(h("span", { class: "rtnb-soft" }, "no words of it are known"));
    const calls = Array.isArray(found.tool_calls) ? found.tool_calls.map(record) : [];
    const assistant: (Node | string)[] = calls.map((call) =>
      h(
        "div",
        { class: "rtnb-tool" },
        h("span", { "aria-hidden": "true" }, "⚙"),
        h("code", {}, `${text(call.name)}(${text(call.arguments)})`),
      ),
    );
    if (answer) assistant.push(spoken(answer));
    else if (!calls.length) assistant.push(h("span", { class: "rtnb-soft" }, "no answer"));
    body.replaceChildren(side("user", "user", ...user), side("answer", "model", ...assistant));
    if (error) body.append(h("p", { class: "rtnb-cause" }, error));
    body.append(rating(typeof found.rating === "number" ? found.rating : null, found));
  }

  function rating(given: number | null, found: Record<string, unknown>): HTMLElement {
    let value = given;
    const note = h("input", { type: "text", maxlength: 2000, placeholder: "a note", "aria-label": "Note" });
    note.value = text(found.rating_note);
    const kept = h("span", { class: "rtnb-soft", role: "status" });
    if (given === null && found.rating != null) setText(kept, `rated ${String(found.rating)}`);
    const marks = RATINGS.map((mark) => {
      const made = button(String(mark), "rtnb-mark");
      made.addEventListener("click", () => keep(mark));
      return made;
    });

    async function keep(mark: number | null): Promise<void> {
      if (mark === null) {
        setText(kept, "choose a number, and the note is kept with it");
        return;
      }
      setText(kept, "keeping…");
      try {
        await channel.ask("rate", { ...trial, value: mark, note: note.value });
        value = mark;
        setText(kept, "kept");
        complain("");
        events.rated(mark, note.value);
      } catch (error) {
        setText(kept, "");
        complain(`It was not kept. ${error instanceof Error ? error.message : ""}`);
      }
      press();
    }
    function press(): void {
      marks.forEach((each, place) => {
        setAttribute(each, "aria-pressed", String(RATINGS[place] === value));
      });
    }
    note.addEventListener("change", () => void keep(value));
    press();
    return h(
      "div",
      { class: "rtnb-rating" },
      h("span", { class: "rtnb-soft" }, "your rating"),
      h("span", { role: "group", "aria-label": "Your rating, 1 to 5", class: "rtnb-marks" }, ...marks),
      note,
      kept,
    );
  }

  channel.ask("trial", trial).then(
    ({ content }) => !closed && show(content),
    (error: Error) => {
      if (closed) return;
      setText(body, "");
      complain(error.message);
    },
  );
  return {
    root,
    complain,
    playing(which) {
      for (const [name, play] of Object.entries(buttons)) {
        setAttribute(play, "data-on", name === which);
        const what = name === "user" ? "the recording" : "the answer";
        setAttribute(play, "aria-label", `${name === which ? "Stop" : "Play"} ${what}`);
      }
    },
    close() {
      closed = true;
    },
  };
}

function spoken(words: string): HTMLElement {
  return h("span", { class: "rtnb-text", dir: "auto" }, words);
}
