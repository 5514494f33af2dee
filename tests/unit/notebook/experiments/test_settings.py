"""The settings of a turn that is asked again: how changes are written, named and laid over the conversation's."""

from __future__ import annotations

from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.client.settings import DEFAULTS, check_settings
from realtime_nb.notebook.experiments.settings import Side, side_of

OWN = check_settings({"instructions": "Be brief.", "voice": "marin", "speed": 1.1})


def _side(value: Any, *, backend: Any = "local", model: str | None = None, further: Any = None) -> Side:
    return side_of(value, OWN, further or {}, backend, model)


@pytest.mark.parametrize(
    ("value", "name", "changes"),
    [
        (None, "the same settings", {}),
        ("Be brief.", "the same settings", {}),
        ("Be\n thorough.", "Be thorough.", {"instructions": "Be\n thorough."}),
        ("", "no instructions", {"instructions": ""}),
        ({"voice": "cedar", "speed": 1.1}, "voice='cedar'", {"voice": "cedar"}),
        ({"model": "gpt-realtime-mini"}, "model='gpt-realtime-mini'", {"model": "gpt-realtime-mini"}),
        (rt.Variant("quick", {"speed": 1.4}), "quick", {"speed": 1.4}),
        ("x" * 99, "x" * 59 + "…", {"instructions": "x" * 99}),
    ],
)
def test_changes_are_named_and_those_that_change_nothing_are_left_out(
    value: Any, name: str, changes: dict[str, Any]
) -> None:
    side = _side(value)
    assert (side.name, dict(side.changes)) == (name, changes)


def test_settings_that_are_not_changed_are_the_conversations_own() -> None:
    side = _side(
        rt.Variant("b", {"voice": "cedar"}, session={"tracing": "auto"}), model="m", further={"include": ["x"]}
    )
    assert side.variant.settings == {**DEFAULTS, **OWN, "voice": "cedar"}
    assert side.variant.model == "m"
    assert side.variant.session == {"include": ["x"], "tracing": "auto"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "instructions as text, a dict of settings, or an rt.Variant"),
        ({"spede": 1}, "Did you mean 'speed'"),
        ({"speed": 9}, "speed"),
        ({"tool_choice": "look_up"}, "no tool"),
        (rt.Variant("far", backend="ws://127.0.0.1:9"), "make a widget with that backend"),
    ],
)
def test_bad_change_is_refused(value: Any, words: str) -> None:
    with pytest.raises(rt.ConfigError, match=words):
        _side(value)


@pytest.mark.filterwarnings("error")
def test_further_fields_of_a_server_of_ones_own_are_taken_without_another_warning() -> None:
    side = _side({"voice": "cedar"}, backend="ws://127.0.0.1:9/v1/realtime", further={"mood": "calm"})
    assert side.variant.session == {"mood": "calm"}
