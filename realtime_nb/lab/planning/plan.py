"""`SweepPlan`: what a sweep will do, what it will cost and how long it will take, before anything is sent.

Owns the rules about money that hold before the start, and the plan's text. Must not know sessions or files.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.scenario import Scenario
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation.prices import Billing
from realtime_nb.errors import BudgetError, ConfigError
from realtime_nb.lab.planning.order import Order, TrialSlot, schedule
from realtime_nb.lab.planning.price_bound import (
    ASSUMPTIONS,
    OUTPUT_TOKENS_WITH_BUDGET,
    TrialEstimate,
    estimate,
    gives_output_limit,
    has_sound,
    output_limit,
)
from realtime_nb.recording.no_math import NO_MATH
from realtime_nb.tools import Tool
from realtime_nb.tools.stub import stubbed_answer

_SHOWN_SLOTS = 4


class NotGiven:
    """The type of `NOT_GIVEN`."""

    def __repr__(self) -> str:
        return "not given"


NOT_GIVEN: Final = NotGiven()
"""The value of `budget_usd` where the user gave none, which is another thing than None: unlimited."""

BudgetUsd = float | None | NotGiven


_CROWDED = "with more than one session at once, latencies contain the waits for the others; concurrency=1 measures them"


@dataclass(frozen=True, eq=False, repr=False)
class SweepPlan:
    """What a sweep will do; shown as text, and as a table in a notebook.

    Attributes:
        utterances: what is said.
        variants: the settings that are compared, as they are sent: with `max_output_tokens` where a budget sets it.
        repeats: trials of each utterance with each variant.
        slots: the trials in the order in which they begin, as places of utterance, variant and repeat.
        warmups: trials before them, whose results are thrown away, in the same form.
        seed: of the order.
        scheme: `"blocks"`, `"shuffled"` or `"sequential"`.
        estimates: of one trial, by the places of utterance and variant.
        concurrency: sessions at a time.
        shared_part: why sessions would wait for each other, in words, or None.
        budget_usd: the most that may be spent; None: unlimited; or not given.
        max_minutes: the most minutes that it may take, or None.
        limited: names of the variants whose `max_output_tokens` the budget set.
        called: names of tools that are really called, at every trial.
        cached: how many trials the cache has; None where no cache was named.
        options: pace and limits of each session.
        grade_usd: the most that the grades of one answer usually cost; 0 where no grader costs anything, None where
            that is not known.
        measured: what a trial of a variant costs by those that the cache has, by the place of the variant.
    """

    utterances: Sequence[Utterance | Scenario]
    variants: Sequence[Variant]
    repeats: int
    slots: Sequence[TrialSlot]
    warmups: Sequence[TrialSlot]
    seed: int
    scheme: Order
    estimates: dict[tuple[int, int], TrialEstimate]
    concurrency: int
    shared_part: str | None
    budget_usd: BudgetUsd
    max_minutes: float | None
    limited: Sequence[str]
    called: Sequence[str]
    cached: int | None
    options: ReplayOptions
    grade_usd: float | None = 0.0
    measured: Mapping[int, float] = field(default_factory=dict)

    @property
    def trials(self) -> int:
        """How many trials count in the results; warm-ups do not."""
        return len(self.slots)

    @property
    def has_budget(self) -> bool:
        """Whether the user gave an amount."""
        return self.budget_usd is not None and not isinstance(self.budget_usd, NotGiven)

    @property
    def order(self) -> list[tuple[str, str, int]]:
        """Label of the utterance, name of the variant and number of the repeat, in the order in which trials begin."""
        return [
            (str(self.utterances[slot.utterance].label), self.variants[slot.variant].name, slot.repeat)
            for slot in self.slots
        ]

    @property
    def expected_usd(self) -> float | None:
        """What the sweep will probably cost, without what the cache has; None where a price is unknown.

        What trials of a variant have cost that the cache has comes before the estimate.
        """
        return self._sum("expected_usd")

    @property
    def short_usd(self) -> float | None:
        """What the sweep will probably cost where all answers are as short as a sentence; None as `expected_usd`."""
        return self._sum("short_usd")

    @property
    def bound_usd(self) -> float | None:
        """The most that all trials together can cost, without attempts that are repeated; None where it is open."""
        return self._sum("bound_usd")

    @property
    def trial_bound_usd(self) -> float | None:
        """The most that the dearest trial can cost; None where it is open."""
        return _largest([each.bound_usd for each in self.estimates.values()])

    @property
    def trial_first_usd(self) -> float | None:
        """The most that a trial sets aside as it begins; it asks before it may cost more. None where it is open."""
        return _largest([each.first_usd for each in self.estimates.values()])

    @property
    def expected_minutes(self) -> float:
        """How long the sweep will probably take."""
        seconds = [self.estimates[slot.utterance, slot.variant].expected_s for slot in (*self.slots, *self.warmups)]
        share = 1 - (self.cached or 0) / len(self.slots)
        at_once = max(1, min(self.concurrency, len(seconds)))
        return max(sum(seconds) * share / at_once, max(seconds) if share else 0.0) / 60

    @property
    def is_free(self) -> bool:
        """Whether no trial costs anything."""
        return all(each.bound_usd == 0 for each in self.estimates.values())

    @property
    def unknown(self) -> str | None:
        """Which price is missing, in words, or None."""
        return next((each.unknown for each in self.estimates.values() if each.unknown is not None), None)

    def _sum(self, name: str) -> float | None:
        slots = (*self.slots, *self.warmups)
        values = [getattr(self.estimates[slot.utterance, slot.variant], name) for slot in slots]
        if name in ("expected_usd", "short_usd"):
            values = [self.measured.get(slot.variant, value) for slot, value in zip(slots, values, strict=True)]
        share = 1 - (self.cached or 0) / len(self.slots)
        return None if None in values else math.fsum(values) * share

    def lines(self) -> list[tuple[str, str]]:
        """Return the plan as headings with their text."""
        lines = [("trials", self._trials()), ("order", self._order()), ("takes", self._takes())]
        if self.shared_part is not None and self.concurrency > 1:
            lines.append(("warning", f"{self.shared_part}: {_CROWDED}"))
        lines.append(("costs", self._costs()))
        if self.grade_usd != 0:
            most = "an amount that is not known" if self.grade_usd is None else f"at most {_usd(self.grade_usd)}"
            counts = ", which counts towards budget_usd" if self.has_budget else ""
            lines.append(("grades", f"cost {most} an answer, beside that{counts}"))
        if self.limited:
            lines.append(("limits", self._limits()))
        if self.cached is not None:
            lines.append(("cache", f"has {self.cached} of {self.trials} trials: they are not run again"))
        if self.called:
            names = ", ".join(self.called)
            lines.append(
                ("tools", f"{names}: really called in every trial; rt.stub({self.called[0]}, returns=...) is not")
            )
        lines.append(("assumes", ASSUMPTIONS))
        return lines

    def _trials(self) -> str:
        counts = [
            count(len(self.utterances), "utterance"),
            count(len(self.variants), "variant"),
            count(self.repeats, "repeat"),
        ]
        warm = f", after {count(len(self.warmups), 'warm-up')} that no result counts" if self.warmups else ""
        return f"{self.trials} = {' × '.join(counts)}{warm}"

    def _order(self) -> str:
        how = {
            "blocks": "random, in blocks of one utterance with all variants",
            "shuffled": "random within each repeat",
            "sequential": "one variant after the other: whatever drifts is taken for a difference",
        }[self.scheme]
        first = [f"{label!r} {name}" for label, name, _ in self.order[:_SHOWN_SLOTS]]
        more = "; …" if self.trials > _SHOWN_SLOTS else ""
        return f"{how}; seed {self.seed}: {'; '.join(first)}{more}"

    def _takes(self) -> str:
        longest = max(each.bound_s for each in self.estimates.values())
        paced = {
            "realtime": "sound as it was spoken, and the server's turn detection",
            "manual_commit": "sound as it was spoken, and a commit after it",
            "fast": "sound as fast as the server reads it, and a commit after it",
        }[self.options.pacing]
        limit = f"; max_minutes={self.max_minutes:g} is kept" if self.max_minutes is not None else ""
        takes = (
            f"about {_minutes(self.expected_minutes)} with {count(self.concurrency, 'session')} at once, and no trial "
            f"longer than {longest:.0f} s{limit}"
        )
        return f"{takes}; {paced}" if any(map(has_sound, self.utterances)) else takes

    def _costs(self) -> str:
        if self.is_free:
            return "nothing"
        given = not isinstance(self.budget_usd, NotGiven)
        if self.unknown is not None:
            text = f"{self.unknown} is unknown: give rt.Backend(url=..., prices=rt.Prices(...))"
            return f"{text}; budget_usd=None runs without a limit" + (", as asked" if given else "")
        text = f"about {_usd(self.expected_usd)}"
        if len(self.measured) == len(self.variants):
            text += " by what the trials in the cache have cost"
        else:
            text += f", or {_usd(self.short_usd)} where answers are a sentence each"
        if self.trial_bound_usd is not None:
            responses = max(each.max_responses for each in self.estimates.values())
            text += f", at most {_usd(self.bound_usd)} ({_usd(self.trial_bound_usd)} a trial of "
            text += f"{count(responses, 'response')}, before any is tried again)"
        if not given:
            return f"{text}; lab.run needs budget_usd=, in US dollars (None: unlimited)"
        if self.budget_usd is None or isinstance(self.budget_usd, NotGiven):
            return f"{text}; budget_usd=None: UNLIMITED, nothing stops the sweep"
        first = self.trial_first_usd
        text += f"; budget_usd={self.budget_usd:g} is never exceeded: a trial that could is not started"
        if first and self.trial_bound_usd and first < self.trial_bound_usd:
            text += (
                f" (each sets {_usd(first)} aside, and asks before it may cost more; where that is refused, it ends)"
            )
        at_once = int(self.budget_usd / first) if first else self.concurrency
        if at_once < self.concurrency:
            text += f" (so that it allows {count(at_once, 'session')} at once, and fewer as it is spent)"
        return text

    def _limits(self) -> str:
        number = OUTPUT_TOKENS_WITH_BUDGET
        who = "every variant" if len(self.limited) == len(self.variants) else ", ".join(self.limited)
        return (
            f"max_output_tokens={number} for {who}, since the budget needs a bound: a longer answer is cut and marked "
            "truncated"
        )

    def __repr__(self) -> str:
        return "Plan\n" + "\n".join(f"  {name:<8} {text}" for name, text in self.lines())

    def _repr_html_(self) -> str:
        cell = "style='text-align:left;vertical-align:top;padding:2px 10px 2px 0;white-space:normal'"
        rows = "".join(
            f"<tr><th {cell}>{html.escape(name)}</th><td {cell}>{html.escape(text)}</td></tr>"
            for name, text in self.lines()
        )
        caption = "<caption style='text-align:left'><b>Plan</b></caption>"
        return f"<table class='{NO_MATH}' style='max-width:60em'>{caption}{rows}</table>"


def make_plan(
    utterances: Sequence[Utterance | Scenario],
    variants: Sequence[Variant],
    *,
    repeats: int,
    order: Order,
    seed: int,
    warmup: int,
    options: ReplayOptions,
    billing_of: Callable[[Variant], Billing],
    concurrency: int,
    shared_part: str | None,
    budget_usd: BudgetUsd,
    max_minutes: float | None,
    grade_usd: float | None = 0.0,
    count_cached: Callable[[SweepPlan], tuple[int, Mapping[int, float]]] | None = None,
) -> SweepPlan:
    """Return the plan of a sweep.

    Args:
        utterances: of the experiment.
        variants: of the experiment.
        repeats: of the experiment.
        order: of the experiment.
        seed: of the order.
        warmup: trials of each variant beforehand.
        options: pace and limits of each session.
        billing_of: how a variant's backend is paid for.
        concurrency: sessions at a time.
        shared_part: why sessions would wait for each other, in words, or None.
        budget_usd: the most that may be spent.
        max_minutes: the most minutes that the run may take.
        grade_usd: the most that the grades of one answer usually cost; None where that is not known.
        count_cached: counts the trials of a plan that a cache has, and says what one of each variant costs; None: there
            is no cache.

    Raises:
        ConfigError: an option is invalid, or the price is unknown and there is a budget.
        BudgetError: the budget is below the bound of one trial.
    """
    check_whole("concurrency", concurrency, 1)
    check_whole("warmup", warmup, 0)
    check_whole("seed", seed, 0)
    _check_budget(budget_usd)
    _check_minutes(max_minutes)
    slots = schedule(len(utterances), len(variants), repeats, seed=seed, order=order)
    warmups = tuple(TrialSlot(0, variant, number) for number in range(warmup) for variant in range(len(variants)))
    limited: list[str] = []
    unlimited = budget_usd is None or isinstance(budget_usd, NotGiven)
    sent = [variant if unlimited else _with_limit(variant, limited) for variant in variants]
    billings = [billing_of(variant) for variant in sent]
    estimates = {
        (u, v): estimate(said, variant, billings[v], options)
        for u, said in enumerate(utterances)
        for v, variant in enumerate(sent)
    }
    plan = SweepPlan(
        utterances=tuple(utterances),
        variants=tuple(sent),
        repeats=repeats,
        slots=slots,
        warmups=warmups,
        seed=seed,
        scheme=order,
        estimates=estimates,
        concurrency=concurrency,
        shared_part=shared_part,
        budget_usd=budget_usd,
        max_minutes=max_minutes,
        limited=tuple(limited),
        called=tuple(_called(variants)),
        cached=None,
        options=options,
        grade_usd=grade_usd,
    )
    if plan.has_budget:
        _check_bounds(plan)
    _check_time(plan)
    if count_cached is None:
        return plan
    cached, measured = count_cached(plan)
    return replace(plan, cached=cached, measured=measured)


def check_budget_given(plan: SweepPlan) -> None:
    """Raise `ConfigError` where a sweep that costs money has no `budget_usd`."""
    if plan.is_free or not isinstance(plan.budget_usd, NotGiven):
        return
    cost = "an amount that is not known" if plan.unknown is not None else f"about {_usd(plan.expected_usd)}"
    raise ConfigError(
        f"budget_usd= is missing, and this sweep costs {cost}: give the most that it may cost in US dollars, such as "
        f"budget_usd={_proposal(plan)}, or None for no limit. lab.plan() shows the cost."
    )


def _proposal(plan: SweepPlan) -> str:
    expected = plan.expected_usd
    return "1.0" if expected is None else f"{max(0.01, math.ceil(expected * 200) / 100):.2f}"


def _with_limit(variant: Variant, limited: list[str]) -> Variant:
    if not gives_output_limit(variant):
        limited.append(variant.name)
        return replace(variant, settings={**variant.settings, "max_output_tokens": OUTPUT_TOKENS_WITH_BUDGET})
    if output_limit(variant) is None:
        raise ConfigError(
            f"the variant {variant.name!r} sets max_output_tokens='inf', and with a budget an answer needs a bound: "
            f"give a number, leave it out (then it is {OUTPUT_TOKENS_WITH_BUDGET}), or run with budget_usd=None"
        )
    return variant


def _check_bounds(plan: SweepPlan) -> None:
    budget = plan.budget_usd
    assert isinstance(budget, (int, float))
    if plan.unknown is not None:
        raise ConfigError(
            f"budget_usd={budget!r} can not be kept, because {plan.unknown} is unknown. Give the prices: "
            "rt.Backend(url=..., prices=rt.Prices(...)); or run without a limit: budget_usd=None."
        )
    (u, v), dearest = max(plan.estimates.items(), key=lambda item: item[1].bound_usd or 0.0)
    bound = dearest.bound_usd or 0.0
    if budget < bound:
        raise BudgetError(
            f"budget_usd={budget:g} is below what one trial can cost: {plan.utterances[u].label!r} with the variant "
            f"{plan.variants[v].name!r} costs at most {_usd(bound)} ({count(dearest.max_responses, 'response')} of at "
            f"most {output_limit(plan.variants[v])} tokens, {plan.options.limit_s:g} s of sound a turn). Raise the "
            "budget, or lower max_output_tokens, limit_s or max_responses.",
            limit="budget_usd",
            value=float(budget),
            used=0.0,
        )


def _check_time(plan: SweepPlan) -> None:
    longest = max(each.bound_s for each in plan.estimates.values())
    if plan.max_minutes is not None and plan.max_minutes * 60 < longest:
        raise ConfigError(
            f"max_minutes={plan.max_minutes:g} is shorter than one trial may take ({longest:.0f} s: limit_s= for each "
            "turn, and the opening): raise it, or lower limit_s"
        )


def _called(variants: Sequence[Variant]) -> list[str]:
    tools = [tool for variant in variants for tool in variant.whole["tools"]]
    own = [tool for tool in tools if isinstance(tool, Tool) and tool.function is not None]
    return list(dict.fromkeys(tool.name for tool in own if stubbed_answer(tool) is None))


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise `ConfigError` for a value that is no whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name}={value!r} must be a whole number of at least {least}")


def _check_budget(budget: Any) -> None:
    if budget is None or isinstance(budget, NotGiven):
        return
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not math.isfinite(budget) or budget < 0:
        raise ConfigError(f"budget_usd={budget!r} must be US dollars: a number, 0 or more, or None for no limit")


def _check_minutes(minutes: Any) -> None:
    if minutes is None:
        return
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0:
        raise ConfigError(f"max_minutes={minutes!r} must be a number of minutes above 0, or None")


def _largest(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as `"1 trial"` and `"2 trials"`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _usd(amount: float | None) -> str:
    if amount is None:
        return "an unknown amount"
    if amount >= 0.1 or amount == 0:
        return f"${amount:.2f}"
    return f"${amount:.{1 - math.floor(math.log10(amount))}f}"  # two digits that count


def _minutes(minutes: float) -> str:
    if minutes < 2:
        return f"{max(1, round(minutes * 60))} s"
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
