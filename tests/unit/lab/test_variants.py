"""Grids, templates and lists of variants, each with a name that people can read."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import realtime_nb as rt
from realtime_nb.lab.trial import TrialSetup, setting_columns
from realtime_nb.lab.variants import as_variants, grid, template


def search(query: str) -> str:
    """Search."""
    return query


def _names(**settings: Any) -> list[str]:
    return [variant.name for variant in grid(**settings)]


def test_a_grid_has_every_combination() -> None:
    made = grid(voice=["marin", "cedar"], speed=[1.0, 1.2], instructions="Be brief.")
    assert [variant.name for variant in made] == [
        "marin, speed 1.0",
        "marin, speed 1.2",
        "cedar, speed 1.0",
        "cedar, speed 1.2",
    ]
    assert {variant.settings["instructions"] for variant in made} == {"Be brief."}
    assert made[1].settings["speed"] == 1.2
    assert _names() == ["default"]
    assert _names(voice="marin") == ["marin"]


def test_long_texts_are_named_from_where_they_differ() -> None:
    start = "You are a very patient teacher of physics. Answer "
    assert _names(instructions=[start + "in one sentence.", start + "at length.", None]) == [
        "…in one sentence",
        "…at length",
        "no instructions",
    ]
    same = "x" * 40
    assert len(set(_names(instructions=[same + "a", same + "b"]))) == 2


def test_names_given_by_hand_are_used() -> None:
    made = grid(instructions={"brief": "One sentence.", "long": "Many."}, voice={"id": "voice_1"})
    assert [variant.name for variant in made] == ["brief", "long"]
    assert made[0].settings == {"instructions": "One sentence.", "voice": {"id": "voice_1"}}
    assert setting_columns(made[0], TrialSetup())["instructions"] == "brief"


def test_turn_detection_and_its_numbers() -> None:
    made = grid(turn_detection={"type": "server_vad", "silence_duration_ms": [200, 400]})
    assert [variant.name for variant in made] == ["server_vad silence 200 ms", "server_vad silence 400 ms"]
    by_truth = grid(turn_detection={"type": "server_vad", "interrupt_response": [True, False]})
    assert by_truth[1].name == "server_vad interrupt response False", "what sets it apart is whole"
    detection = made[1].payload["audio"]["input"]["turn_detection"]
    assert detection == {"type": "server_vad", "silence_duration_ms": 400}
    structs = grid(turn_detection=[None, "semantic_vad", rt.ServerVad(silence_duration_ms=200)])
    assert [variant.name for variant in structs] == ["push to talk", "semantic_vad", "server_vad silence 200 ms"]
    assert structs[0].payload["audio"]["input"]["turn_detection"] is None


def test_tools_models_and_backends() -> None:
    stubbed = rt.stub(search, returns="nothing")
    assert _names(tools=[[], [search], [stubbed]]) == ["no tools", "search", "search #2"]
    made = grid(backend=["local", "ws://localhost:3/v1/realtime"], model=["a", "b"])
    assert [(variant.backend, variant.model) for variant in made][:2] == [("local", "a"), ("local", "b")]
    assert made[3].name == "localhost:3, b"
    assert setting_columns(made[3], TrialSetup())["backend"] == "localhost:3"


def test_a_column_of_numbers_stays_one() -> None:
    columns = setting_columns(grid(speed=[1.0, 1.2], transcription=[True, False])[1], TrialSetup())
    assert (columns["speed"], columns["transcription"]) == (1.0, False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"voise": ["a"]}, "voice"),
        ({"voice": []}, "no value"),
        ({"voice": ["a", "a"]}, "twice"),
        ({"speed": [1, 9]}, "speed=9"),
        ({"tools": [search]}, "lists of tools"),
        ({"turn_detection": {"type": "server_vad", "silence_duration_ms": []}}, "empty list"),
        ({"voice": [str(n) for n in range(40)], "speed": [1 + n / 100 for n in range(40)]}, "1600 variants"),
        ({"instructions": {"": "x"}}, "no name"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(rt.ConfigError, match=message):
        grid(**settings)


def test_a_template_is_filled_from_each_row() -> None:
    frame = pd.DataFrame({"role": ["pirate", "judge"], "n": [1, 2]})
    filled = template("Answer as a {role} in {n:.1f} {{words}}.", frame, name="{role}")
    assert filled == {"pirate": "Answer as a pirate in 1.0 {words}.", "judge": "Answer as a judge in 2.0 {words}."}
    assert _names(instructions=filled, voice=["marin"]) == ["pirate", "judge"]
    assert list(template("{role} {n}", frame)) == ["pirate, 1", "judge, 2"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("{roll}", [{"role": "a"}]),
        ("no column", [{"role": "a"}]),
        ("{role", [{"role": "a"}]),
        ("{role}", [{"role": "a"}, {"role": "a"}]),
        ("{role}", [{"role": "a"}, {"role": float("nan")}]),
        ("{role.__class__}", [{"role": "a"}]),
        ("{role:d}", [{"role": "a"}]),
        ("{role}", []),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(text: str, rows: Any) -> None:
    with pytest.raises(rt.ConfigError):
        template(text, rows)


def test_variants_by_hand() -> None:
    brief = rt.Variant("brief", {"instructions": "Be brief."})
    assert as_variants(brief) == (brief,)
    made = as_variants({"brief": {"voice": "marin", "model": "m"}, "plain": {}})
    assert [(variant.name, variant.model) for variant in made] == [("brief", "m"), ("plain", None)]


@pytest.mark.parametrize(
    "given", [[], {}, [{"voice": "marin"}], ["brief"], {"a": 1}, [rt.Variant("a"), rt.Variant("a")], None]
)
def test_what_is_no_list_of_variants_is_refused(given: Any) -> None:
    with pytest.raises(rt.ConfigError):
        as_variants(given)


def test_a_label_belongs_to_a_setting_that_the_variant_gives() -> None:
    with pytest.raises(rt.ConfigError, match="speed"):
        rt.Variant("v", {"voice": "marin"}, labels={"speed": "fast"})
