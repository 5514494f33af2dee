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
  it("puts a turn behind the one that it follows", () => {
    const { transcript, ids } = setUp();
    transcript.upsert(turn("a"), null);
    transcript.upsert(turn("c"), "a");
    transcript.upsert(turn("b"), "a");
    expect(ids()).toBe("abc");
  });

  it("puts the first turn first, also when it comes late", () => {
    const { transcript, ids } = setUp();
    transcript.upsert(turn("b"), "a");
    transcript.upsert(turn("a"), null);
    expect(ids()).toBe("ab");
  });

  it("moves a turn whose place was corrected", () => {
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

  it("appends a delta and tells only that", () => {
    const { transcript, changes } = setUp();
    transcript.upsert(turn("a", { text: "It is" }), null);
    transcript.append("a", " four");
    transcript.append("nobody", "lost");
    expect(transcript.get("a")?.text).toBe("It is four");
    expect(changes.map((change) => change.kind)).toEqual(["upsert", "append"]);
  });

  it("forgets what is gone and begins anew with a snapshot", () => {
    const { transcript, ids } = setUp();
    transcript.upsert(turn("a"), null);
    transcript.remove("a");
    transcript.remove("a");
    expect(ids()).toBe("");
    transcript.reset([turn("x")], [turn("y")], 12);
    expect([ids(), transcript.earlier]).toEqual(["xy", 12]);
  });
});
