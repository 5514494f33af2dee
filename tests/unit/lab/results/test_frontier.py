"""The frontier of cut-offs against delay: which values no other one beats, and what is said where nothing can be."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.results import Results

from .sweeps import row

_DELAY = "speech_end_to_committed_ms"


def _sweep(points: Mapping[str, tuple[float | None, int]], **columns: Any) -> Results:
    """Return results in which each variant has one delay and one number of cut-offs in all trials."""
    return Results(
        row(
            name, {"turn_detection": f"server_vad {name}"}, number, repeat,
            **{"cut_offs": cuts, _DELAY: None if delay is None else delay + number, **columns},
        )
        for (name, (delay, cuts)), number, repeat in product(points.items(), range(3), range(2))
    )  # fmt: skip


def _on_frontier(results: Results, **options: Any) -> list[str]:
    frame = results.frontier(**options).frame
    return list(frame["value"][frame["on_frontier"]])


def test_frontier_holds_the_values_that_no_other_one_beats() -> None:
    points = {"slow": (900.0, 0), "beaten": (950.0, 1), "fast": (300.0, 3), "middle": (500.0, 1), "worse": (600.0, 3)}
    assert _on_frontier(_sweep(points)) == ["fast", "middle", "slow"]


def test_values_with_the_same_point_are_all_on_the_frontier() -> None:
    assert _on_frontier(_sweep({"a": (300.0, 1), "b": (300.0, 1), "c": (300.0, 2), "d": (400.0, 1)})) == ["a", "b"]


def test_numbers_of_the_frame_are_those_of_the_trials() -> None:
    frame = _sweep({"fast": (300.0, 3), "slow": (900.0, 0)}).frontier().frame
    assert list(frame["delay_ms"]) == [301.0, 901.0]  # the utterances add 0, 1 and 2 ms
    assert list(frame["cut_offs"]) == [3.0, 0.0]
    assert list(frame["turns"]) == [6, 6]


def test_value_without_any_delay_is_named_and_not_drawn() -> None:
    figure: Any = _sweep({"fast": (300.0, 3), "never ends": (None, 0)}).frontier()
    assert list(figure.frame["value"]) == ["fast"]
    assert "Without a delay: never ends" in figure.alt
    assert "never ends" in figure.axes[0].get_xlabel()


def test_axis_speaks_of_intervals_only_where_there_are_any() -> None:
    points = {"a": (300.0, 1), "b": (200.0, 2)}
    once = Results([each for each in _sweep(points).rows if each["repeat"] == 0])
    figures: list[Any] = [once.frontier(), _sweep(points).frontier()]
    labels = [each.axes[0].get_xlabel().replace("\n", " ") for each in figures]
    assert labels[0].endswith("ms; too few trials for an interval")
    assert "bars: 95 % interval, these 3 utterances only" in labels[1]


def test_another_delay_is_drawn_where_it_is_named() -> None:
    results = _sweep({"a": (300.0, 1), "b": (200.0, 2)})
    assert set(results.frontier(delay="total_ms").frame["delay_ms"]) == {2000.0}
    with pytest.raises(ConfigError, match=r"delay='words' must be a column of milliseconds"):
        results.frontier(delay="words")
    with pytest.raises(ConfigError, match="no column"):
        results.frontier(delay="speech_end_to_comitted_ms")


def test_typed_utterances_have_no_frontier_and_the_error_says_why() -> None:
    # Typed turns were answered, but no server ended them.
    typed = {"speech_end_to_stopped_ms": None, "speech_end_to_response_ms": 20.0}
    with pytest.raises(ConfigError, match=r"typed utterances show nothing of turn detection.*rt\.spoken"):
        _sweep({"a": (None, 0), "b": (None, 0)}, **typed).frontier()
    # Speech that the server cut off, and never answered in whole, was not typed.
    with pytest.raises(ConfigError, match="no trial has a delay"):
        _sweep({"a": (None, 1)}, speech_end_to_stopped_ms=None, speech_end_to_first_audible_ms=None).frontier()


@pytest.mark.parametrize(("count", "width_px"), [(1, 640), (3, 320), (3, 1200), (20, 640)])
def test_every_point_is_named_at_any_width(count: int, width_px: int) -> None:
    points: dict[str, tuple[float | None, int]] = {
        f"$silence^{{{n}}}$ <b>&": (200.0 + 40 * n, 20 - n) for n in range(count)
    }
    figure: Any = _sweep(points).frontier("variant", width_px=width_px)
    texts = [text.get_text() for text in figure.findobj() if hasattr(text, "get_text")]
    for name in points:
        assert any(name.replace("$", r"\$") in text for text in texts)
        assert f"{name}: " in figure.alt
    assert figure.svg("dark").startswith("<svg ")
