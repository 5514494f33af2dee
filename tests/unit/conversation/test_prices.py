from __future__ import annotations

from pathlib import Path

import pytest

from realtime_nb.conversation.prices import (
    CURRENCY_SIGN,
    FREE,
    Billing,
    Prices,
    response_cost_usd,
    transcription_cost_usd,
)
from realtime_nb.conversation.usage import Usage, from_response, from_transcription
from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime import DurationUsage, ResponseUsage, TokenUsage

from .dsl import conversation


def cost_usd(usage: Usage, model: str | None) -> float | None:
    return response_cost_usd(usage, Billing().prices_of(model))


def test_cached_tokens_are_a_part_of_the_input_and_cheaper() -> None:
    usage = Usage(
        input_tokens=1_000_000, input_text_tokens=1_000_000, cached_tokens=400_000, cached_text_tokens=400_000
    )
    assert cost_usd(usage, "gpt-realtime-2.1") == pytest.approx(0.6 * 4.0 + 0.4 * 0.4)


def test_sound_and_text_have_their_own_prices() -> None:
    usage = Usage(
        input_tokens=1_000_000,
        input_audio_tokens=1_000_000,
        output_tokens=2_000_000,
        output_text_tokens=1_000_000,
        output_audio_tokens=1_000_000,
    )
    assert cost_usd(usage, "gpt-realtime-2.1-mini") == pytest.approx(10 + 2.4 + 20)


def test_dated_snapshot_has_its_models_price_and_a_prefix_has_none() -> None:
    usage = Usage(input_tokens=1000, input_text_tokens=1000)
    dated = cost_usd(usage, "gpt-4o-realtime-preview-2025-06-03")
    assert dated == cost_usd(usage, "gpt-4o-realtime-preview")
    assert cost_usd(usage, "gpt-realtime-2.1-turbo") is None
    assert cost_usd(usage, None) is None


def test_image_cost_is_unknown_where_the_model_has_no_image_price() -> None:
    usage = Usage(input_tokens=1000, input_image_tokens=1000)
    assert cost_usd(usage, "gpt-4o-realtime-preview") is None
    assert cost_usd(usage, "gpt-realtime-2.1") == pytest.approx(0.005)


def test_tokens_without_a_kind_are_priced_as_text() -> None:
    bare = from_response(ResponseUsage(input_tokens=1_000_000, output_tokens=0))
    assert cost_usd(bare, "gpt-realtime-2") == pytest.approx(4.0)


def test_a_transcription_is_priced_in_the_unit_it_is_billed_in() -> None:
    minute = from_transcription(DurationUsage(seconds=60))
    assert transcription_cost_usd(minute, "gpt-realtime-whisper") == pytest.approx(0.017)
    assert transcription_cost_usd(minute, "gpt-4o-transcribe") is None
    tokens = from_transcription(TokenUsage(input_tokens=1_000_000, output_tokens=1_000_000))
    assert transcription_cost_usd(tokens, "gpt-4o-transcribe") == pytest.approx(12.5)
    assert transcription_cost_usd(tokens, "gpt-realtime-whisper") is None


def test_usages_add_up_and_one_unknown_price_makes_the_sum_unknown() -> None:
    a, b = Usage(responses=1, input_tokens=3, cost_usd=0.5), Usage(responses=2, input_tokens=4, cost_usd=0.25)
    assert a + b == Usage(responses=3, input_tokens=7, cost_usd=0.75)
    assert (a + Usage(cost_usd=None)).cost_usd is None


def test_local_backend_costs_nothing_for_any_model_name() -> None:
    from realtime_nb.conversation import Conversation

    script = conversation().user("hi").assistant("hello")
    assert script.play(Conversation(billing=Billing(FREE))).usage.cost_usd == 0.0
    assert (script.play().usage.cost_usd or 0) > 0


def test_complete_response_without_usage_makes_the_cost_unknown() -> None:
    assert from_response(ResponseUsage()).total_tokens == 0
    used = conversation().begin().message("hello").end(usage=False).play().usage
    assert (used.responses, used.unreported, used.cost_usd) == (0, 1, None)


def test_cancelled_response_without_usage_is_left_out_of_the_cost_and_counted() -> None:
    script = conversation().begin().message("hello").end().begin().message("and").end(status="cancelled", usage=False)
    used = script.play().usage
    assert (used.responses, used.unreported) == (1, 1)
    assert used.cost_usd


def test_free_backend_needs_no_usage() -> None:
    from realtime_nb.conversation import Conversation

    script = conversation().begin().message("hello").end(usage=False)
    used = script.play(Conversation(billing=Billing(FREE))).usage
    assert (used.unreported, used.cost_usd) == (0, 0.0)


def test_given_prices_hold_for_any_model_and_cached_input_costs_the_full_price_where_none_is_given() -> None:
    prices = Prices(text_in=1, text_out=2, audio_in=3)
    usage = Usage(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=1_000_000)
    assert response_cost_usd(usage, Billing(prices, "gpt-realtime-2.1").prices_of("another")) == pytest.approx(3.0)
    spoken = Usage(output_tokens=10, output_audio_tokens=10)
    assert response_cost_usd(spoken, prices) is None


def test_model_of_the_server_comes_before_the_model_that_was_asked_for() -> None:
    billing = Billing(model="gpt-realtime-2.1")
    assert billing.prices_of(None) == billing.prices_of("gpt-realtime-2")
    assert billing.prices_of("of-the-server") is None


def test_given_prices_of_transcription_come_before_those_of_the_model() -> None:
    minute = from_transcription(DurationUsage(seconds=60))
    prices = Prices(text_in=1, text_out=2, transcription_minute=0.5)
    assert transcription_cost_usd(minute, "whisper-of-mine", prices) == pytest.approx(0.5)
    assert transcription_cost_usd(minute, "gpt-realtime-whisper", Prices(text_in=1, text_out=2)) == pytest.approx(0.017)
    assert transcription_cost_usd(minute, "whisper-of-mine", FREE) == 0.0


@pytest.mark.parametrize("value", [-1, True, "4", float("nan"), float("inf")])
def test_a_price_is_a_number_of_dollars(value: object) -> None:
    with pytest.raises(ConfigError, match=r"Prices\(audio_in=.* must be US dollars for a million tokens"):
        Prices(text_in=1, text_out=2, audio_in=value)  # type: ignore[arg-type]


def test_card_shows_costs_with_the_currency_sign_of_the_prices() -> None:
    header = Path(__file__).parents[3] / "js/src/view/header.ts"
    assert f"`{CURRENCY_SIGN}${{usd.toFixed(2)}}`" in header.read_text(encoding="utf-8")
