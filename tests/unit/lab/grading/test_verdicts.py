"""Scales of a judge: what a reply says on them, and what votes make together."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.gradable import Grader, Missing
from realtime_nb.lab.grading.run import grade
from realtime_nb.lab.grading.verdicts import Scale, as_scale

PASS, STARS, LABELS = Scale(), Scale(1, 5), Scale(labels=("polite", "rude"))


@pytest.mark.parametrize(
    ("scale", "reply", "verdict"),
    [
        (PASS, '{"reason": "right", "grade": true}', True),
        (PASS, '{"grade": "fail"}', False),
        (PASS, "No.", False),
        (PASS, '```json\n{"grade": true}\n```', True),
        (PASS, '<think>it could be {"grade": true}</think> {"grade": false}', False),
        (PASS, '{"a": {"grade": true}}', None),
        (PASS, '{"grade": 1}', None),
        (PASS, '{"grade": null}', None),
        (PASS, "{" * 5000, None),
        (PASS, '{"grade": true', None),
        (PASS, "", None),
        (STARS, '{"grade": 4}', 4.0),
        (STARS, '{"grade": "3.5"}', 3.5),
        (STARS, "5", 5.0),
        (STARS, '{"grade": 6}', None),
        (STARS, '{"grade": NaN}', None),
        (STARS, '{"grade": true}', None),
        (STARS, '{"grade": [4]}', None),
        (LABELS, '{"grade": "Polite"}', "polite"),
        (LABELS, '"rude"', "rude"),
        (LABELS, '{"grade": "very rude"}', None),
    ],
)
def test_reply_is_read_on_its_scale(scale: Scale, reply: str, verdict: Any) -> None:
    assert scale.read(reply) == verdict
    assert scale.read(reply) is verdict or not isinstance(verdict, bool)


@pytest.mark.parametrize(
    ("scale", "votes", "grade"),
    [
        (PASS, [True, False, True], True),
        (STARS, [1.0, 5.0, 4.0], 4.0),
        (STARS, [2.0, 3.0], 2.5),
        (LABELS, ["rude", "polite", "rude"], "rude"),
    ],
)
def test_votes_make_their_majority_or_their_median(scale: Scale, votes: list[Any], grade: Any) -> None:
    assert scale.together(votes) == grade


def test_tie_and_no_vote_are_missing_with_their_reason() -> None:
    tie = PASS.together([True, False])
    assert isinstance(tie, Missing)
    assert "tied between True and False" in tie.reason
    assert isinstance(STARS.together([]), Missing)


@pytest.mark.parametrize(
    "scale", ["stars", (5, 1), (1, float("inf")), ["one"], ["a", "A"], ["a", 1], (1, 2, 3), None, 5]
)
def test_scale_that_is_none_is_refused_with_its_value(scale: Any) -> None:
    with pytest.raises(ConfigError, match="scale="):
        as_scale(scale)


async def test_empty_key_of_a_grade_is_the_column_of_the_grader_and_missing_keeps_its_neighbours() -> None:
    made = await grade(Grader("judge", lambda _: {"": Missing("a tie"), "votes": 2}), None)
    assert made.values == {"judge": None, "judge.votes": 2}
    assert made.reasons == {"judge": "a tie"}
    assert (await grade(Grader("g", lambda _: Missing("unsure")), None)).reasons == {"g": "unsure"}
