/**
 * Keeps this page's transcript: turns in order, inserted or replaced by `item_id`, extended by deltas.
 *
 * Pure: must not know DOM or comm. Each message causes one change, so that a view's work for a message does
 * not grow with the conversation (docs/notebook.md 7).
 */

import type { TurnView } from "./messages.js";

export type TranscriptChange =
  | { kind: "reset" }
  | { kind: "upsert"; turn: TurnView; index: number; moved: boolean }
  | { kind: "append"; turn: TurnView; text: string }
  | { kind: "remove"; itemId: string };

export interface Transcript {
  readonly turns: readonly TurnView[];
  /** The number of turns before the first one, which the kernel did not send to this page. */
  readonly earlier: number;
  reset(turns: readonly TurnView[], live: readonly TurnView[], earlier: number): void;
  upsert(turn: TurnView, after: string | null): void;
  append(itemId: string, text: string): void;
  remove(itemId: string): void;
  get(itemId: string): TurnView | undefined;
}

export function createTranscript(onChange: (change: TranscriptChange) => void): Transcript {
  let turns: TurnView[] = [];
  let byId = new Map<string, TurnView>();
  let earlier = 0;

  // Searched from the end: nearly every change is among the last turns.
  const indexOf = (itemId: string) => turns.findLastIndex((turn) => turn.item_id === itemId);

  function place(after: string | null): number {
    if (after === null) return earlier > 0 ? turns.length : 0;
    const index = indexOf(after);
    return index < 0 ? turns.length : index + 1;
  }

  return {
    get turns() {
      return turns;
    },
    get earlier() {
      return earlier;
    },
    reset(settled, live, before) {
      turns = [...settled, ...live];
      byId = new Map(turns.map((turn) => [turn.item_id, turn]));
      earlier = before;
      onChange({ kind: "reset" });
    },
    upsert(turn, after) {
      const known = byId.get(turn.item_id);
      if (known && turn.revision < known.revision) return;
      byId.set(turn.item_id, turn);
      if (!known) {
        const index = place(after);
        turns.splice(index, 0, turn);
        onChange({ kind: "upsert", turn, index, moved: false });
        return;
      }
      const from = indexOf(turn.item_id);
      const misplaced = after !== null && after !== turn.item_id && turns[from - 1]?.item_id !== after;
      if (!misplaced || !byId.has(after)) {
        turns[from] = turn;
        onChange({ kind: "upsert", turn, index: from, moved: false });
        return;
      }
      turns.splice(from, 1);
      const index = place(after);
      turns.splice(index, 0, turn);
      onChange({ kind: "upsert", turn, index, moved: true });
    },
    append(itemId, text) {
      const turn = byId.get(itemId);
      if (!turn) return;
      turn.text += text;
      onChange({ kind: "append", turn, text });
    },
    remove(itemId) {
      const index = indexOf(itemId);
      if (index < 0) return;
      turns.splice(index, 1);
      byId.delete(itemId);
      onChange({ kind: "remove", itemId });
    },
    get: (itemId) => byId.get(itemId),
  };
}
