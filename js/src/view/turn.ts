/**
 * Draws one turn as an article. A delta appends one text node; any other change redraws this turn alone.
 *
 * Transcripts are untrusted: text nodes only, direction isolated, long text folded.
 */

import type { ToolCallView, TurnView } from "../comm/messages.js";
import { h, milliseconds, setAttribute, setText } from "./dom.js";
import { createTurnMenu, type TurnAction } from "./turn-menu.js";

export interface TurnElement {
  readonly root: HTMLElement;
  update(turn: TurnView): void;
  append(text: string, length: number): void;
  replaying(on: boolean): void;
}

const NAMES = { user: "You", assistant: "Assistant", system: "System" } as const;
const FOLD_CHARACTERS = 3000;
/** A longer note, such as the cause of a failure, stands below the text: beside it, it would be a narrow column. */
const NOTE_CHARACTERS = 40;

export function createTurn(
  turn: TurnView,
  hearAgain: (itemId: string) => void,
  actions: readonly TurnAction[],
): TurnElement {
  const name = NAMES[turn.role];
  const tools = h("span", { class: "rtnb-tools" });
  const said = h("span", { class: "rtnb-text", dir: "auto" });
  const unfold = h(
    "button",
    { type: "button", class: "rtnb-link", hidden: true, "aria-expanded": "false" },
    "Show all",
  );
  const note = h("span", { class: "rtnb-note" });
  const cause = h("div", { class: "rtnb-cause", dir: "auto", hidden: true });
  const kept = h("span", { title: "An utterance for experiments: w.kept in Python" });
  const time = h("span", { class: "rtnb-time" });
  const replay = h("button", {
    type: "button",
    class: "rtnb-replay",
    "aria-label": "Hear again",
    title: "Hear again",
  });
  const menu = createTurnMenu(actions, turn);
  const root = h(
    "article",
    { class: "rtnb-turn", "aria-label": name, "data-role": turn.role, "data-item-id": turn.item_id },
    h("span", { class: "rtnb-who", "aria-hidden": "true" }, name),
    h("div", { class: "rtnb-said" }, tools, said, unfold, cause, menu.row),
    h("div", { class: "rtnb-facts" }, note, kept, time, replay, menu.opener),
  );

  let folded = true;
  unfold.addEventListener("click", () => {
    folded = !folded;
    root.classList.toggle("rtnb-folded", folded);
    setText(unfold, folded ? "Show all" : "Show less");
    setAttribute(unfold, "aria-expanded", String(!folded));
  });
  replay.addEventListener("click", () => hearAgain(turn.item_id));

  function fold(length: number): void {
    const long = length > FOLD_CHARACTERS;
    if (long !== unfold.hidden) return;
    unfold.hidden = !long;
    root.classList.toggle("rtnb-folded", long && folded);
  }

  function update(next: TurnView): void {
    const live = next.status === "in_progress";
    setAttribute(root, "data-status", next.status);
    // A screen reader waits for the whole turn instead of reading each delta.
    setAttribute(root, "aria-busy", live ? "true" : null);
    tools.replaceChildren(...next.tool_calls.map(toolCall));
    const [heard, unheard] = splitHeard(next.text, next.heard);
    said.replaceChildren(heard);
    if (unheard)
      said.append(
        h("s", { class: "rtnb-unheard", title: "Not heard: the answer was stopped here" }, unheard),
      );
    fold(next.text.length);
    const noted = next.note ?? (next.status === "failed" ? "failed" : "");
    const long = noted.length > NOTE_CHARACTERS;
    setText(note, long ? "" : noted);
    setText(cause, long ? noted : "");
    cause.hidden = !long;
    const shown = next.role === "assistant" ? next.total_ms : next.audio_ms;
    setText(time, shown === null ? "" : milliseconds(shown));
    setAttribute(
      time,
      "title",
      next.role === "assistant" ? "Time to the first sound" : "Length of what you said",
    );
    replay.hidden = !next.has_audio || live;
    setText(kept, next.kept ? "kept" : "");
    menu.update(next);
  }

  update(turn);
  return {
    root,
    update,
    append(text, length) {
      said.append(text);
      fold(length);
    },
    replaying(on) {
      setAttribute(replay, "data-on", on);
      setAttribute(replay, "aria-label", on ? "Stop this recording" : "Hear again");
    },
  };
}

export function toolCall(call: ToolCallView): HTMLElement {
  const mark = call.status === "completed" ? "✓" : call.status === "failed" ? "✗" : "…";
  const detail = `${call.arguments}${call.output === null ? "" : `\n→ ${call.output}`}`;
  return h(
    "span",
    { class: "rtnb-tool", "data-status": call.status, title: clip(detail, 2000) },
    h("code", { dir: "auto" }, `${call.name}(${clip(readableArguments(call.arguments), 120)})`),
    h("span", { "aria-label": call.status.replaceAll("_", " ") }, ` ${mark}`),
  );
}

/** The arguments as keywords: `{"value": 25}` is `value=25`. Incomplete JSON is returned unchanged. */
export function readableArguments(json: string): string {
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return json;
    return Object.entries(parsed)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(", ");
  } catch {
    return json;
  }
}

/** Splits a text after `heard` characters, counted in code points as Python does. */
export function splitHeard(text: string, heard: number | null): [string, string] {
  if (heard === null) return [text, ""];
  let at = 0;
  for (let points = 0; points < heard && at < text.length; points++)
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return [text.slice(0, at), text.slice(at)];
}

function clip(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
