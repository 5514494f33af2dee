"""Stopping a sweep early: when, from which rows, and how the answers after a stop are judged."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.early_stop import EarlyStop, complete_rounds, decide
from realtime_nb.lab.results.results import Results
from tests.unit.lab.results.sweeps import failed, rows_of

VOICES: dict[str, dict[str, Any]] = {name: {"voice": name} for name in ("a", "b", "c")}
PLAN = EarlyStop(rounds=6, setting="voice")


def _rows(late_ms: float, seed: int = 1) -> list[dict[str, Any]]:
    shifts = {"a": 0.0, "b": late_ms, "c": 2 * late_ms}
    return rows_of(VOICES, utterances=15, repeats=6, seed=seed, shift_ms=lambda settings: shifts[settings["voice"]])


def test_large_differences_end_a_sweep_before_its_last_round_and_equal_variants_do_not() -> None:
    large = [decide(_rows(400.0), PLAN, done) for done in range(1, 7)]
    assert [each.stop for each in large].index(True) < 4
    assert large[-1].clear == {"b": True, "c": True}
    equal = [decide(_rows(0.0), PLAN, done) for done in range(1, 7)]
    assert not any(each.stop for each in equal)
    assert "clear by speech_end_to_first_audible_ms after 6 of 6 rounds: none" in equal[-1].reason


def test_it_goes_on_while_one_comparison_is_open() -> None:
    shifts = {"a": 0.0, "b": 0.0, "c": 900.0}
    rows = rows_of(VOICES, utterances=15, repeats=6, shift_ms=lambda settings: shifts[settings["voice"]])
    last = decide(rows, PLAN, 5)
    assert last.clear == {"b": False, "c": True}
    assert not last.stop


def test_looks_are_stricter_at_first() -> None:
    levels = [decide(_rows(0.0), PLAN, done).level for done in range(1, 7)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 0.9999
    assert levels[-1] > 0.95


def test_rows_of_later_rounds_are_not_looked_at() -> None:
    rows = _rows(400.0)
    early = [each for each in rows if each["repeat"] < 2]
    later = [{**each, "speech_end_to_first_audible_ms": 1e6} for each in rows if each["repeat"] >= 2]
    assert decide([*early, *later], PLAN, 2) == decide(early, PLAN, 2)


def test_missing_values_decide_nothing() -> None:
    lost = [failed(each) if each["voice"] == "c" else each for each in _rows(400.0)]
    found = decide(lost, PLAN, 6)
    assert not found.stop
    assert found.clear == {"b": True}
    every = decide([failed(each) for each in _rows(400.0)], PLAN, 3)
    assert not every.stop
    assert "all missing" in every.reason
    assert not decide([each for each in _rows(400.0) if each["voice"] == "a"], PLAN, 3).stop


def test_no_look_before_the_first() -> None:
    plan = EarlyStop(rounds=6, setting="voice", first=4)
    assert not decide(_rows(900.0), plan, 3).stop
    assert decide(_rows(900.0), plan, 4).stop


def test_complete_rounds_need_every_utterance_with_every_variant() -> None:
    rows = _rows(0.0)
    assert complete_rounds(rows, 45) == 6
    assert complete_rounds(rows[:-1], 45) == 5
    assert complete_rounds([failed(each) for each in rows], 45) == 6
    assert complete_rounds(rows[:44], 45) == 0
    assert complete_rounds([{**each, "warmup": True} for each in rows], 45) == 0
    turns = [{**each, "turn": turn, "utterance_hash": f"{turn}"} for each in rows[:30] for turn in range(3)]
    assert complete_rounds(turns, 45) == 0
    assert complete_rounds(rows, 0) == 0


def test_answers_after_a_stop_use_the_level_of_the_look_and_its_rounds() -> None:
    rows = [each for each in _rows(400.0) if each["repeat"] < 3]
    stopped = Results(rows, early=(PLAN, 2)).compare("voice")
    plain = Results(rows).compare("voice")
    assert stopped[0].decisive.n_trials == 15 * 2 * 2
    assert stopped[0].decisive.level == decide(rows, PLAN, 2).level
    assert stopped[0].decisive.high - stopped[0].decisive.low > plain[0].decisive.high - plain[0].decisive.low
    assert any("Look after 2 of 6 rounds" in note for note in stopped.notes)
    other = Results(rows, early=(PLAN, 2)).compare("voice", metric="total_ms")
    assert other[0].decisive.level == 0.95
    assert not any("Look" in note for note in other.notes)


def test_bad_plans_are_refused() -> None:
    for bad in (
        {"rounds": 0},
        {"rounds": 3, "alpha": 2.0},
        {"rounds": 3, "first": 4},
        {"rounds": 3, "spending": "all"},
    ):
        with pytest.raises(ConfigError):
            EarlyStop(**bad)
