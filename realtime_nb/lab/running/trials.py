"""The trials of a plan, with their ids and bounds.

Owns which facts of a backend make an id. Must not know sessions or files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from realtime_nb.client.variant import Variant
from realtime_nb.lab.keeping.cache_key import trial_key
from realtime_nb.lab.planning.order import TrialSlot
from realtime_nb.lab.planning.plan import SweepPlan
from realtime_nb.lab.trial import Trial


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

    def trial(slot: TrialSlot, place: int, *, warmup: bool) -> Trial:
        said, variant = plan.utterances[slot.utterance], plan.variants[slot.variant]
        estimate = plan.estimates[slot.utterance, slot.variant]
        most = estimate.max_responses if plan.has_budget else None
        options = plan.options if most is None else replace(plan.options, max_responses=most)
        # A warm-up is no trial: its id must be that of none.
        repeat = -1 - slot.repeat if warmup else slot.repeat
        endpoint, model = endpoints[slot.variant], models[slot.variant]
        key = trial_key(said, variant, options, endpoint=endpoint, model=model, repeat=repeat)
        return Trial(key, said, variant, slot.repeat, place, warmup, estimate.bound_usd, most)

    warm = [trial(slot, place, warmup=True) for place, slot in enumerate(plan.warmups)]
    return warm + [trial(slot, place, warmup=False) for place, slot in enumerate(plan.slots)]
