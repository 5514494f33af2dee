"""Money in sessions of spoken turns, on servers that detect turns: the server's own bill is what counts.

`python -m tests.bench.lab_budget --spoken 40` has the large plans.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import realtime_nb as rt
from realtime_nb.backends import connector_of
from realtime_nb.client.replay.allowance import SessionUse
from realtime_nb.client.replay.replay import replay
from realtime_nb.client.variant import Variant
from realtime_nb.lab.trial import Trial, TrialSetup, outcome_of
from tests.spoken_plans import PRICES, billed, spoken_plan
from tests.swept import paused_recording

_SETTINGS = {"turn_detection": rt.ServerVad(silence_duration_ms=200), "transcription": False}
_ANSWER = rt.testing.Reply(text="so it is", audio_ms=6_000)


class _Guard:
    """Refuses everything from a number of questions on."""

    def __init__(self, granted: int) -> None:
        self.granted = granted
        self.asked: list[SessionUse] = []

    def allows(self, use: SessionUse) -> bool:
        self.asked.append(use)
        return len(self.asked) <= self.granted


@pytest.mark.parametrize(
    ("kind", "seed", "recordings"),
    [("full", 3, 3), pytest.param("pauses", 3, 8, marks=pytest.mark.long)],
)
async def test_spoken_plan_never_exceeds_its_budget_and_uses_it(
    kind: str, seed: int, recordings: int, tmp_path: Path
) -> None:
    end = await spoken_plan(seed, tmp_path / "run", kind=kind, bounds=2.0, most_recordings=recordings)
    assert end.ended
    assert end.billed >= 0.9


async def test_refused_session_ends_in_the_pause_at_a_known_cost() -> None:
    """The server has answered in a pause, and could answer again: the session ends before it can."""
    variant, guard = Variant("v", _SETTINGS), _Guard(0)
    with billed() as bill, rt.testing.SimulatedBackend(base_ms=20, answers=_ANSWER) as server:
        setup = TrialSetup(backend=rt.Backend(url=server.url, prices=PRICES))
        said = paused_recording([600], seconds=0.35)
        record = await replay(said, variant, connector_of(variant, backend=setup.backend), guard=guard)
    assert record.error is not None
    assert record.error.startswith("ended by the budget")
    assert (record.by_budget, record.settled, record.retryable) == (True, True, False)
    assert (bill.responses, bill.left) == (1, 0)
    outcome = outcome_of(Trial("id", said, variant, 0, 0), record, setup)
    assert outcome.by_budget
    assert outcome.attempt.cost_usd == pytest.approx(bill.usd)


async def test_late_server_is_not_sent_a_second_pause_that_it_could_answer() -> None:
    """It has read half of the sound when all of it was spoken, and would answer twice before its client knows."""
    variant, guard = Variant("v", _SETTINGS), _Guard(0)
    said = paused_recording([600, 600], seconds=0.35)
    with billed() as bill, rt.testing.SimulatedBackend(base_ms=20, answers=_ANSWER, append_work_ms=250) as server:
        setup = TrialSetup(backend=rt.Backend(url=server.url, prices=PRICES))
        record = await replay(said, variant, connector_of(variant, backend=setup.backend), guard=guard)
    assert (record.by_budget, record.settled) == (True, True)
    assert (bill.responses, bill.left) == (1, 0)
    outcome = outcome_of(Trial("id", said, variant, 0, 0), record, setup)
    assert outcome.attempt.cost_usd == pytest.approx(bill.usd)


async def test_session_whose_answer_is_the_last_one_goes_on_without_more_money() -> None:
    """The whole recording is answered: without further sound the server begins nothing, and the answer is kept."""
    variant, guard = Variant("v", _SETTINGS), _Guard(0)
    with billed() as bill, rt.testing.SimulatedBackend(base_ms=20, answers=_ANSWER, sound_pace=4) as server:
        connector = connector_of(variant, backend=rt.Backend(url=server.url, prices=PRICES))
        record = await replay(paused_recording([80], seconds=0.35), variant, connector, guard=guard)
        (sent,) = server.inputs
    assert (record.error, record.by_budget, bill.responses) == (None, False, 1)
    assert [use.needed for use in guard.asked] == [False]
    assert sent.samples < 24_000 * 1.5  # 0.8 s of recording, and silence until the answer began


async def test_tool_that_was_called_gets_no_response_where_it_is_refused() -> None:
    calls = []

    def look_up(word: str) -> str:
        """Look a word up."""
        calls.append(word)
        return "found"

    def answers(asked: rt.testing.Asked) -> rt.testing.Reply:
        return rt.testing.Reply(calls=[rt.testing.Call("look_up", {"word": "a"})])

    variant, guard = Variant("v", {"tools": [look_up], "output": "text"}), _Guard(0)
    with billed() as bill, rt.testing.SimulatedBackend(base_ms=5, answers=answers) as server:
        connector = connector_of(variant, backend=rt.Backend(url=server.url, prices=PRICES))
        record = await replay("Look it up.", variant, connector, guard=guard)
    assert record.error is not None
    assert record.error.startswith("ended by the budget")
    assert (bill.responses, record.settled) == (2, True)  # a question with tools has money for two
    assert len(calls) == 2
