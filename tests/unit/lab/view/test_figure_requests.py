"""The pane Figures: which figures results have, and one of them for a theme and a width."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_nb.lab.results.results import Results
from realtime_nb.lab.view.requests import answer
from tests.unit.lab.results.sweeps import failed, row, rows_of

_VOICES = {name: {"voice": name} for name in ("marin", "cedar")}
_PAGE = {"figure": "distribution", "theme": "light", "width": 640}


def _ask(results: Results, request: str, **content: Any) -> tuple[dict[str, Any], Any]:
    reply = answer(results, {"kind": "ask", "id": "1", "request": request, "content": content})
    assert reply is not None
    json.dumps(reply[0], allow_nan=False)  # a comm message is JSON
    return reply


def _choices(results: Results) -> dict[str, dict[str, Any]]:
    found = _ask(results, "figures")[0]["content"]["figures"]
    return {each["kind"]: each for each in found}


def test_every_offered_figure_can_be_drawn() -> None:
    results = Results([{**each, "mood": "warm"} for each in rows_of(_VOICES, utterances=2, repeats=2)])
    choices = _choices(results)
    assert list(choices) == ["comparison", "distribution", "frontier", "costs"]
    assert choices["comparison"]["by"] == ["variant", "voice"]
    assert choices["distribution"]["by"] == ["variant", "voice", "utterance"]
    assert "polite" in choices["comparison"]["metrics"]
    assert "mood" not in choices["comparison"]["metrics"]  # labels have no differences
    assert "mood" in choices["distribution"]["metrics"]
    asked = [(kind, {"by": each["by"][-1]}) for kind, each in choices.items()]
    asked += [("distribution", {"metric": name}) for name in [*choices["distribution"]["metrics"][:4], "mood"]]
    for kind, options in asked:
        message, (svg,) = _ask(results, "figure", **{**_PAGE, "figure": kind, **options})
        assert message["kind"] == "answer", message
        assert svg.startswith(b"<svg ")
        assert all(len(line) == len(message["content"]["head"]) for line in message["content"]["lines"])


def test_sweep_of_turn_detection_begins_with_its_frontier() -> None:
    detected = {f"silence {ms} ms": {"turn_detection": f"server_vad silence_duration_ms={ms}"} for ms in (200, 500)}
    assert next(iter(_choices(Results(rows_of(detected, utterances=2))))) == "frontier"


def test_results_of_one_variant_are_compared_with_nothing() -> None:
    assert set(_choices(Results([row("only", {})]))) == {"distribution", "costs"}


def test_sweep_of_failures_is_answered_with_reasons() -> None:
    results = Results([failed(row(name, {"voice": name})) for name in ("a", "b")])
    for kind in _choices(results):
        message, _ = _ask(results, "figure", **{**_PAGE, "figure": kind})
        assert message["kind"] == "answer" or message["reason"]


def test_figure_is_drawn_for_the_theme_and_the_width() -> None:
    results = Results(rows_of(_VOICES, utterances=2, repeats=1))
    sizes = {}
    for theme in ("light", "dark"):
        for width in (320, 1200):
            _, (svg,) = _ask(results, "figure", **{**_PAGE, "theme": theme, "width": width})
            sizes[theme, width] = svg
    assert b'width="240pt"' in sizes["light", 320]
    assert b'width="900pt"' in sizes["dark", 1200]
    assert sizes["light", 320] != sizes["dark", 320]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"figure": "pie"}, "figure='pie'"),
        ({"figure": ["comparison"]}, "must be a text"),
        ({"theme": "blue"}, "theme='blue'"),
        ({"width": 10}, "width=10"),
        ({"width": 1e9}, "width=1000000000.0"),
        ({"width": True}, "width=True"),
        ({"by": {"a": 1}}, "by={'a': 1}"),
        ({"by": "voices"}, "Did you mean 'voice'"),
        ({"metric": "word"}, "Did you mean 'words'"),
    ],
)
def test_bad_request_is_refused_with_its_reason(wrong: dict[str, Any], reason: str) -> None:
    results = Results(rows_of(_VOICES, utterances=2, repeats=1))
    message, buffers = _ask(results, "figure", **{**_PAGE, **wrong})
    assert (message["kind"], list(buffers)) == ("refused", [])
    assert reason in message["reason"]
