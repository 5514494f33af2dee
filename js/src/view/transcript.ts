/**
 * Draws the transcript: one article for each turn, scrolled with the conversation.
 *
 * A delta adds one text node (docs/notebook.md 7). Only the last turns are in the page; a button shows more.
 */

import type { TurnView } from "../comm/messages.js";
import type { Transcript, TranscriptChange } from "../comm/state.js";
import { h, setText } from "./dom.js";
import { createTurn, type TurnElement } from "./turn.js";
import type { TurnAction } from "./turn-menu.js";

interface TranscriptLog {
  readonly root: HTMLElement;
  apply(change: TranscriptChange): void;
  replaying(itemId: string | null): void;
}

const SHOWN_TURNS = 200;
/** Scrolled closer to the end than this, the log follows new text. */
const STICKY_PX = 48;

export function createTranscriptLog(
  transcript: Transcript,
  empty: HTMLElement,
  hearAgain: (itemId: string) => void,
  actions: readonly TurnAction[],
  signal: AbortSignal,
): TranscriptLog {
  const earlierText = h("span");
  const more = h("button", { type: "button", class: "rtnb-link" }, "Show more");
  const earlier = h("div", { class: "rtnb-earlier", hidden: true }, earlierText, " ", more);
  const list = h("div", { class: "rtnb-turns" });
  const root = h(
    "div",
    { class: "rtnb-log", role: "log", "aria-label": "Transcript", "aria-live": "polite", tabindex: "0" },
    earlier,
    list,
    empty,
  );
  const shown = new Map<string, TurnElement>();
  let limit = SHOWN_TURNS;
  let replayed: string | null = null;
  let stuck = true;
  let scrolling = false;

  root.addEventListener("scroll", () => {
    stuck = root.scrollHeight - root.scrollTop - root.clientHeight < STICKY_PX;
  });
  more.addEventListener("click", () => {
    limit += SHOWN_TURNS;
    const height = root.scrollHeight;
    redraw();
    // The text in view stays where it was.
    root.scrollTop += root.scrollHeight - height;
  });

  function follow(): void {
    if (!stuck || scrolling || transcript.turns.length === 0) return;
    scrolling = true;
    requestAnimationFrame(() => {
      scrolling = false;
      root.scrollTop = root.scrollHeight;
    });
  }

  // A banner below makes the log smaller: keep its end in view.
  const resized = new ResizeObserver(follow);
  resized.observe(root);
  signal.addEventListener("abort", () => resized.disconnect());

  function make(turn: TurnView): TurnElement {
    const element = createTurn(turn, hearAgain, actions);
    element.replaying(turn.item_id === replayed);
    shown.set(turn.item_id, element);
    return element;
  }

  function redraw(): void {
    shown.clear();
    list.replaceChildren(...transcript.turns.slice(-limit).map((turn) => make(turn).root));
    describe();
  }

  function describe(): void {
    const hidden = transcript.turns.length - shown.size;
    const total = hidden + transcript.earlier;
    earlier.hidden = total === 0;
    more.hidden = hidden === 0;
    setText(
      earlierText,
      `${total} earlier ${total === 1 ? "turn" : "turns"}${hidden ? "" : " in Python, as w.turns"}`,
    );
    empty.hidden = transcript.turns.length + transcript.earlier > 0;
  }

  function upsert(turn: TurnView, index: number, moved: boolean): void {
    const known = shown.get(turn.item_id);
    if (known && !moved) {
      known.update(turn);
      return;
    }
    known?.root.remove();
    known?.update(turn);
    if (!known && transcript.turns.length - index > limit) return;
    const element = known ?? make(turn);
    const next = transcript.turns[index + 1];
    list.insertBefore(element.root, (next && shown.get(next.item_id)?.root) ?? null);
    while (shown.size > limit && stuck) {
      const [oldest] = shown.keys();
      if (oldest === undefined || oldest === turn.item_id) break;
      shown.get(oldest)?.root.remove();
      shown.delete(oldest);
    }
    describe();
  }

  redraw();
  return {
    root,
    apply(change) {
      if (change.kind === "reset") redraw();
      else if (change.kind === "upsert") upsert(change.turn, change.index, change.moved);
      else if (change.kind === "append")
        shown.get(change.turn.item_id)?.append(change.text, change.turn.text.length);
      else {
        shown.get(change.itemId)?.root.remove();
        shown.delete(change.itemId);
        describe();
      }
      follow();
    },
    replaying(itemId) {
      if (itemId === replayed) return;
      if (replayed) shown.get(replayed)?.replaying(false);
      replayed = itemId;
      if (itemId) shown.get(itemId)?.replaying(true);
    },
  };
}
