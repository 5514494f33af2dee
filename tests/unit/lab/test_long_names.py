"""Long names and labels are refused where they enter, with their beginning, their length and the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.results.results import Results
from tests.unit.lab.results.sweeps import row

LONG = "n" * 100_000


def _results() -> Results:
    return Results([row("a", {"voice": "a"})])


@pytest.mark.parametrize(
    "make",
    [
        lambda: rt.Variant(LONG),
        lambda: rt.Variant("a", {"voice": "cedar"}, labels={"voice": LONG}),
        lambda: rt.Utterance("Hello", label=LONG),
        lambda: rt.Utterance(np.ones(2_400, np.int16), label=LONG),
        lambda: rt.Scenario(["Hello"], LONG),
        lambda: rt.Lab(["Hello"], [rt.Variant("a")], graders=[Grader(LONG, len)]),
        lambda: _results().grade(Grader(LONG, len)),
        lambda: _results().rate(_results().rows[0]["trial_id"], LONG),
    ],
)
def test_long_name_is_refused_with_its_beginning_its_length_and_the_limit(make: Callable[[], Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        make()
    words = str(refused.value)
    assert len(words) < 400
    assert "nnnn" in words
    assert "100,000" in words
    assert "1,000" in words


def test_long_label_of_a_grader_is_missing_with_its_length_and_a_longer_text_beside_a_grade_is_kept() -> None:
    results = _results().grade(
        Grader("whole", lambda trial: LONG), Grader("judged", lambda trial: {"": "warm", "why": LONG[:5_000]})
    )
    (kept,) = results.rows
    assert kept["whole"] is None
    assert "100,000" in kept["whole_missing"]
    assert (kept["judged"], len(kept["judged.why"])) == ("warm", 5_000)


def test_long_key_of_a_grade_makes_no_column() -> None:
    results = _results().grade(Grader("judged", lambda trial: {"fine": 1.0, LONG: 1.0}))
    (kept,) = results.rows
    assert max(map(len, kept)) <= 1_000
    assert kept["judged"] is None
    assert "100,000" in kept["judged_missing"]


def test_long_texts_are_no_names() -> None:
    variant = rt.Variant("long", {"instructions": LONG})
    assert rt.Utterance(LONG).label != LONG
    assert variant.settings["instructions"] == LONG
    assert all(len(each.name) <= 1_000 for each in rt.grid(instructions=[LONG, LONG + "m"], voice=["cedar", "marin"]))
