"""The figures of results show the numbers of their rows, whatever the rows hold."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.results import Results

from .sweeps import failed, row

FIRST = "speech_end_to_first_audible_ms"
_STEPS = ("speech_end_to_stopped_ms", "speech_end_to_committed_ms", "speech_end_to_response_ms",
          "speech_end_to_first_audio_ms", FIRST)  # fmt: skip


def _two(*columns: dict[str, Any], other: dict[str, Any] | None = None) -> Results:
    """Return results of two variants: `a` has these trials, and `b` as many with the columns of `other`."""
    rows = [row("a", {"voice": "a"}, number, **each) for number, each in enumerate(columns)]
    return Results([*rows, *(row("b", {"voice": "b"}, number, **(other or {})) for number in range(len(columns)))])


def _of(figure: Any, value: str) -> dict[str, Any]:
    """Return the line of a figure's numbers for one value of the setting."""
    (found,) = [line for line in figure.numbers if line["value"] == value]
    return dict(found)


def test_distribution_has_the_quartiles_and_the_ends_of_the_trials() -> None:
    waits = [500.0, 650.0, 610.0, 4_000.0, 590.0]
    line = _of(_two(*({FIRST: each} for each in waits)).distribution(), "a")
    assert (line["median"], line["lowest"], line["highest"], line["trials"]) == (median(waits), 500.0, 4_000.0, 5)
    assert line["p95"] is None  # five trials have no 95th percentile


def test_long_tail_is_drawn_on_a_logarithmic_axis_that_says_so() -> None:
    short: Any = _two({FIRST: 500.0}, {FIRST: 700.0}).distribution()
    long: Any = _two({FIRST: 500.0}, {FIRST: 70_000.0}).distribution()
    assert short.axes[0].get_xscale() == "linear"
    assert (long.axes[0].get_xscale(), "logarithmic" in long.axes[0].get_xlabel()) == ("log", True)


@pytest.mark.parametrize("width_px", [320, 640, 880, 1_200])
def test_labels_of_large_numbers_do_not_touch(width_px: int) -> None:
    rows = [
        row(name, {"voice": name}, number, total_ms=32_000.0 + 9_000 * number - 24_000 * (name == "brief"))
        for name in ("plain", "brief")
        for number in range(10)
    ]
    figure: Any = Results(rows).plot("voice", metric="total_ms", width_px=width_px)
    figure.draw_without_rendering()
    for axes in figure.axes:
        left, right = axes.bbox.x0, axes.bbox.x1
        labels = [each.get_window_extent() for each in axes.get_xticklabels()]
        shown = [each for each in labels if left - 1 <= (each.x0 + each.x1) / 2 <= right + 1]
        assert len(shown) > 1
        assert all(first.x1 < second.x0 for first, second in pairwise(shown)), [each.x0 for each in shown]


def test_passes_are_drawn_as_rates_counts_and_labels_as_shares() -> None:
    columns = [{"polite": True, "cut_offs": 0, "mood": "warm"}] * 3 + [{"polite": False, "cut_offs": 2, "mood": "dry"}]
    results = _two(*columns, other={"polite": True, "mood": "warm"})
    assert _of(results.distribution("polite"), "a")["rate"] == pytest.approx(0.75)
    assert "a: 0 in 75 %, 2 in 25 %; b: 0 in 100 %" in results.distribution("cut_offs").alt
    assert "a: warm in 75 %, dry in 25 %; b: warm in 100 %" in results.distribution("mood").alt
    assert "a: warm in 75 %" in repr(results.distribution("mood")), "what a terminal shows"


def test_many_labels_have_colors_for_the_frequent_ones_and_the_rest_is_counted_together() -> None:
    columns = [{"mood": f"mood {place}"} for place in range(20) for _ in range(2 if place < 3 else 1)]
    figure = _two(*columns, other={"mood": "mood 0"}).distribution("mood")
    shares = [line for line in figure.numbers if line["value"] == "a"]
    assert {"mood 0", "mood 1", "mood 2", "others"} <= {line["mood"] for line in shares}
    assert sum(line["trials"] for line in shares) == len(columns)


def test_waterfall_gives_the_median_time_of_each_step_in_order() -> None:
    times = [
        (300.0, 310.0, 340.0, 600.0, 700.0),
        (320.0, 330.0, 380.0, 640.0, 760.0),
        (900.0, 910.0, 920.0, 950.0, 990.0),
    ]
    line = _of(_two(*(dict(zip(_STEPS, each, strict=True)) for each in times)).waterfall(), "a")
    assert [line[step] for step in _STEPS] == [320.0, 330.0, 380.0, 640.0, 760.0]


def test_waterfall_leaves_out_failed_trials_and_says_how_many() -> None:
    rows = [row("a", {}, number) | dict.fromkeys(_STEPS, 100.0 * number) for number in range(1, 4)]
    figure: Any = Results([*rows, failed(row("a", {}, 9))]).waterfall()
    assert figure.numbers[0]["trials"] == 3
    assert "1 with a step missing left out" in " ".join(figure.axes[0].get_xlabel().split())


def test_answers_in_text_have_a_waterfall_that_ends_with_the_first_text() -> None:
    typed = {**dict.fromkeys(_STEPS), "speech_end_to_response_ms": 40.0, "speech_end_to_first_text_ms": 250.0}
    line = _of(_two(typed, other=typed).waterfall(), "a")
    assert (line["speech_end_to_response_ms"], line["speech_end_to_first_text_ms"]) == (40.0, 250.0)
    assert FIRST not in line


