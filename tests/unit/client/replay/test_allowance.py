"""When a session asks for more money: it is never billed beyond what was granted, whatever the server answers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from realtime_nb.client.replay.allowance import SILENCE_S, Allowance, SessionUse, first_use
from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation.prices import Prices, response_cost_usd
from realtime_nb.conversation.usage import from_response
from realtime_nb.lab.planning.price_bound import CostBound
from realtime_nb.wire.realtime import ResponseUsage
from realtime_nb.wire.realtime.response import InputTokens, OutputTokens

_TYPED = Utterance("What is the time?")
_SPOKEN = Utterance(samples=np.ones(24_000, np.int16))
_PRICES = Prices(text_in=4, text_out=16, audio_in=32, audio_out=64)
_BOUND = CostBound(_PRICES, text=200, images=0, output=400, tool_results=0, spoken=True, transcription=None)


class _Purse:
    """Grants up to a limit, and remembers what it granted and refused."""

    def __init__(self, limit_usd: float, first: SessionUse) -> None:
        self.limit, self.granted = limit_usd, _BOUND.usd(first)
        self.asked: list[SessionUse] = []

    def allows(self, use: SessionUse) -> bool:
        self.asked.append(use)
        if _BOUND.usd(use) > self.limit:
            return False
        self.granted = _BOUND.usd(use)
        return True


def _usage(heard_s: float, written: int, output: int) -> ResponseUsage:
    audio = int(heard_s * 10) + written
    return ResponseUsage(
        total_tokens=100 + audio + output,
        input_tokens=100 + audio,
        output_tokens=output,
        input_token_details=InputTokens(text_tokens=100, audio_tokens=audio),
        output_token_details=OutputTokens(audio_tokens=output),
    )


def test_first_use_is_one_response_a_turn_and_two_with_tools() -> None:
    assert first_use([_TYPED, _TYPED], automatic=False, tools=False) == SessionUse(open=2)
    assert first_use([_TYPED], automatic=False, tools=True).open == 2
    spoken = first_use([_SPOKEN, _TYPED], automatic=True, tools=False)
    assert (spoken.open, spoken.heard_s) == (2, 1.0 + SILENCE_S)
    assert first_use([_SPOKEN], automatic=False, tools=False).heard_s == 1.0


def test_session_without_a_guard_is_granted_everything() -> None:
    allowance = Allowance(None, [_SPOKEN], automatic=True, tools=False)
    allowance.on_turn()
    assert allowance.silent_until == float("inf")
    assert all(allowance.on_begun(needed=True) for _ in range(9))


def test_typed_turns_without_tools_never_ask() -> None:
    turns = [_TYPED, _TYPED]
    purse = _Purse(0.0, first_use(turns, automatic=False, tools=False))
    allowance = Allowance(purse, turns, automatic=False, tools=False)
    for _ in turns:
        allowance.on_turn()
        assert allowance.on_begun(needed=False)
        allowance.on_done(_usage(0, 0, 50))
    assert purse.asked == []


def test_response_without_a_grant_is_overdrawn_until_it_is_granted() -> None:
    purse = _Purse(0.0, first_use([_SPOKEN], automatic=True, tools=False))
    allowance = Allowance(purse, [_SPOKEN], automatic=True, tools=False)
    allowance.on_turn()
    assert not allowance.on_begun(needed=False)
    assert not allowance.overdrawn
    allowance.on_done(_usage(1, 0, 50))
    assert not allowance.on_begun(needed=False)
    assert allowance.overdrawn
    allowance.on_done(None)
    assert not allowance.settled
    purse.limit = 10.0
    assert allowance.on_begun(needed=False)
    assert not allowance.overdrawn


@pytest.mark.parametrize("seed", range(300))
def test_no_server_that_keeps_the_protocol_bills_more_than_was_granted(seed: int) -> None:
    """The server answers in any pause, at any length up to the limit, and reports its usage or not."""
    rng = random.Random(seed)
    turns = [_SPOKEN] * rng.randint(1, 3)
    first = first_use(turns, automatic=True, tools=False)
    purse = _Purse(_BOUND.usd(first) * rng.uniform(1, 6), first)
    allowance = Allowance(purse, turns, automatic=True, tools=False)
    heard_s = billed = 0.0
    written = 0
    for _ in turns:
        allowance.on_turn()
        heard_s += 1.0
        for _ in range(rng.randint(0, 4)):
            silence_s = rng.uniform(0, 12)
            while heard_s + silence_s > allowance.silent_until:
                if not allowance.on_silence(needed=True):
                    return  # no more sound is sent, and the session ends
            heard_s += silence_s
            output = rng.choice([1, 50, 150, 400])
            usage = _usage(heard_s, written, output)
            billed += response_cost_usd(from_response(usage), _PRICES) or 0.0
            written += output
            granted = allowance.on_begun(needed=rng.random() < 0.5)
            assert not allowance.overdrawn
            # The one that runs may end at any length: it is billed already.
            assert billed <= purse.granted <= max(purse.limit, _BOUND.usd(first)) + 1e-12
            if not granted:
                return
            allowance.on_done(usage if rng.random() < 0.8 else None)
            assert billed <= purse.granted


@pytest.mark.parametrize("seed", range(300))
def test_late_news_of_responses_let_no_server_bill_more_than_was_granted(seed: int) -> None:
    """The server answers at some of the ends of speech that it was sent, and its events arrive any time later."""
    rng = random.Random(seed)
    first = first_use([_SPOKEN], automatic=True, tools=False)
    purse = _Purse(_BOUND.usd(first) * rng.uniform(1, 8), first)
    allowance = Allowance(purse, [_SPOKEN], automatic=True, tools=False)
    allowance.on_turn()
    news: list[ResponseUsage | None] = []  # not yet arrived: a usage is the end of a response, None its beginning
    billed, written = 0.0, 0
    for _ in range(rng.randint(1, 6)):
        if not allowance.on_turn_end():
            return  # the sound in which the turn may end is not sent
        if rng.random() < 0.7:
            output = rng.choice([1, 50, 150, 400])
            usage = _usage(1.0, written, output)
            billed += response_cost_usd(from_response(usage), _PRICES) or 0.0
            written += output
            news += [None, usage]
        assert billed <= purse.granted <= max(purse.limit, _BOUND.usd(first)) + 1e-12
        for _ in range(rng.randint(0, len(news))):
            each = news.pop(0)
            if each is not None:
                allowance.on_done(each)
            elif not allowance.on_begun(needed=True):
                return
            assert not allowance.overdrawn
            assert billed <= purse.granted
