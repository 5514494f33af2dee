"""A trial's id changes with everything that could change its outcome, and with nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.variant import Variant
from realtime_nb.lab.keeping.cache_key import trial_key

SOUND = np.arange(4800, dtype=np.int16)


def _weather(city: str) -> str:
    return f"Sunny in {city}"


def _other(city: str) -> str:
    return f"Rain in {city}"


def _named(function: Any) -> Any:
    return {"function": function, "name": "weather", "description": "", "parameters": {"type": "object"}}


def _key(
    said: Any = None, settings: Any = None, options: Any = None, name: str = "a", session: Any = None, **others: Any
) -> str:
    variant = Variant(name, settings if settings is not None else {"instructions": "Hi"}, session=session)
    facts = {"endpoint": "wss://host/v1", "model": "m", "repeat": 0, **others}
    return trial_key(said or rt.Utterance(samples=SOUND), variant, options or ReplayOptions(), **facts)


@pytest.mark.parametrize(
    "change",
    [
        {"said": rt.Utterance(samples=SOUND + 1)},
        {"said": rt.Utterance(text="Hi")},
        {"said": rt.Utterance(samples=SOUND, speech_span=SpeechSpan(0, 100))},
        {"said": Scenario([rt.Utterance(samples=SOUND)], "s")},
        {"settings": {"instructions": "Hello"}},
        {"settings": {"instructions": "Hi", "speed": 1.1}},
        {"settings": {"instructions": "Hi", "tools": [_weather]}},
        {"options": ReplayOptions(pacing="fast")},
        {"options": ReplayOptions(limit_s=5)},
        {"session": {"prompt": {"id": "pmpt_1"}}},
        {"endpoint": "wss://other/v1"},
        {"model": None},
        {"repeat": 1},
    ],
)
def test_what_could_change_the_outcome_changes_the_id(change: dict[str, Any]) -> None:
    assert _key(**change) != _key()


def test_a_tools_function_is_part_of_it() -> None:
    keys = {_key(settings={"tools": [_named(function)]}) for function in (_weather, _other, lambda city: "")}
    assert len(keys) == 3
    assert _key(settings={"tools": [_named(_weather)]}) in keys


def test_a_scenarios_times_are_part_of_it() -> None:
    said = [Scenario(["Hi", BargeIn(rt.Utterance(samples=SOUND), after)], "s") for after in (100, 200)]
    assert _key(said[0]) != _key(said[1])


def test_names_labels_and_defaults_that_are_given_are_not() -> None:
    assert _key(name="b") == _key()
    assert _key(rt.Utterance(samples=SOUND, label="x", said="words", twin="t")) == _key()
    assert _key(settings={"instructions": "Hi", "tool_choice": "auto"}) == _key()
