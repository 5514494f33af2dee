from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_nb.tools.output import MOST_CHARS, MOST_ERROR_CHARS, as_output, error_output

pd = pytest.importorskip("pandas")


def test_a_plain_frame_is_a_list_of_rows() -> None:
    assert as_output(pd.DataFrame({"city": ["Oslo", "Rome"], "t": [3.5, None]})) == (
        '[{"city":"Oslo","t":3.5},{"city":"Rome","t":null}]'
    )


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (
            pd.DataFrame({"price": [10, 20, 30]}, index=["a", "a", "b"]),
            {"index": ["a", "a", "b"], "columns": ["price"], "data": [[10], [20], [30]]},
        ),
        (
            pd.DataFrame([[1, 2], [3, 4]], columns=["x", "x"]),
            {"index": [0, 1], "columns": ["x", "x"], "data": [[1, 2], [3, 4]]},
        ),
        (
            pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
            {"index": [["a", 1], ["a", 2]], "columns": ["n"], "data": [[1], [2]]},
        ),
        (
            pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
            {"index": [0], "columns": [["a", "x"], ["a", "y"]], "data": [[1, 2]]},
        ),
        (
            pd.DataFrame({"n": [1]}, index=pd.to_datetime(["2026-01-02"])),
            {"index": ["2026-01-02T00:00:00"], "columns": ["n"], "data": [[1]]},
        ),
        (pd.DataFrame({1: [2], "1": [3]}), {"index": [0], "columns": [1, "1"], "data": [[2, 3]]}),
    ],
    ids=["index", "columns", "levels", "column levels", "times", "names of other types"],
)
def test_a_frame_loses_no_row_and_no_column(frame: Any, expected: dict[str, Any]) -> None:
    assert json.loads(as_output(frame)) == expected
    assert json.loads(as_output({"inside": frame})) == {"inside": expected}


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series([1, 2], index=["a", "b"]), {"a": 1, "b": 2}),
        (
            pd.Series([1, 2, 3], index=["a", "a", "b"], name="n"),
            {"index": ["a", "a", "b"], "name": "n", "data": [1, 2, 3]},
        ),
        (pd.Series([1.5, 2.5]), {"index": [0, 1], "name": None, "data": [1.5, 2.5]}),
        (
            pd.Series([1, 2], index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
            {"index": [["a", 1], ["a", 2]], "name": None, "data": [1, 2]},
        ),
    ],
)
def test_a_series_loses_no_value(series: Any, expected: Any) -> None:
    assert json.loads(as_output(series)) == expected


@pytest.mark.parametrize(
    "value", [pd.NaT, pd.NA, pd.Timestamp("2026-01-02"), pd.Period("2026-01"), pd.Interval(0, 1), pd.Timedelta("1s")]
)
def test_a_frame_with_an_odd_value_keeps_its_other_rows(value: Any) -> None:
    told = as_output(pd.DataFrame({"odd": [value, value], "n": [11, 22]}, index=["a", "a"]))
    assert "11" in told
    assert "22" in told
    assert json.loads(told)["columns"] == ["odd", "n"]


@pytest.mark.parametrize("result", ["row,1,2;" * 500_000, "x" * 5_000_000, b"row " * 100_000, ["word"] * 100_000])
def test_a_result_that_is_too_long_is_cut_with_a_note(result: Any) -> None:
    told = as_output(result)
    assert len(told) < MOST_CHARS + 200
    assert "[cut here: the first 3" in told
    assert told.endswith("ask for less at a time]")


def test_a_long_frame_is_cut_before_it_is_converted() -> None:
    told = as_output(pd.DataFrame({"n": range(2_000_000)}))
    assert "of a table of 2000000 rows" in told
    assert len(told) < MOST_CHARS + 200
    assert told.startswith('[{"n":0},')


def test_a_result_of_the_greatest_length_is_whole() -> None:
    assert as_output("x" * MOST_CHARS) == "x" * MOST_CHARS


def test_the_text_of_an_exception_is_cut_and_stays_json() -> None:
    told = json.loads(error_output("lookup failed: " + "word " * 5_000))["error"]
    assert len(told) < MOST_ERROR_CHARS + 200
    assert "cut here" in told


def test_no_word_is_split_by_the_cut() -> None:
    secret = "sk-" + "k" * 40
    told = as_output("a" * (MOST_CHARS - 20) + " " + secret + " and more")
    assert "sk-" not in told
