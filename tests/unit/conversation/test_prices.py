from __future__ import annotations

from pathlib import Path

import pytest

from realtime_nb.conversation.prices import CURRENCY_SIGN, response_cost_usd, transcription_cost_usd
from realtime_nb.conversation.usage import Usage, from_response, from_transcription
from realtime_nb.wire.realtime import DurationUsage, ResponseUsage, TokenUsage

from .dsl import conversation


def test_cached_tokens_are_a_part_of_the_input_and_cheaper() -> None:
    usage = Usage(
        input_tokens=1_000_000, input_text_tokens=1_000_000, cached_tokens=400_000, cached_text_tokens=400_000
    )
    assert response_cost_usd(usage, "gpt-realtime-2.1") == pytest.approx(0.6 * 4.0 + 0.4 * 0.4)


def test_sound_and_text_have_their_own_prices() -> None:
    usage = Usage(
        input_tokens=1_000_000,
        input_audio_tokens=1_000_000,
        output_tokens=2_000_000,
        output_text_tokens=1_000_000,
        output_audio_tokens=1_000_000,
    )
    assert response_cost_usd(usage, "gpt-realtime-2.1-mini") == pytest.approx(10 + 2.4 + 20)


def test_dated_snapshot_has_its_models_price_and_a_prefix_has_none() -> None:
    usage = Usage(input_tokens=1000, input_text_tokens=1000)
    dated = response_cost_usd(usage, "gpt-4o-realtime-preview-2025-06-03")
    assert dated == response_cost_usd(usage, "gpt-4o-realtime-preview")
    assert response_cost_usd(usage, "gpt-realtime-2.1-turbo") is None
    assert response_cost_usd(usage, None) is None


def test_image_cost_is_unknown_where_the_model_has_no_image_price() -> None:
    usage = Usage(input_tokens=1000, input_image_tokens=1000)
    assert response_cost_usd(usage, "gpt-4o-realtime-preview") is None
    assert response_cost_usd(usage, "gpt-realtime-2.1") == pytest.approx(0.005)


def test_tokens_without_a_kind_are_priced_as_text() -> None:
    bare = from_response(ResponseUsage(input_tokens=1_000_000, output_tokens=0))
    assert response_cost_usd(bare, "gpt-realtime-2") == pytest.approx(4.0)


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
    assert script.play(Conversation(free=True)).usage.cost_usd == 0.0
    assert (script.play().usage.cost_usd or 0) > 0


def test_null_usage_is_ignored() -> None:
    assert from_response(ResponseUsage()).total_tokens == 0
    script = conversation().begin().message("hello").end(usage=False)
    assert script.play().usage.responses == 0


def test_card_shows_costs_with_the_currency_sign_of_the_prices() -> None:
    header = Path(__file__).parents[3] / "js/src/view/header.ts"
    assert f"`{CURRENCY_SIGN}${{usd.toFixed(2)}}`" in header.read_text(encoding="utf-8")
