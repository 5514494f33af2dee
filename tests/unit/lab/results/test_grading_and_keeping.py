"""Grades and ratings after a run: no call to the model, reasons for what is missing, kept with the run."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.builtin import contains
from realtime_nb.lab.results.results import Results
from tests.unit.lab.results.sweeps import failed, rows_of

VOICES = {"a": {"voice": "a"}, "b": {"voice": "b"}}


def _short(trial: Any) -> bool:
    return len(trial.text) < 10


def test_grader_sees_columns_calls_and_words() -> None:
    seen = []

    def look(trial: Any) -> int:
        seen.append(
            (trial.text, trial.heard, trial.said, trial.tool_calls[0].arguments["city"], trial.voice, trial.audio)
        )
        with pytest.raises(AttributeError, match="no column 'colour'"):
            _ = trial.colour
        return len(trial.text)

    rows = rows_of({"a": {"voice": "marin"}}, utterances=1, repeats=1)
    rows[0]["tool_calls"] = [{"name": "weather", "arguments": {"city": "Rome"}}]
    results = Results(rows).grade(look)
    assert seen == [("It is 1.", "What is 0 plus one?", "What is 0 plus one?", "Rome", "marin", None)]
    assert results.frame["look"].tolist() == [8]


def test_missing_grades_have_reasons_and_are_no_zeros() -> None:
    def raises(trial: Any) -> bool:
        raise ValueError("no idea")

    async def hangs(trial: Any) -> bool:
        await asyncio.sleep(60)
        return True

    def blocks(trial: Any) -> bool:
        time.sleep(60)
        return True

    def nothing(trial: Any) -> None:
        return None

    rows = rows_of(VOICES, utterances=2, repeats=1)
    rows[0] = failed(rows[0])
    results = Results(rows).grade(raises, hangs, blocks, nothing, timeout_s=0.2)
    frame = results.frame
    assert frame[["raises", "hangs", "blocks", "nothing"]].isna().all().all()
    assert frame["raises_missing"].tolist()[1:] == ["ValueError: no idea"] * 3
    assert frame["raises_missing"][0].startswith("the trial failed: ConnectionClosed")
    assert set(frame["hangs_missing"][1:]) == set(frame["blocks_missing"][1:]) == {"no grade within 0.2 s"}
    assert "4 trials, all missing" not in repr(results)
    with pytest.raises(ConfigError, match="column 'raises_missing' says why"):
        results.compare("voice", metric="raises")


def test_dict_of_grades_makes_columns_and_a_second_grading_replaces_them() -> None:
    def look(trial: Any) -> Any:
        return {"polite": True, "length": len(trial.text)}

    results = Results(rows_of(VOICES, utterances=2)).grade(look)
    assert {"look.polite", "look.length"} <= set(results.frame.columns)
    look_again = lambda trial: 5  # noqa: E731
    look_again.__name__ = "look"
    results.grade([look_again])
    assert set(results.frame["look"]) == {5}
    assert not {"look.polite", "look.length"} & set(results.frame.columns)
    assert results.compare("voice", metric="look")[0].decisive.value == 0


@pytest.mark.parametrize(
    ("graders", "words"),
    [
        ([], "at least one grader"),
        ([3], "no grader"),
        ([contains("a", name="x"), contains("b", name="x")], "two graders are named 'x'"),
        ([lambda trial: 1, lambda trial: 2], "a function with `def`"),
        ([contains("a", name="total_ms")], "overwrite the column"),
        ([contains("a", name="voice")], "overwrite the column"),
    ],
)
def test_bad_graders_are_refused_before_any_grade(graders: list[Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Results(rows_of(VOICES, utterances=2)).grade(*graders)


def test_a_grader_that_was_there_may_be_graded_again_but_none_named_like_a_measure() -> None:
    results = Results(rows_of(VOICES, utterances=2)).grade(_short).grade(_short)
    assert set(results.frame["_short"]) == {True}


async def test_grading_works_in_a_cell_whose_loop_is_running() -> None:
    async def slow(trial: Any) -> bool:
        await asyncio.sleep(0.001)
        return True

    assert Results(rows_of(VOICES)).grade(slow).frame["slow"].all()


def test_grades_and_ratings_are_there_when_the_folder_is_read_again(tmp_path: Path) -> None:
    rows = rows_of(VOICES, utterances=3)
    first = Results(rows, folder=tmp_path).grade(_short)
    trial_id = first.rows[4]["trial_id"]
    first.rate(trial_id[:12], 3)
    first.rate(trial_id, 5, "very good, this one")
    with (tmp_path / "ratings.jsonl").open("ab") as file:
        file.write(b'{"trial_id": "tor')  # a crash in the middle of a line
    first.grade(contains("one"))
    again = Results(rows, folder=tmp_path)
    assert again.graders == {"_short": "", "contains": "('one',)"}
    assert again.frame["_short"].tolist() == first.frame["_short"].tolist()
    assert again.trial(trial_id).rating == 5
    assert again.frame["rating"].count() == 1
    again.rate(trial_id, 1)
    assert Results(rows, folder=tmp_path).trial(trial_id).rating == 1
    assert len((tmp_path / "grades.jsonl").read_text().splitlines()) == 2 * len(rows)
    assert "rating" in again.summary().frame["metric"].tolist()


def test_trials_are_found_by_the_beginning_of_their_id_or_refused() -> None:
    results = Results(rows_of(VOICES, turns=(0, 1)))
    with pytest.raises(ConfigError, match="no trial 'zzz'"):
        results.trial("zzz")
    some = results.rows[0]["trial_id"]
    with pytest.raises(ConfigError, match="say turn=0 to turn=1"):
        results.trial(some)
    assert results.trial(some, turn=1).turn == 1
    with pytest.raises(ConfigError, match="trials begin with"):
        results.trial("0")
    for bad in (float("nan"), None, [1], float("inf")):
        with pytest.raises(ConfigError, match="must be a number"):
            results.rate(some, bad, turn=0)  # type: ignore[arg-type]


def test_csv_parquet_and_jsonl_hold_every_row(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    rows = rows_of({"a": {"voice": "a", "max_output_tokens": 400}, "b": {"voice": "b", "max_output_tokens": "inf"}})
    rows[0]["text"] = 'He said "no",\nand left — 5 €'
    rows[0]["tool_calls"] = [{"name": "f", "arguments": {"x": 1}}]
    rows[1] = failed(rows[1])
    results = Results(rows).grade(_short)
    frame = results.frame
    csv = pd.read_csv(results.to_csv(tmp_path / "r.csv"))
    assert len(csv) == len(rows)
    assert csv["text"][0] == rows[0]["text"]
    parquet = pd.read_parquet(results.to_parquet(tmp_path / "r.parquet"))
    pd.testing.assert_frame_equal(parquet, frame, check_dtype=False)
    assert str(frame["total_ms"].dtype) == "Float64"
    assert str(frame["failed"].dtype) == "boolean"
    assert str(frame["max_output_tokens"].dtype) == "string"
    lines = [json.loads(line) for line in results.to_jsonl(tmp_path / "r.jsonl").read_text().splitlines()]
    assert len(lines) == len(rows)
    assert lines[0]["sample"]["output_text"] == rows[0]["text"]
    assert lines[0]["sample"]["output_tools"][0]["function"] == {"name": "f", "arguments": '{"x": 1}'}
    assert lines[0]["item"]["settings"] == {"voice": "a", "max_output_tokens": 400}
    assert lines[1]["sample"]["error"].startswith("ConnectionClosed")
    assert lines[2]["measures"]["_short"] is True


def test_column_that_is_missing_everywhere_keeps_its_kind() -> None:
    frame = Results([{**each, "total_ms": None} for each in rows_of(VOICES)]).frame
    assert str(frame["total_ms"].dtype) == "Float64"
    assert frame["total_ms"].isna().all()


def test_cost_and_doubts_of_a_judge_are_columns_but_not_in_the_way() -> None:
    def judge(trial: Any) -> dict[str, Any]:
        return {"grade": 4, "votes": 3, "agreement": 2 / 3, "cost_usd": 0.001, "replies": '["4", "4", "5"]'}

    results = Results(rows_of(VOICES, utterances=5)).grade(judge)
    assert results.grading_cost_usd == pytest.approx(0.04)
    assert "0.04 USD for grades" in repr(results)
    assert "judge.grade" in repr(results)
    assert "judge.votes" not in repr(results)
    assert results.compare("voice", metric="judge.cost_usd").metric.unit == "USD"
    with pytest.raises(ConfigError, match="holds labels"):
        results.compare("voice", metric="judge.replies")


def test_grades_and_ratings_change_no_row_that_another_thread_may_be_reading() -> None:
    results = Results(rows_of({"a": {"voice": "a"}}, utterances=3, repeats=1))
    before = results.rows
    kept = [dict(each) for each in before]
    results.grade(lambda trial: 1.0)
    results.rate(before[1]["trial_id"], 4)
    assert before == kept
    assert results.rows[1]["rating"] == 4


def test_rating_makes_no_row_again_but_its_own() -> None:
    results = Results(rows_of({"a": {"voice": "a"}}, utterances=3, repeats=1))
    before = results.rows
    results.rate(before[1]["trial_id"], 4, "lone \ud800")
    assert [now is old for now, old in zip(results.rows, before, strict=True)] == [True, False, True]
    assert "\ud800" not in results.rows[1]["rating_note"]
    assert "rating" in results.grades
