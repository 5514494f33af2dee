"""The results card's requests: each is answered once, a bad one is refused and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jupyter_client.session import json_packer

import realtime_nb as rt
from realtime_nb.audio import AudioClip
from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.view import show
from realtime_nb.lab.view.card import ResultsCard
from realtime_nb.lab.view.requests import REQUESTS, answer
from realtime_nb.lab.view.static_page import static_html
from tests.unit.lab.results.sweeps import failed, row, rows_of

ANSWER = AudioClip(np.arange(480, dtype=np.int16), 24_000)
SAID = AudioClip(np.arange(160, dtype=np.int16), 8_000)


def _results(folder: Path | None = None, **columns: Any) -> Results:
    calls = [{"name": "set_timer", "arguments": {"minutes": 5}}]
    return Results(
        [row("brief", {"voice": "marin"}, tool_calls=calls, **columns), row("long", {"voice": "cedar"})],
        folder=folder,
        audio=lambda row: ANSWER if row["variant"] == "brief" else None,
        user_audio=lambda row: SAID,
    )


def _ask(results: Results, request: str, **content: Any) -> Any:
    reply = answer(results, {"kind": "ask", "id": "1", "request": request, "content": content})
    assert reply is not None
    return reply


def _refusal(results: Results, request: str, **content: Any) -> str:
    message, buffers = _ask(results, request, **content)
    assert (message["kind"], message["id"], list(buffers)) == ("refused", "1", [])
    return str(message["reason"])


def test_open_card_gets_a_message_after_grades_and_ratings_that_names_the_question_that_changed_them() -> None:
    results = _results()
    card: Any = ResultsCard(results)
    show._cards[results] = card
    sent: list[Any] = []

    def keep(*_: Any, data: Any, **__: Any) -> None:
        content = data.get("content", {})
        sent.append((content.get("kind"), content.get("by")))

    card.comm.publish_msg = keep
    results.grade(lambda trial: len(trial.text))
    assert sent == [("changed", "")]
    content = {"trial": results.rows[0]["trial_id"], "value": 4}
    card._receive(None, {"kind": "ask", "id": "5-7-1", "request": "rate", "content": content}, None)
    assert card.answered.wait(30)
    # The page that asked shows its rating already; another view of the card does not.
    assert sent[1:] == [("changed", "5-7-1"), ("answer", None)]
    results.rate(results.rows[0]["trial_id"], 5)
    assert sent[3:] == [("changed", "")]
    card.close()


def test_trial_is_answered_with_both_transcripts_and_its_calls() -> None:
    results = _results(rating=4, rating_note="warm")
    message, buffers = _ask(results, "trial", trial=results.rows[0]["trial_id"], turn=0)
    assert message == {
        "kind": "answer",
        "id": "1",
        "content": {
            "said": "What is 0 plus one?",
            "heard": "What is 0 plus one?",
            "text": "It is 1.",
            "tool_calls": [{"name": "set_timer", "arguments": '{"minutes": 5}'}],
            "error": "",
            "recognition": "",
            "rating": 4,
            "rating_note": "warm",
        },
    }
    assert not buffers


@pytest.mark.parametrize(("side", "clip"), [("answer", ANSWER), ("user", SAID)])
def test_sound_arrives_to_the_sample(side: str, clip: AudioClip) -> None:
    results = _results()
    message, buffers = _ask(results, "sound", trial=results.rows[0]["trial_id"], side=side)
    assert message["content"] == {"rate": clip.rate}
    assert bytes(buffers[0]) == clip.samples.tobytes()


def test_sound_that_was_not_kept_is_no_error() -> None:
    results = _results()
    message, buffers = _ask(results, "sound", trial=results.rows[1]["trial_id"], side="answer")
    assert message["content"] == {"rate": 0}
    assert not buffers


def test_rating_is_kept_in_the_rows_and_in_the_folder(tmp_path: Path) -> None:
    results = _results(tmp_path)
    trial_id = results.rows[0]["trial_id"]
    message, _ = _ask(results, "rate", trial=trial_id, turn=0, value=5, note="warm")
    assert message["content"] == {"rating": 5, "rating_note": "warm"}
    assert results.trial(trial_id).rating == 5
    assert _results(tmp_path).trial(trial_id).rating_note == "warm"


@pytest.mark.parametrize(
    ("request_kind", "content", "reason"),
    [
        ("trial", {}, "trial=None must be the id"),
        ("trial", {"trial": "none such"}, "no trial 'none such'"),
        ("trial", {"trial": "FIRST", "turn": "0"}, "turn='0'"),
        ("trial", {"trial": "FIRST", "turn": 7}, "no trial"),
        ("sound", {"trial": "FIRST", "side": "both"}, "side='both'"),
        ("rate", {"trial": "FIRST", "value": "5"}, "value='5'"),
        ("rate", {"trial": "FIRST", "value": True}, "value=True"),
        ("rate", {"trial": "FIRST", "value": float("nan")}, "value=nan"),
        ("rate", {"trial": "FIRST", "value": 1, "note": "x" * 2001}, "2000 characters"),
        ("no such request", {}, "does not have"),
    ],
)
def test_bad_request_is_refused_and_changes_nothing(
    request_kind: str, content: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    results = _results(tmp_path)
    before = [dict(each) for each in results.rows]
    first = results.rows[0]["trial_id"]
    given = {name: first if value == "FIRST" else value for name, value in content.items()}
    assert reason in _refusal(results, request_kind, **given)
    assert results.rows == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "message",
    [
        None,
        "ask",
        [],
        {"kind": "answer"},
        {"kind": "ask"},
        {"kind": "ask", "id": 1, "request": "table", "content": {}},
        {"kind": "ask", "id": "", "request": "table", "content": {}},
        {"kind": "ask", "id": "x" * 65, "request": "table", "content": {}},
    ],
)
def test_message_that_is_no_request_gets_no_answer(message: Any) -> None:
    assert answer(_results(), message) is None


@pytest.mark.parametrize("content", [None, [], "x"])
def test_request_without_content_is_refused(content: Any) -> None:
    for request in (*REQUESTS, ["table"]):
        message, _ = answer(_results(), {"kind": "ask", "id": "1", "request": request, "content": content}) or ({}, ())
        assert message["kind"] == "refused"


def test_half_letters_of_a_server_do_not_keep_an_answer_from_the_page() -> None:
    half = "half \ud83d"
    calls = [{"name": half, "arguments": {half: [half]}}]
    results = _results(text=half, heard=half, said=half, rating_note=half, grade=half)
    results.rows[0] |= {"tool_calls": calls, "utterance": half}
    trial_id = results.rows[0]["trial_id"]
    for request, content in (
        ("table", {}), ("trial", {"trial": trial_id}), ("pair-trials", {"utterance": half}),
        ("sound", {"trial": half, "side": "user"}),
    ):  # fmt: skip
        message, _ = _ask(results, request, **content)
        assert b"half" in json_packer(message)
    static_html(results).encode()


def test_rating_too_large_for_a_table_is_refused_and_the_table_still_shows(tmp_path: Path) -> None:
    results = _results(tmp_path)
    with pytest.raises(ConfigError, match="too large"):
        results.rate(results.rows[0]["trial_id"], 10**400)
    assert _ask(results, "table")[0]["kind"] == "answer"
    assert not list(tmp_path.iterdir())


def test_refusal_does_not_send_megabytes_back() -> None:
    assert len(_refusal(_results(), "sound", trial="x" * 5_000_000, side="answer")) <= 2_000


def test_unexpected_failure_is_answered_too() -> None:
    def broken(row: Any) -> Any:
        raise OSError("disk")

    results = Results([row("brief", {})], audio=broken)
    reason = _refusal(results, "sound", trial=results.rows[0]["trial_id"], side="answer")
    assert reason == "OSError: disk"


def _column(results: Results, name: str) -> Any:
    message, buffers = _ask(results, "table")
    column = next(each for each in message["content"]["columns"] if each["name"] == name)
    if column["kind"] == "text":
        return column["values"]
    if column["kind"] == "category":
        codes = np.frombuffer(buffers[column["buffer"]], "<i4")
        return [None if code < 0 else column["values"][code] for code in codes]
    return np.frombuffer(buffers[column["buffer"]], "<f8").tolist()


def test_table_holds_every_row_in_columns() -> None:
    rows = rows_of({"brief": {"voice": "marin"}, "long": {"voice": None}}, utterances=3, repeats=2)
    rows[3] = failed(rows[3])
    results = Results(rows)
    content = _ask(results, "table")[0]["content"]
    assert content["rows"] == len(rows)
    shown = [each["name"] for each in content["columns"] if each["shown"]]
    assert shown[:3] == ["variant", "utterance", "speech_end_to_first_audible_ms"]
    assert shown[-1] == "text"
    assert _column(results, "variant") == [each["variant"] for each in rows]
    assert _column(results, "voice") == [each["voice"] for each in rows]
    assert _column(results, "trial_id") == [each["trial_id"] for each in rows]
    waits = _column(results, "total_ms")
    assert np.isnan(waits[3])
    assert waits[:3] == [each["total_ms"] for each in rows[:3]]
    assert _column(results, "polite")[:3] == [float(each["polite"]) for each in rows[:3]]
    assert _column(results, "error")[3].startswith("ConnectionClosed")


def test_choices_stand_in_the_order_of_the_grid_numbers_and_utterances_ascending() -> None:
    variants = rt.grid(instructions=["Think first.", "Be brief."], speed=[1.25, 0.5, 1.0])
    rows = [
        row(each.name, {**each.settings, "instructions": each.labels.get("instructions")}, number, mood=mood)
        for each in variants
        for number, mood in ((10, "warm"), (2, "cold"))
    ]
    results = Results([rows[place] for place in np.random.default_rng(3).permutation(len(rows))], variants=variants)
    content, buffers = _ask(results, "table")
    found = {each["name"]: each for each in content["content"]["columns"]}
    assert found["variant"]["values"] == [each.name for each in variants]
    assert found["speed"]["values"] == ["0.5", "1.0", "1.25"]
    assert found["instructions"]["values"] == [variants[0].labels["instructions"], variants[-1].labels["instructions"]]
    assert found["utterance"]["values"] == ["question 2.wav", "question 10.wav"]
    assert found["mood"]["values"] == ["cold", "warm"]
    codes = np.frombuffer(buffers[found["speed"]["buffer"]], "<i4")
    assert [float(found["speed"]["values"][code]) for code in codes] == [each["speed"] for each in results.rows]


def test_table_says_which_direction_is_better_and_leaves_empty_columns_out() -> None:
    columns = {each["name"]: each for each in _ask(_results(), "table")[0]["content"]["columns"]}
    assert (columns["total_ms"]["unit"], columns["total_ms"]["better"]) == ("ms", "lower")
    assert columns["turn_taking"]["better"] == "higher"
    assert "speech_end_to_first_text_ms" not in columns
    assert "rating" in columns
    assert not columns["rating"]["shown"]


def test_labels_of_a_grader_are_categories() -> None:
    results = Results([row("a", {}, tone="warm"), row("b", {}, tone=None), row("c", {}, tone="cold")])
    assert _column(results, "tone") == ["warm", None, "cold"]


def test_long_text_is_cut_in_the_table_only() -> None:
    results = Results([row("a", {}, text="x" * 5000)])
    assert _column(results, "text") == ["x" * 400]
    message, _ = _ask(results, "trial", trial=results.rows[0]["trial_id"])
    assert message["content"]["text"] == "x" * 5000
