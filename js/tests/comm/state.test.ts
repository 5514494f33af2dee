import { describe, expect, it } from "vitest";
import type { TurnView } from "../../src/comm/messages.js";
import { createTranscript, type TranscriptChange } from "../../src/comm/state.js";
import { turn } from "../turns.js";

function setUp() {
  const changes: TranscriptChange[] = [];
  const transcript = createTranscript((change) => changes.push(change));
  const ids = () => transcript.turns.map((each: TurnView) => each.item_id).join("");
  return { transcript, changes, ids };
}

describe("transcript", () => {
  it("inserts a turn after the one that it follows", () => {
    const { transcript, ids } = setUp();
    transcript.upsert(turn("a"), null);
    transcript.upsert(turn("c"), "a");
    transcript.upsert(turn("b"), "a");
    expect(ids()).toBe("abc");
  });

  it("inserts the first turn first, also when it arrives late", () => {
    const { transcript, ids } = setUp();
    transcript.upsert(turn("b"), "a");
    transcript.upsert(turn("a"), null);
    expect(ids()).toBe("ab");
  });

  it("moves a turn whose position was corrected", () => {
    const { transcript, ids } = setUp();
    for (const id of ["a", "b", "c"]) transcript.upsert(turn(id), transcript.turns.at(-1)?.item_id ?? null);
    transcript.upsert(turn("c", { revision: 2 }), "a");
    expect(ids()).toBe("acb");
  });

  it("keeps a later revision when an earlier one arrives after it", () => {
    const { transcript } = setUp();
    transcript.upsert(turn("a", { revision: 3, text: "new" }), null);
    transcript.upsert(turn("a", { revision: 2, text: "old" }), null);
    expect(transcript.get("a")?.text).toBe("new");
  });

  it("appends a delta as one change", () => {
    const { transcript, changes } = setUp();
    transcript.upsert(turn("a", { text: "It is" }), null);
    transcript.append("a", " four");
    transcript.append("unknown", "lost");
    expect(transcript.get("a")?.text).toBe("It is four");
    expect(changes.map((change) => change.kind)).toEqual(["upsert", "append"]);
  });

  it("removes a turn, and starts anew with a snapshot", () => {
    const { transcript, ids } = setUp();
    transcript.upsert(turn("a"), null);
    transcript.remove("a");
    transcript.remove("a");
    expect(ids()).toBe("");
    transcript.reset([turn("x")], [turn("y")], 12);
    expect([ids(), transcript.earlier]).toEqual(["xy", 12]);
  });
});