def test_costs_are_means_a_turn_and_tokens_of_no_stated_kind_are_shown() -> None:
    columns = [
        {"cost_usd": usd, "input_tokens": 100, "output_tokens": 40, "input_audio_tokens": 60, "output_audio_tokens": 40}
        for usd in (0.001, 0.003)
    ]
    line = _of(_two(*columns).costs(), "a")
    assert line["usd_a_turn"] == pytest.approx(0.002)
    assert (line["input_audio_tokens"], line["output_audio_tokens"], line["other_tokens"]) == (60, 40, 40)


@pytest.mark.parametrize(("usd", "words"), [(None, "the prices are unknown"), (0.0, "these trials cost nothing")])
def test_costs_without_money_say_why(usd: float | None, words: str) -> None:
    figure: Any = _two({"cost_usd": usd}, other={"cost_usd": usd}).costs()
    assert words in " ".join(figure.axes[-1].get_xlabel().split())


@pytest.mark.parametrize("utterances", [2, 9, 10, 13])
def test_line_of_a_comparison_is_the_typical_value_of_the_tables(utterances: int) -> None:
    rows = [
        row(name, {"voice": name}, number, repeat) | {FIRST: 100.0 * 1.7**number + repeat}
        for name in "ab"
        for number in range(utterances)
        for repeat in range(3)
    ]
    results = Results(rows)
    left: Any = results.plot("voice").axes[0]
    typical = results.summary("voice", metric=FIRST)["a"]["typical"].value
    assert [line.get_xdata()[0] for line in left.lines] == pytest.approx([typical, typical])
    assert "line: typical value" in " ".join(left.get_xlabel().split())


@pytest.mark.parametrize("width_px", [320, 640])
def test_figure_says_that_clear_is_after_the_correction_where_there_are_several_comparisons(width_px: int) -> None:
    rows = [
        row(name, {"voice": name}, number, repeat) | {FIRST: 700.0 + 10 * number + place * repeat}
        for place, name in enumerate("abcd")
        for number in range(3)
        for repeat in range(3)
    ]
    figure: Any = Results(rows).plot("voice", width_px=width_px)
    assert "after the correction for 3 comparisons" in figure.alt
    assert "after the correction for 3 comparisons" in " ".join(figure.axes[1].get_xlabel().split())
    two: Any = Results(each for each in rows if each["voice"] in "ab").plot("voice", width_px=width_px)
    assert "correction" not in two.alt + two.axes[1].get_xlabel()


@pytest.mark.parametrize(("kind", "width_px"), [("distribution", 320), ("waterfall", 1200), ("costs", 320)])
def test_values_that_were_not_drawn_are_counted(kind: str, width_px: int) -> None:
    results = Results([row(f"$v_{number}$ <b>", {}, 0, cost_usd=0.001 * number) for number in range(44)])
    figure: Any = getattr(results, kind)(width_px=width_px)
    assert "4 more are not drawn" in figure.alt
    assert len(figure.numbers) == 44
    assert figure.svg("dark").startswith("<svg ")


@pytest.mark.parametrize("width_px", [320, 1200])
def test_comparison_of_many_values_draws_the_most_different_and_has_the_numbers_of_all(width_px: int) -> None:
    shifts = {f"v{place:02d}": float(place * (-1) ** place) for place in range(44)}
    rows = [
        row(name, {"voice": name}, number, repeat) | {FIRST: 700.0 + 10 * number + shift + repeat}
        for name, shift in shifts.items()
        for number in range(3)
        for repeat in range(2)
    ]
    figure: Any = Results(rows).plot("voice", width_px=width_px)
    assert len(figure.numbers) == 43
    drawn = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert drawn == ["v00", *list(shifts)[14:]], "the largest differences, in the order of the variants"
    for text in (figure.alt, " ".join(figure.axes[1].get_xlabel().split())):
        assert "the 30 most different of 43" in text


@pytest.mark.parametrize("width_px", [320, 1200])
def test_frontier_of_many_values_names_its_points_and_the_nearest_and_has_the_numbers_of_all(width_px: int) -> None:
    rows = [
        row(f"v{place:02d}", {}, number, cut_offs=2 if place % 4 else 1, speech_end_to_committed_ms=100.0 + place)
        for place in range(60)
        for number in range(3)
    ]
    figure: Any = Results(rows).frontier(width_px=width_px)
    assert len(figure.numbers) == 60
    assert "v00" in figure.alt
    assert "small dots: 30 more" in figure.alt
    assert "small dots: 30 more" in " ".join(figure.axes[0].get_xlabel().split())
    assert figure.svg("dark").startswith("<svg ")


@pytest.mark.parametrize("kind", ["distribution", "waterfall", "costs"])
def test_sweep_of_failures_is_refused_or_drawn_and_never_raises_anything_else(kind: str) -> None:
    results = Results([failed(row(name, {"voice": name}, cost_usd=None, input_tokens=None)) for name in "ab"])
    if kind == "costs":
        assert "unknown" in results.costs().alt
        return
    with pytest.raises(ConfigError, match="error"):
        getattr(results, kind)()


def test_unknown_column_or_setting_is_refused_with_what_there_is() -> None:
    results = _two({})
    with pytest.raises(ConfigError, match="Did you mean 'words'"):
        results.distribution("word")
    with pytest.raises(ConfigError, match="Did you mean 'voice'"):
        results.costs("voices")
    assert results.waterfall("utterance").numbers[0]["value"] == "question 0.wav"
