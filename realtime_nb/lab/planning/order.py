"""The order of a sweep's trials: random within rounds and blocks, so that no variant has the better hour.

Owns the order. Must not know what a trial is. A round holds every utterance with every variant once. Within a round,
the trials of one utterance follow each other (a block), in random order, because they are compared with each other; the
blocks are in random order, too. A server that grows slower by 10 ms a minute then harms all variants alike. Running one
variant after the other attributes that drift to the last one: by 66 ms in half an hour, simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from realtime_nb.errors import ConfigError

Order = Literal["blocks", "shuffled", "sequential"]


@dataclass(frozen=True)
class TrialSlot:
    """One trial's place in a sweep.

    Attributes:
        utterance: which, as an index.
        variant: which, as an index.
        repeat: the how-manieth trial of this utterance with this variant, from 0; also the number of its round.
    """

    utterance: int
    variant: int
    repeat: int


def schedule(
    utterances: int, variants: int, repeats: int, *, seed: int, order: Order = "blocks"
) -> tuple[TrialSlot, ...]:  # fmt: skip
    """Return all trials in the order in which they begin; the same arguments always give the same order.

    Args:
        utterances: how many.
        variants: how many.
        repeats: trials of each utterance with each variant.
        seed: of the order; recorded with the results.
        order: `"blocks"` as described above; `"shuffled"`: all trials of a round in random order; `"sequential"`: one
            variant after the other, which is wrong wherever anything drifts, and is here to show that.

    Raises:
        ConfigError: nothing to run, or an unknown order.
    """
    for name, number in (("utterances", utterances), ("variants", variants), ("repeats", repeats)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ConfigError(f"{name}={number!r} must be a whole number of at least 1")
    if order not in get_args(Order):
        raise ConfigError(f"order={order!r} must be one of {', '.join(map(repr, get_args(Order)))}")
    if order == "sequential":
        return tuple(
            TrialSlot(u, v, r) for v in range(variants) for r in range(repeats) for u in range(utterances)
        )  # fmt: skip
    slots: list[TrialSlot] = []
    for repeat in range(repeats):
        # A generator for each round: a sweep with more repeats begins as one with fewer, which its cache can serve.
        rng = np.random.default_rng((seed, repeat))
        if order == "shuffled":
            places = rng.permutation(utterances * variants)
            slots += [TrialSlot(int(place) // variants, int(place) % variants, repeat) for place in places]
            continue
        for utterance in rng.permutation(utterances):
            slots += [TrialSlot(int(utterance), int(variant), repeat) for variant in rng.permutation(variants)]
    return tuple(slots)


def drift_ms(slots: Sequence[TrialSlot], variants: int, drift_ms_a_trial: float) -> tuple[float, ...]:
    """Return how much a steady drift adds to each variant's mean in this order, less what it adds to all, in ms."""
    places = [[place for place, slot in enumerate(slots) if slot.variant == variant] for variant in range(variants)]
    overall = (len(slots) - 1) / 2
    return tuple(drift_ms_a_trial * (float(np.mean(own)) - overall) for own in places)
