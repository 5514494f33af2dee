import { describe, expect, it } from "vitest";
import { splitError } from "../../src/view/banners.js";
import { readableArguments, splitHeard } from "../../src/view/turn.js";

describe("what was heard", () => {
  it("is counted in code points, as Python counts", () => {
    expect(splitHeard("😀😀 hello", 3)).toEqual(["😀😀 ", "hello"]);
    expect(splitHeard("abc", null)).toEqual(["abc", ""]);
    expect(splitHeard("abc", 99)).toEqual(["abc", ""]);
    expect(splitHeard("abc", 0)).toEqual(["", "abc"]);
  });
});

describe("a tool call's arguments", () => {
  it("are shown as keywords when complete, and unchanged before", () => {
    expect(readableArguments('{"city": "Bern", "days": 2}')).toBe('city="Bern", days=2');
    expect(readableArguments('{"city": "Be')).toBe('{"city": "Be');
    expect(readableArguments("[1]")).toBe("[1]");
  });
});

describe("an error", () => {
  it("is split after its first sentence", () => {
    expect(splitError("No key. Set OPENAI_API_KEY.")).toEqual({
      title: "No key.",
      text: "Set OPENAI_API_KEY.",
    });
    expect(splitError("ws://127.0.0.1:9 is closed")).toEqual({
      title: "ws://127.0.0.1:9 is closed",
      text: "",
    });
  });
});
