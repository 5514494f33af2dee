"""The graders of the lab, and how any grader is run: one that fails gives a missing value with its reason."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading import builtin, words
from realtime_nb.lab.grading.gradable import Grader, as_grader
from realtime_nb.lab.grading.run import grade
from realtime_nb.lab.measure import ToolCallMade


@dataclass(frozen=True)
class _Trial:
    text: str = ""
    heard: str = ""
    said: str | None = None
    tool_calls: Sequence[ToolCallMade] = ()


@pytest.mark.parametrize(
    ("grader", "text", "expected"),
    [
        (builtin.contains("five"), "It is Five.", True),
        (builtin.contains("five"), "fivefold", False),
        (builtin.contains("five", "Paris"), "five in Rome", False),
        (builtin.contains("$5"), "That is $5, please", True),
        (builtin.contains("isn't"), "It isn’t here", True),
        (builtin.contains("Five", ignore_case=False), "five", False),
        (builtin.matches(r"\d+ o'clock"), "at 5 O’clock", True),
        (builtin.matches(r"^\d"), "at 5", False),
        (builtin.length(), "one two three", 3),
        (builtin.length(at_most=2), "one two three", False),
        (builtin.length(at_least=1, at_most=3), "one two three", True),
    ],
)
def test_content_graders(grader: Grader, text: str, expected: object) -> None:
    assert grader(_Trial(text)) == expected


def test_tool_call_compares_json_exactly() -> None:
    def trial(*calls: tuple[str, Any]) -> _Trial:
        return _Trial(tool_calls=[ToolCallMade(*call) for call in calls])

    exact = builtin.tool_call("light", {"on": True, "rooms": ["a", 1]})
    assert exact(trial(("light", {"rooms": ["a", 1.0], "on": True})))
    assert not exact(trial(("light", {"rooms": ["a", 1], "on": 1})))
    assert not exact(trial(("light", {"rooms": ["a"], "on": True})))
    assert not exact(trial(("light", {"rooms": ["a", 1], "on": True, "x": None})))
    assert not exact(trial(("light", '{"on": tru')))
    assert not exact(trial(("lamp", {"rooms": ["a", 1], "on": True})))
    assert not exact(trial())
    assert not builtin.tool_call("light")(trial(("light", {}), ("light", {})))
    assert builtin.tool_call("light")(trial(("light", {"any": 1})))
    assert builtin.no_tool_call()(trial())


def test_word_error_rate_ignores_spelling_of_numbers_and_contractions() -> None:
    wer = words.word_error_rate()
    assert wer(_Trial(heard="It's 21 colors", said="it is twenty-one colours")) == 0
    assert wer(_Trial(heard="a x c d", said="a b c")) == pytest.approx(2 / 3)
    assert wer(_Trial(heard="", said="hello there")) == 1
    assert words.word_error_rate("yes", of="text")(_Trial(text="Yes!")) == 0
    assert words.word_error_rate(language="de")(_Trial(heard="Grüße, Welt", said="grüße welt")) == 0
    assert "jiwer" in wer.about
    assert "whisper-normalizer" in wer.about


def test_similarity_goes_from_nothing_in_common_to_the_same() -> None:
    alike = words.similarity("It is five o'clock")
    assert alike(_Trial("it is five o'clock!")) == 1
    assert 0.5 < alike(_Trial("it is four o'clock")) < 1
    assert alike(_Trial("xyz")) < 0.2


def test_language_of_an_answer() -> None:
    english = words.language("en")
    assert english(_Trial("The weather is fine today, thank you."))
    assert not english(_Trial("Das Wetter ist heute schön, vielen Dank."))
    assert words.language("de")(_Trial("Das Wetter ist heute schön, vielen Dank."))


async def test_missing_reference_and_short_answers_are_missing_with_a_reason() -> None:
    found = await grade(words.word_error_rate(), _Trial(heard="yes"))
    assert found.values == {"wer": None}
    assert "does not state its words" in found.reasons["wer"]
    found = await grade(words.word_error_rate(), _Trial(heard="yes", said=" ... "))
    assert "no words" in found.reasons["wer"]
    found = await grade(words.language("en"), _Trial("OK"))
    assert "too few to tell" in found.reasons["language"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: builtin.contains(), "at least one word"),
        (lambda: builtin.contains(" "), "empty"),
        (lambda: builtin.matches("("), r"pattern='\('"),
        (lambda: builtin.length(at_least=3, at_most=2), "at_least=3"),
        (lambda: words.word_error_rate(of="said"), "of='said'"),  # type: ignore[arg-type]
        (lambda: words.similarity(of="said"), "of='said'"),  # type: ignore[arg-type]
        (lambda: words.language("xx"), "'xx'"),
    ],
)
def test_wrong_option_is_refused(make: Callable[[], Grader], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ConfigError, match=r"needs jiwer.*realtime-nb\[lab\]"):
        words.word_error_rate()


async def _coroutine(trial: Any) -> float:
    await asyncio.sleep(0)
    return 0.5


def _returns_awaitable(trial: Any) -> Any:
    return _coroutine(trial)


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (lambda trial: True, {"g": True}),
        (lambda trial: 3, {"g": 3}),
        (lambda trial: "polite", {"g": "polite"}),
        (lambda trial: np.float32(0.5), {"g": 0.5}),
        (lambda trial: np.array(2), {"g": 2}),
        (lambda trial: {"a": 1, "b": None}, {"g.a": 1, "g.b": None}),
        (_coroutine, {"g": 0.5}),
        (_returns_awaitable, {"g": 0.5}),
    ],
)
async def test_every_kind_of_value_is_kept(function: Callable[[Any], Any], values: dict[str, object]) -> None:
    found = await grade(Grader("g", function), _Trial())
    assert found.values == values
    assert set(found.reasons) == {column for column, value in values.items() if value is None}


def _raise(error: BaseException) -> Callable[[Any], Any]:
    def function(trial: Any) -> Any:
        raise error

    return function


class _WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError


async def _async_raise(trial: Any) -> Any:
    raise OSError("no network")


async def _cancels_itself(trial: Any) -> Any:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (_raise(ValueError("bad\nanswer")), "ValueError: bad answer"),
        (_raise(KeyError("x")), "KeyError: 'x'"),
        (_raise(TimeoutError("the judge")), "TimeoutError: the judge"),
        (_raise(SystemExit(3)), "SystemExit: 3"),
        (_raise(KeyboardInterrupt()), "KeyboardInterrupt"),
        (_raise(StopIteration(1)), "StopIteration: 1"),
        (_raise(_WordlessError()), "_WordlessError: its message could not be read"),
        (_async_raise, "OSError: no network"),
        (_cancels_itself, "CancelledError"),
        (lambda trial: None, "the grader returned None"),
        (lambda trial: float("nan"), "the grader returned nan"),
        (lambda trial: np.float64("inf"), "the grader returned inf"),
        (lambda trial: [1], "the grader returned a list"),
        (lambda trial: {}, "the grader returned an empty dict"),
        (lambda trial, other: 1, "TypeError"),
    ],
)
async def test_failing_grader_is_a_missing_value_with_its_reason(function: Callable[..., Any], reason: str) -> None:
    found = await grade(Grader("g", function), _Trial())
    assert found.values == {"g": None}
    assert reason in found.reasons["g"]


async def test_hanging_graders_end_by_their_limit_and_hold_up_no_other() -> None:
    release = threading.Event()

    async def hang(trial: Any) -> None:
        await asyncio.Event().wait()

    hanging = [Grader("s", lambda trial: release.wait()), Grader("a", hang)]
    found = await asyncio.gather(
        *(grade(each, _Trial(), timeout_s=0.2) for each in hanging * 20), grade(Grader("g", lambda trial: 1), _Trial())
    )
    release.set()
    assert found[-1].values == {"g": 1}
    assert all("no grade within 0.2 s" in reason for each in found[:-1] for reason in each.reasons.values())


async def test_cancelling_the_sweep_cancels_its_grading() -> None:
    async def hang(trial: Any) -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(grade(Grader("g", hang), _Trial()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_function_becomes_a_grader_named_like_it() -> None:
    def polite(trial: _Trial) -> bool:
        return "please" in trial.text

    assert as_grader(polite).name == "polite"
    assert as_grader(polite)(_Trial("please"))
    assert as_grader(as_grader(polite)).name == "polite"
