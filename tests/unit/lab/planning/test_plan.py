"""The plan says what a sweep costs, and refuses a budget that cannot be kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation.prices import FREE, Billing, Prices, response_cost_usd
from realtime_nb.conversation.usage import Usage
from realtime_nb.lab.planning.plan import NOT_GIVEN, SweepPlan, check_budget_given, make_plan
from realtime_nb.lab.planning.price_bound import estimate, max_responses

_PRICES = Prices(text_in=4, text_out=16, audio_in=32, audio_out=64, transcription_in=1.25, transcription_out=5)
_PAID = Billing(_PRICES)


def _recording(*parts_s: float) -> Utterance:
    """A recording of noise and pauses by turns, in seconds."""
    rng = np.random.default_rng(0)
    pieces = [
        rng.integers(-9000, 9000, int(24_000 * s)) if n % 2 == 0 else np.zeros(int(24_000 * s))
        for n, s in enumerate(parts_s)
    ]
    return Utterance(samples=np.concatenate(pieces).astype(np.int16), label="recording")


def send_mail(to: str) -> str:
    """Send a mail."""
    return to


_SPOKEN = _recording(1.0)


def _plan(
    variants: Any = None, utterances: Any = None, *, billing: Billing = _PAID, budget: Any = NOT_GIVEN, **more: Any
) -> SweepPlan:
    given: dict[str, Any] = {
        "repeats": 3,
        "order": "blocks",
        "seed": 0,
        "warmup": 1,
        "options": ReplayOptions(),
        "concurrency": 8,
        "shared_part": None,
        "max_minutes": None,
        **more,
    }
    return make_plan(
        utterances or [_SPOKEN, Utterance("Hello")],
        variants or [Variant("a"), Variant("b", {"voice": "marin"})],
        billing_of=lambda _: billing,
        budget_usd=budget,
        **given,
    )


def test_a_budget_gives_each_answer_a_limit_and_the_plan_shows_it() -> None:
    plan = _plan([Variant("a"), Variant("b", {"max_output_tokens": 50})], budget=5.0)
    assert [variant.payload["max_output_tokens"] for variant in plan.variants] == [400, 50]
    assert "max_output_tokens=400 for a" in repr(plan)
    assert _plan(budget=None).variants[0].payload["max_output_tokens"] == "inf"
    assert "max_output_tokens=400" not in repr(_plan())


def test_a_limit_in_further_fields_counts_as_given() -> None:
    plan = _plan([Variant("a", session={"max_output_tokens": 70})], budget=5.0)
    assert plan.variants[0].payload["max_output_tokens"] == 70
    assert not plan.limited


def test_a_budget_below_one_trial_is_refused_with_the_trial() -> None:
    bound = _plan(budget=5.0).trial_bound_usd
    assert bound is not None
    with pytest.raises(rt.BudgetError, match="'recording'") as refused:
        _plan(budget=bound * 0.99)
    assert (refused.value.limit, refused.value.value) == ("budget_usd", bound * 0.99)
    assert _plan(budget=bound * 1.01).trials == 12


@pytest.mark.parametrize(
    ("billing", "missing"),
    [
        (Billing(None, "some-model"), "some-model"),
        (Billing(None, None), "price of the model"),
        (Billing(Prices(text_in=1, text_out=1)), "audio_in"),
        (Billing(Prices(text_in=1, text_out=1, audio_in=1)), "audio_out"),
    ],
)
def test_an_unknown_price_is_refused_with_a_budget_only(billing: Billing, missing: str) -> None:
    with pytest.raises(rt.ConfigError, match=missing):
        _plan(billing=billing, budget=100.0)
    for budget in (None, NOT_GIVEN):
        plan = _plan(billing=billing, budget=budget)
        assert plan.expected_usd is None
        assert missing in repr(plan)


def test_the_price_of_a_transcription_counts() -> None:
    unknown = Prices(text_in=4, text_out=16, audio_in=32, audio_out=64)
    other = [Variant("a", {"transcription": "my-ears"})]
    with pytest.raises(rt.ConfigError, match="my-ears"):
        _plan(other, billing=Billing(unknown), budget=100.0)
    assert _plan([Variant("a", {"transcription": False})], billing=Billing(unknown), budget=100.0).bound_usd


def test_a_budget_is_required_unless_the_backend_is_free() -> None:
    with pytest.raises(rt.ConfigError, match="budget_usd="):
        check_budget_given(_plan())
    with pytest.raises(rt.ConfigError, match="not known"):
        check_budget_given(_plan(billing=Billing(None)))
    for plan in (_plan(billing=Billing(FREE)), _plan(budget=None), _plan(budget=9)):
        check_budget_given(plan)
    assert "UNLIMITED" in repr(_plan(budget=None))
    assert "costs    nothing" in repr(_plan(billing=Billing(FREE)))


def test_an_explicit_inf_is_refused_with_a_budget() -> None:
    with pytest.raises(rt.ConfigError, match="'inf'"):
        _plan([Variant("a", {"max_output_tokens": "inf"})], budget=5.0)


@pytest.mark.parametrize(
    "options",
    [
        {"budget": -1},
        {"budget": "0.5"},
        {"budget": float("nan")},
        {"max_minutes": 0},
        {"max_minutes": 1.0},
        {"concurrency": 0},
        {"concurrency": 2.5},
        {"repeats": 0},
        {"order": "best"},
        {"seed": -1},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(rt.ConfigError):
        _plan(**options)


def test_real_tools_are_named_and_stubs_are_not() -> None:
    assert "really called" in repr(_plan([Variant("a", {"tools": [send_mail]})]))
    assert "really called" not in repr(_plan([Variant("a", {"tools": [rt.stub(send_mail, returns="ok")]})]))


def test_the_plan_in_html_shows_untrusted_labels_as_text() -> None:
    said = [Utterance(text="hi", label="<script>alert(1)</script>")]
    shown = _plan(utterances=said)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_the_order_is_that_of_the_seed() -> None:
    assert _plan().order == _plan().order
    assert _plan(seed=1).order != _plan().order
    assert len(_plan().order) == 12


@pytest.mark.parametrize(
    ("said", "settings", "pacing", "most"),
    [
        (_recording(1.0), {}, "realtime", 2),
        (_recording(1.0, 0.3, 1.0), {}, "realtime", 2),
        (_recording(1.0, 0.3, 0.5, 0.3, 0.5), {}, "realtime", 3),
        (_recording(1.0, 0.3, 1.0), {"turn_detection": None}, "realtime", 1),
        (_recording(1.0, 0.3, 1.0), {}, "manual_commit", 1),
        (Utterance("typed"), {}, "realtime", 1),
        (Utterance("typed"), {"tools": [send_mail]}, "realtime", 8),
        (rt.Scenario(["a", "b"], label="s"), {}, "realtime", 2),
    ],
)
def test_how_many_responses_a_session_may_have(said: Any, settings: Any, pacing: Any, most: int) -> None:
    assert max_responses(said, Variant("v", settings), ReplayOptions(pacing=pacing)) == most


def _billed(seed: int) -> tuple[float, float]:
    """Return the cost of a session that a server makes as dear as its limits allow, and the bound."""
    rng = np.random.default_rng(seed)
    options = ReplayOptions(limit_s=float(rng.integers(2, 60)))
    limit = int(rng.integers(1, 400))
    said = _recording(1.0, 0.3, 1.0)
    variant = Variant("v", {"max_output_tokens": limit, "instructions": "x" * int(rng.integers(0, 4000))})
    found = estimate(said, variant, _PAID, options)
    context, cost = int(options.limit_s * 10), 0.0
    for number in range(found.max_responses + 1):  # and the one that ends the session
        heard = context + number * limit
        text = len(str(variant.settings["instructions"])) + 200
        usage = Usage(
            input_tokens=heard + text,
            input_text_tokens=text,
            input_audio_tokens=heard,
            output_tokens=limit,
            output_audio_tokens=limit,
        )
        cost += response_cost_usd(usage, _PRICES) or 0.0
    cost += options.limit_s * 10 * (1.25 + 5) / 1e6
    assert found.bound_usd is not None
    return cost, found.bound_usd


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_holds_for_the_dearest_server_and_is_not_far_above(seed: int) -> None:
    cost, bound = _billed(seed)
    assert cost <= bound <= 1.3 * cost + 0.02


def test_a_free_backend_needs_no_limit() -> None:
    found = estimate(_SPOKEN, Variant("v"), Billing(FREE), ReplayOptions())
    assert (found.bound_usd, found.expected_usd) == (0.0, 0.0)
    assert estimate(_SPOKEN, Variant("v"), _PAID, ReplayOptions()).bound_usd is None


def test_what_a_cache_has_is_counted() -> None:
    plan = _plan(budget=5.0)
    half = replace(plan, cached=6)
    assert plan.expected_usd is not None
    assert half.expected_usd == pytest.approx(plan.expected_usd / 2)
    assert "has 6 of 12 trials" in repr(half)


def test_a_budget_of_few_bounds_says_how_many_sessions_it_allows() -> None:
    first, bound = _plan(budget=100.0).trial_first_usd, _plan(budget=100.0).trial_bound_usd
    assert first is not None
    assert bound is not None
    assert first < bound / 3
    most = int(1.1 * bound / first)
    assert f"allows {most} sessions at once" in repr(_plan(budget=1.1 * bound))
    assert "at once, and fewer" not in repr(_plan(budget=9 * bound))


def test_a_plan_says_what_short_answers_cost_and_what_the_cache_has_measured() -> None:
    plan = _plan(budget=5.0)
    assert plan.expected_usd is not None
    assert plan.short_usd is not None
    assert plan.short_usd < plan.expected_usd / 1.5
    assert "where answers are a sentence each" in repr(plan)
    measured = replace(plan, cached=6, measured=dict.fromkeys(range(len(plan.variants)), 0.001))
    assert measured.expected_usd == pytest.approx(0.001 * (len(plan.slots) + len(plan.warmups)) / 2)
    assert "by what the trials in the cache have cost" in repr(measured)
