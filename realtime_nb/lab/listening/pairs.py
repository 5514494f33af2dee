"""Which answers a listener compares: pairs of one utterance, balanced and in random order.

Owns the choice and its order. Must not know sound, votes or settings.

After any number of pairs the comparison is about fair, because a listener may stop at any time: each two values come
once in each block, with utterances in random order, other trials of an utterance in turn, and each value as often first
as second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from random import Random
from typing import Any, TypeAlias, TypeVar

from .votes import AnswerRef

_Item = TypeVar("_Item")
Cells: TypeAlias = Mapping[Any, Mapping[str, Sequence[AnswerRef]]]
"""For each utterance (and combination of other settings), the answers by the value that is ranked."""

MOST = 1000
"""After so many pairs a listener's order ends."""


@dataclass(frozen=True)
class Pair:
    """Two answers to one utterance, in the order in which they are played."""

    first: AnswerRef
    second: AnswerRef

    @property
    def key(self) -> frozenset[AnswerRef]:
        """The two answers, in whatever order."""
        return frozenset((self.first, self.second))


def pairs_of(cells: Cells, seed: str) -> list[Pair]:
    """Return every pair that can be heard, in the order in which to hear them.

    An utterance with several trials of both values gives as many pairs as the rarer one has trials. Of large sweeps the
    first 1,000, and the rest of their block: hours of listening.

    Args:
        cells: as said.
        seed: the same seed gives the same order.
    """
    random = Random(seed)  # an order, no secret
    trials = {
        (cell, value): _shuffled(random, answers) for cell, values in cells.items() for value, answers in values.items()
    }
    used: Counter[AnswerRef] = Counter()
    heard: set[frozenset[AnswerRef]] = set()

    values = list(dict.fromkeys(value for found in cells.values() for value in found))
    queues = {}
    for two in combinations(values, 2):
        if queue := _queue(cells, two, random):
            queues[two] = queue
    swapped = {two: random.random() < 0.5 for two in queues}
    found = []
    for block in range(max(map(len, queues.values()), default=0)):
        for two in _shuffled(random, [two for two, queue in queues.items() if block < len(queue)]):
            cell = queues[two][block]
            # The least heard trials, so that one odd trial does not stand for its variant in every comparison.
            firsts, seconds = (sorted(trials[cell, value], key=used.__getitem__) for value in two)
            pair = next(
                Pair(first, second)
                for first, second in product(firsts, seconds)
                if frozenset((first, second)) not in heard
            )
            used.update(pair.key)
            heard.add(pair.key)
            found.append(Pair(pair.second, pair.first) if swapped[two] else pair)
            swapped[two] = not swapped[two]
        if len(found) >= MOST:
            break
    return found


def _queue(cells: Cells, two: tuple[str, str], random: Random) -> list[Any]:
    """Return the utterances of a comparison in their order: each once, then again those with further trials."""
    counts = {cell: min(len(values.get(value, ())) for value in two) for cell, values in cells.items()}
    return [
        cell
        for again in range(max(counts.values(), default=0))
        for cell in _shuffled(random, [cell for cell, count in counts.items() if count > again])
    ]


def _shuffled(random: Random, items: Sequence[_Item]) -> list[_Item]:
    found = list(items)
    random.shuffle(found)
    return found
