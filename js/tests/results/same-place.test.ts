import { describe, expect, it } from "vitest";
import { type SaidAnswer, type SaidWord, samePlace, wordAt } from "../../src/results/same-place.js";

/** An answer whose words take so many seconds each, after a silence. */
function answer(text: string, each_s: number, silence_s = 0): SaidAnswer {
  const words: SaidWord[] = [];
  for (const match of text.matchAll(/\S+/g)) {
    const start_ms = 1000 * (silence_s + words.length * each_s);
    words.push([match.index, match[0].length, start_ms, start_ms + 1000 * each_s]);
  }
  return { text, words, duration_s: silence_s + words.length * each_s };
}

describe("the word that is being said", () => {
  const { words } = answer("one two three", 1, 0.5);
  it("is none before the first, and stays the last one to the end", () => {
    expect(wordAt(words, 0.4)).toBe(-1);
    expect(wordAt(words, 0.5)).toBe(0);
    expect(wordAt(words, 1.6)).toBe(1);
    expect(wordAt(words, 99)).toBe(2);
    expect(wordAt([], 1)).toBe(-1);
  });
});

describe("the same place of another answer", () => {
  it("is the same word where both say the same words", () => {
    const quick = answer("One, two, three.", 0.5);
    const slow = answer("one two three", 2, 1);
    expect(samePlace(quick, slow, 0.75)).toBeCloseTo(1 + 2 + 1);
    expect(samePlace(slow, quick, 4)).toBeCloseTo(0.75);
  });

  it("is the same time where the words differ, and within the sound", () => {
    const short = answer("Yes.", 1);
    const long = answer("Well, that depends on it.", 1);
    expect(samePlace(short, long, 0.7)).toBeCloseTo(0.7);
    expect(samePlace(long, short, 4.2)).toBe(1);
    expect(samePlace(long, short, -1)).toBe(0);
  });

  it("is the same time before the first word, and for answers without words", () => {
    expect(samePlace(answer("a b", 1, 1), answer("a b", 1, 3), 0.5)).toBe(0.5);
    expect(samePlace(answer("", 1), { text: "", words: [], duration_s: 2 }, 1.5)).toBe(1.5);
  });
});
