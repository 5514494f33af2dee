/** Finds the place in one answer that corresponds to a place in another. Pure. */

/** When a word is said: its place in the text, its length, and its start and end in ms. */
export type SaidWord = readonly [start: number, length: number, start_ms: number, end_ms: number];

export interface SaidAnswer {
  text: string;
  words: readonly SaidWord[];
  duration_s: number;
}

/** The word that is being said, or was said last; -1 before the first one. */
export function wordAt(words: readonly SaidWord[], at_s: number): number {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.[2] ?? 0) <= at_s * 1000) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const wordsOf = ({ text, words }: SaidAnswer) =>
  words.map(([start, length]) =>
    text
      .slice(start, start + length)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]/gu, ""),
  );

/** The same word where both answers say the same words; the same time otherwise. In seconds. */
export function samePlace(from: SaidAnswer, to: SaidAnswer, at_s: number): number {
  const [said, other] = [wordsOf(from), wordsOf(to)];
  const index = wordAt(from.words, at_s);
  const same = said.length > 0 && said.length === other.length && said.every((word, i) => word === other[i]);
  const here = from.words[index];
  const there = to.words[index];
  const place_s =
    same && here && there
      ? (there[2] +
          (there[3] - there[2]) *
            Math.min(1, Math.max(0, (at_s * 1000 - here[2]) / Math.max(1, here[3] - here[2])))) /
        1000
      : at_s;
  return Math.min(Math.max(0, place_s), to.duration_s);
}
