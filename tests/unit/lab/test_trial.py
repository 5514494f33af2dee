"""From a record to rows: one a user turn, plain values, nothing lost where a session failed."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.replay.trace import ReplayRecord, StampedEvent, TrialTrace
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation import FREE, Billing, Prices
from realtime_nb.lab.trial import Trial, TrialSetup, outcome_of, unit_hash
from realtime_nb.wire.realtime import decode_server

_PRICES = Prices(text_in=1.0, text_out=1.0, audio_in=1.0, audio_out=1.0)
_SETUP = TrialSetup(order_seed=7)


def _stamped(*events: dict[str, Any]) -> tuple[StampedEvent, ...]:
    return tuple(StampedEvent(100.0 * place, decode_server(json.dumps(event))) for place, event in enumerate(events))


def _answered(tokens: int = 1000) -> TrialTrace:
    usage = {"total_tokens": 2 * tokens, "input_tokens": tokens, "output_tokens": tokens}
    response = {"id": "r1", "object": "realtime.response", "status": "completed", "output": [], "usage": usage}
    delta = {"type": "response.output_audio.delta", "response_id": "r1", "item_id": "i1", "delta": "AAABAAIA"}
    events = _stamped(
        {"type": "response.created", "response": {"id": "r1", "status": "in_progress"}},
        delta | {"output_index": 0, "content_index": 0},
        {"type": "response.done", "response": response},
    )
    return TrialTrace(events=events, speech_end_at_ms=0.0, speech=None)


def _trial(said: Any = None, **options: Any) -> Trial:
    variant = Variant("brief", {"instructions": "Be brief.", "turn_detection": None})
    return Trial("id1", said or Utterance("What is the time?"), variant, 2, 5, **options)


def test_row_holds_the_settings_the_measures_and_where_it_ran() -> None:
    record = ReplayRecord(turns=(_answered(),), billing=Billing(_PRICES), billed=True)
    outcome = outcome_of(_trial(bound_usd=0.1), record, _SETUP)
    (row,) = outcome.rows
    assert row["instructions"] == "Be brief."
    assert row["turn_detection"] == "none"
    assert row["voice"] is None
    assert (row["said"], row["variant"], row["repeat"], row["place"], row["order_seed"]) == (
        "What is the time?", "brief", 2, 5, 7
    )  # fmt: skip
    assert row["total_ms"] == 200.0
    assert row["cost_usd"] == outcome.attempt.cost_usd == 0.002
    assert row["error"] is None
    assert json.loads(json.dumps(row)) == row


def test_session_that_never_opened_has_a_row_for_each_turn_and_no_measures() -> None:
    scenario = Scenario(["Hello.", "And now?"], label="two")
    record = ReplayRecord(turns=(), error="refused", retryable=True, retry_after_s=2.0)
    outcome = outcome_of(_trial(scenario), record, _SETUP)
    assert [(row["turn"], row["utterance"]) for row in outcome.rows] == [(0, "two, turn 1"), (1, "two, turn 2")]
    assert {row["error"] for row in outcome.rows} == {"refused"}
    assert {row["total_ms"] for row in outcome.rows} == {row["missed"] for row in outcome.rows} == {None}
    assert outcome.retryable
    assert outcome.attempt.cost_usd == 0.0


def test_answer_that_broke_off_has_no_known_cost_and_is_not_repeated() -> None:
    record = ReplayRecord(
        turns=(_answered(),), billing=Billing(_PRICES), billed=True, error="closed", retryable=True
    )  # fmt: skip
    outcome = outcome_of(_trial(), record, _SETUP)
    assert outcome.attempt.cost_usd is None
    assert not outcome.retryable


@pytest.mark.parametrize("turns", [(), (_answered(),)], ids=["nothing measured", "an answer"])
def test_answer_that_broke_off_costs_nothing_on_a_free_backend(turns: tuple[TrialTrace, ...]) -> None:
    record = ReplayRecord(turns=turns, billing=Billing(FREE), billed=True, error="no whole answer came")
    outcome = outcome_of(_trial(), record, _SETUP)
    assert outcome.attempt.cost_usd == 0.0
    assert [row["cost_usd"] for row in outcome.rows] == [0.0]


def test_turn_of_a_scenario_is_another_unit_when_another_turn_was_said_before_it() -> None:
    sound = Utterance(samples=np.full(2400, 9, np.int16))
    one, other = Scenario(["A", BargeIn(sound, 200)], "s"), Scenario(["B", BargeIn(sound, 200)], "s")
    assert len({unit_hash(one, 0), unit_hash(one, 1), unit_hash(other, 1), unit_hash(sound)}) == 4
    assert unit_hash(Scenario(["A", BargeIn(sound, 300)], "s"), 1) != unit_hash(one, 1)


def test_sound_of_a_turn_in_a_scenario_is_found_by_its_own_hash() -> None:
    sound = Utterance(samples=np.full(2400, 9, np.int16))
    record = ReplayRecord(turns=(), error="refused")
    rows = outcome_of(_trial(Scenario(["A", BargeIn(sound, 200)], "s")), record, _SETUP).rows
    assert [row["sound_hash"] for row in rows] == [None, sound.hash]
    assert rows[1]["utterance_hash"] != sound.hash


def test_key_in_an_error_is_not_in_the_rows() -> None:
    key = "sk-" + "secret1234567890"
    error = {"type": "error", "error": {"type": "x", "message": f"bad key {key}"}}
    trace = TrialTrace(events=_stamped(error), speech_end_at_ms=0.0, speech=None, error=f"bad key {key}")
    outcome = outcome_of(_trial(), ReplayRecord(turns=(trace,), error=f"bad key {key}"), _SETUP)
    assert key not in repr(outcome.rows) + repr(outcome)


def test_outcome_travels_to_another_process() -> None:
    outcome = outcome_of(_trial(), ReplayRecord(turns=(_answered(),)), _SETUP)
    there = pickle.loads(pickle.dumps(outcome))
    assert (there.rows, there.attempt) == (outcome.rows, outcome.attempt)
    assert there.record is not None
    assert there.record.turns[0].events[1].event.audio == bytes([0, 0, 1, 0, 2, 0])


@pytest.mark.parametrize("score", [float("nan"), np.float32(0.5), float("inf")])
def test_curve_of_a_user_gives_plain_numbers(score: Any) -> None:
    setup = TrialSetup(curve=lambda turn: score)
    (row,) = outcome_of(_trial(), ReplayRecord(turns=(_answered(),)), setup).rows
    assert json.loads(json.dumps(row, allow_nan=False))["turn_taking"] in (None, 0.5)
