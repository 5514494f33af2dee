"""Build a small trigram model from weighted sentences, as ARPA text.

Owns counting and smoothing. Must not know pocketsphinx, phrases or tools. Witten-Bell, interpolated, with one addition:
a sentence may hold `<any>`, where words outside of every sentence are expected; its mass goes to backing off there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

ANY = "<any>"
START, END = "<s>", "</s>"
_FLOOR_LOG10 = -99.0

Gram = tuple[str, ...]


class NgramCounts:
    """Weighted counts of a word after the two before it.

    Sentences may hold *classes* (`<number>`), whose members are put in place once, in `expanded`: a class of 200
    members in 1,000 sentences is then 1,000 sentences and not 200,000.
    """

    def __init__(self) -> None:
        self.events: defaultdict[tuple[str, str, str], float] = defaultdict(float)

    def add(self, words: Sequence[str], weight: float, *, first: int = 1) -> None:
        """Count a sentence, `<s>` and `</s>` included where they belong.

        Args:
            words: the sentence or a part of one.
            weight: the count of one occurrence.
            first: the index of the first word to count; those before it are its history only.
        """
        for i in range(first, len(words)):
            self.events[(words[i - 2] if i > 1 else "", words[i - 1], words[i])] += weight

    def update(self, other: NgramCounts) -> None:
        """Add another's counts."""
        for event, weight in other.events.items():
            self.events[event] += weight

    def expanded(self, classes: Mapping[str, Sequence[Gram]]) -> NgramCounts:
        """Return the counts with every class replaced by its members, each as likely as the others."""
        shapes = {name: _ClassShape(members) for name, members in classes.items()}
        total = NgramCounts()
        events = total.events
        for (before, previous, word), weight in self.events.items():
            for h2, h1, share in _histories(before, previous, shapes):
                if word not in shapes:
                    events[(h2, h1, word)] += weight * share
                    continue
                for first, p in shapes[word].first.items():
                    events[(h2, h1, first)] += weight * share * p
                for (first, second), p in shapes[word].pairs.items():
                    events[(h1, first, second)] += weight * share * p
            if word in shapes:
                for inner, p in shapes[word].inner.items():
                    events[inner] += weight * p
        return total


class _ClassShape:
    """The trigram counts of a word class: how its members begin, go on, and end."""

    def __init__(self, members: Sequence[Gram]) -> None:
        share = 1.0 / len(members)
        self.first: defaultdict[str, float] = defaultdict(float)
        self.pairs: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.inner: defaultdict[tuple[str, str, str], float] = defaultdict(float)
        self.last: defaultdict[tuple[str, str], float] = defaultdict(float)  # the first is "" for a single word
        self.last_word: defaultdict[str, float] = defaultdict(float)
        for member in members:
            self.first[member[0]] += share
            self.last_word[member[-1]] += share
            self.last[(member[-2] if len(member) > 1 else "", member[-1])] += share
            if len(member) > 1:
                self.pairs[(member[0], member[1])] += share
            for i in range(2, len(member)):
                self.inner[(member[i - 2], member[i - 1], member[i])] += share


def _histories(before: str, previous: str, shapes: Mapping[str, _ClassShape]) -> Iterator[tuple[str, str, float]]:
    befores = shapes[before].last_word if before in shapes else {before: 1.0}
    if previous not in shapes:
        yield from ((last, previous, p) for last, p in befores.items())
        return
    for (second_last, last), p in shapes[previous].last.items():
        if second_last:
            yield second_last, last, p
        else:
            yield from ((last_before, last, p * q) for last_before, q in befores.items())


def _by_order(counts: NgramCounts) -> tuple[list[defaultdict[Gram, float]], defaultdict[Gram, float]]:
    """Return counts of one, two and three words, and how often each history is followed by anything at all."""
    orders: list[defaultdict[Gram, float]] = [defaultdict(float) for _ in range(3)]
    escapes: defaultdict[Gram, float] = defaultdict(float)
    for (before, previous, word), weight in counts.events.items():
        # A word after an unknown one has no history that the model could have seen.
        history = () if previous in (ANY, "") else (previous,) if before in (ANY, "") else (before, previous)
        for start in range(len(history) + 1):
            context = history[start:]
            if word == ANY:
                escapes[context] += weight
            else:
                orders[len(context)][(*context, word)] += weight
    return orders, escapes


def arpa(counts: NgramCounts, background: Mapping[str, float], *, novelty: float, background_share: float) -> str:
    """Return the model in ARPA format.

    Args:
        counts: the counts of the expected sentences.
        background: further common words and their relative frequencies.
        novelty: how many occurrences a word that was not seen in a context is worth, for each that was.
        background_share: how much of the probability of a word out of context goes to the background.
    """
    orders, escapes = _by_order(counts)
    probabilities = [_unigrams(orders[0], background, background_share)]
    backoffs: list[dict[Gram, float]] = [{}, {}]
    for order in (1, 2):
        seen: defaultdict[Gram, float] = defaultdict(float)
        kinds: defaultdict[Gram, int] = defaultdict(int)
        for gram, count in orders[order].items():
            seen[gram[:-1]] += count
            kinds[gram[:-1]] += 1
        level: dict[Gram, float] = {}
        bow = backoffs[order - 1]
        for history, total in seen.items():
            free = novelty * kinds[history] + escapes.get(history, 0.0)
            bow[history] = free / (total + free)
        lower = probabilities[order - 1]
        for gram, count in orders[order].items():
            history = gram[:-1]
            shorter = lower.get(gram[1:])
            if shorter is None:
                continue
            share = bow[history]
            level[gram] = (1 - share) * count / seen[history] + share * shorter
        probabilities.append(level)
    return _render(probabilities, backoffs)


def _unigrams(counts: Mapping[Gram, float], background: Mapping[str, float], share: float) -> dict[Gram, float]:
    seen = {gram: count for gram, count in counts.items() if gram[0] != START}
    total_background = sum(background.values())
    share = share if total_background else 0.0
    mixed: defaultdict[Gram, float] = defaultdict(float)
    # Square roots flatten the head: out of context, the sentences' favourite words should not swallow all others.
    flat = {gram: math.sqrt(count) for gram, count in seen.items()}
    total = sum(flat.values())
    for gram, count in flat.items():
        mixed[gram] += (1 - share) * count / total
    for word, frequency in background.items():
        mixed[(word,)] += share * frequency / total_background
    return dict(mixed)


def _render(probabilities: list[dict[Gram, float]], backoffs: list[dict[Gram, float]]) -> str:
    def log(value: float) -> str:
        return f"{math.log10(value) if value > 0 else _FLOOR_LOG10:.4f}"

    out: list[str] = ["\\data\\", f"ngram 1={len(probabilities[0]) + 1}"]
    out += [f"ngram {order}={len(probabilities[order - 1])}" for order in (2, 3)]
    out += ["", "\\1-grams:", f"{_FLOOR_LOG10}\t{START}\t{log(backoffs[0].get((START,), 1.0))}"]
    out += [f"{log(p)}\t{g[0]}\t{log(backoffs[0].get(g, 1.0))}" for g, p in sorted(probabilities[0].items())]
    out += ["", "\\2-grams:"]
    out += [f"{log(p)}\t{' '.join(g)}\t{log(backoffs[1].get(g, 1.0))}" for g, p in sorted(probabilities[1].items())]
    out += ["", "\\3-grams:"]
    out += [f"{log(p)}\t{' '.join(g)}" for g, p in sorted(probabilities[2].items())]
    return "\n".join([*out, "", "\\end\\", ""])
