"""The trials of a plan, with their ids and bounds.

Owns which facts of a backend make an id. Must not know sessions or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from realtime_nb.client.variant import Variant
from realtime_nb.lab.keeping.cache_key import trial_key
from realtime_nb.lab.planning.order import TrialSlot
from realtime_nb.lab.planning.plan import SweepPlan
from realtime_nb.lab.trial import Trial

_REPEATS = 1_000_000
"""More than any sweep repeats a trial."""


def trials_of(
    plan: SweepPlan, endpoint_of: Callable[[Variant], str], model_of: Callable[[Variant], str | None]
) -> list[Trial]:  # fmt: skip
    """Return the trials of a plan in their order, warm-ups first.

    Args:
        plan: of the sweep.
        endpoint_of: the address that answers a variant, without credentials.
        model_of: the model that a variant asks for.
    """
    endpoints = [endpoint_of(variant) for variant in plan.variants]
    models = [model_of(variant) for variant in plan.variants]

    def key_of(utterance: int, variant: int, repeat: int) -> str:
        most = plan.estimates[utterance, variant].max_responses if plan.has_budget else None
        options = plan.options if most is None else replace(plan.options, max_responses=most)
        said, settings = plan.utterances[utterance], plan.variants[variant]
        where = {"endpoint": endpoints[variant], "model": models[variant]}
        return trial_key(said, settings, options, **where, repeat=repeat)  # type: ignore[arg-type] # an address is a str

    copies = _copies({(u, v): key_of(u, v, 0) for v in range(len(plan.variants)) for u in range(len(plan.utterances))})

    def trial(slot: TrialSlot, place: int, *, warmup: bool) -> Trial:
        said, variant = plan.utterances[slot.utterance], plan.variants[slot.variant]
        estimate = plan.estimates[slot.utterance, slot.variant]
        most = estimate.max_responses if plan.has_budget else None
        repeat = slot.repeat + _REPEATS * copies[slot.utterance, slot.variant]
        # A warm-up is no trial: its id must be that of none.
        key = key_of(slot.utterance, slot.variant, -1 - repeat if warmup else repeat)
        return Trial(
            key,
            said,
            variant,
            slot.repeat,
            place,
            warmup,
            bound_usd=estimate.bound_usd,
            max_responses=most,
            bound=estimate.bound,
            first_usd=estimate.first_usd,
            likely_usd=estimate.likely_usd,
        )

    warm = [trial(slot, place, warmup=True) for place, slot in enumerate(plan.warmups)]
    return warm + [trial(slot, place, warmup=False) for place, slot in enumerate(plan.slots)]


def _copies(keys: Mapping[tuple[int, int], str]) -> dict[tuple[int, int], int]:
    """Return by place how many places before it have the same trial.

    Two variants with other names and the same settings show how far apart equal things seem: their trials are
    measurements of their own.
    """
    seen: Counter[str] = Counter()
    copies = {}
    for place, key in keys.items():
        copies[place] = seen[key]
        seen[key] += 1
    return copies
