"""The timeline of a recording: detected speech and answers on the recording's clock, from a server's events."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.trace import StampedEvent, TrialTrace
from realtime_nb.lab.results.timeline import Answer, timeline_line
from realtime_nb.lab.view.figure_requests import drawn_figure, figure_choices
from realtime_nb.wire.realtime import decode_server
from tests.unit.lab.results.sweeps import row

_RATE = 24_000
# Speech to 2.0 s of the recording, whose first sample was due at 10,000 ms.
_SPEECH, _ZERO = SpeechSpan(0, 2 * _RATE), 12_000.0


def _event(at_ms: float, type: str, **fields: Any) -> StampedEvent:  # noqa: A002
    return StampedEvent(10_000 + at_ms, decode_server(json.dumps({"type": type, "event_id": "e", **fields})))


def _sound(at_ms: float, response: str, ms: int) -> StampedEvent:
    delta = base64.b64encode(np.full(ms * _RATE // 1000, 3_000, "<i2").tobytes()).decode()
    return _event(
        at_ms, "response.output_audio.delta", delta=delta, response_id=response, item_id=f"i_{response}",
        output_index=0, content_index=0,
    )  # fmt: skip


def _text(at_ms: float, response: str, kind: str) -> StampedEvent:
    where = {"response_id": response, "item_id": f"i_{response}", "output_index": 0, "content_index": 0}
    return _event(at_ms, kind, delta="Yes", **where)


def _done(at_ms: float, response: str, status: str = "completed") -> StampedEvent:
    return _event(at_ms, "response.done", response={"id": response, "status": status})


def _answers(*events: StampedEvent) -> tuple[Answer, ...]:
    return timeline_line("a", {}, TrialTrace(events, _ZERO, _SPEECH)).answers


def test_answer_is_heard_from_its_arrival_for_as_long_as_its_sound_lasts() -> None:
    transcript = _text(2_300, "r", "response.output_audio_transcript.delta")
    found = _answers(transcript, _sound(2_500, "r", 400), _sound(2_550, "r", 600), _done(2_600, "r"))
    assert found == (Answer(2_500, 3_500, cut=False),)


def test_truncated_answer_was_heard_as_far_as_it_was_played() -> None:
    cut = _event(1_400, "conversation.item.truncated", item_id="i_r", content_index=0, audio_end_ms=300)
    late = _sound(2_500, "s", 200)
    found = _answers(_sound(900, "r", 5_000), _done(950, "r"), cut, late, _done(2_600, "s"))
    assert found == (Answer(900, 1_200, cut=True), Answer(2_500, 2_700, cut=False))


def test_cancelled_answer_was_heard_until_then_at_most() -> None:
    assert _answers(_sound(900, "r", 5_000), _done(1_400, "r", "cancelled")) == (Answer(900, 1_400, cut=True),)
    assert _answers(_sound(900, "r", 100), _done(1_400, "r", "cancelled")) == (Answer(900, 1_000, cut=True),)


def test_second_answer_waits_for_the_first_one_to_end() -> None:
    found = _answers(_sound(900, "r", 1_000), _done(950, "r"), _sound(1_000, "s", 200), _done(1_050, "s"))
    assert found[1] == Answer(1_900, 2_100, cut=False)


def test_typed_answer_is_there_from_its_first_word_to_its_end() -> None:
    assert _answers(_text(2_400, "r", "response.output_text.delta"), _done(2_700, "r")) == (
        Answer(2_400, 2_700, cut=False),
    )
    assert _answers(_event(2_300, "response.created", response={"id": "r"}), _done(2_400, "r")) == ()


def _results(**columns: Any) -> rt.Results:
    how = {"speech": columns.pop("speech", _SPEECH), "pacing": columns.get("pacing", "realtime")}
    trace = TrialTrace((_sound(2_900, "r", 500), _done(3_000, "r")), _ZERO, **how)
    rows = [
        row(f"silence {ms}", {"turn_detection": ms}, **{"detected_ms": [[-100.0, 2_000.0 + ms]], **columns})
        for ms in (800, 200)
    ]
    variants = [rt.Variant(f"silence {ms}", {}) for ms in (800, 200)]
    clip = rt.AudioClip(np.full(2 * _RATE, 1_000, np.int16))
    return rt.Results(rows, variants=variants, user_audio=lambda _: clip, trace=lambda _: trace)


def test_figure_has_a_line_for_each_variant_in_their_order_and_says_its_numbers() -> None:
    figure = _results(cut_offs=1, speech_end_to_stopped_ms=300.0).timeline()
    assert "silence 800: speech detected from −100 to 2,800 ms, 1 cut-off, the turn ended 300 ms" in figure.alt
    assert figure.alt.index("silence 800") < figure.alt.index("silence 200")
    frame = figure.frame
    assert list(frame["what"]) == ["detected", "answer"] * 2
    assert list(frame["start_ms"]) == [-100, 2_900] * 2
    silent = _results(missed=True, detected_ms=[]).timeline(width_px=320)
    assert "no speech detected" in silent.alt
    assert "<svg" in silent.svg("dark")
    assert "turn detection is off" in _results(pacing="manual_commit", detected_ms=[]).timeline().alt


def test_failed_answer_is_named_where_the_answer_would_stand() -> None:
    failed = _results(error="the response failed: stream_broken: the model stopped", failed=True).timeline()
    assert failed.alt.count("the answer failed") == 2
    assert failed.svg("light").count("the answer failed") == 2
    assert "failed" not in _results().timeline().alt


def test_figures_of_the_card_hold_the_timeline_of_each_recording() -> None:
    found = _results()
    (choice,) = [each for each in figure_choices(found) if each.kind == "timeline"]
    assert (choice.by, choice.by_title) == (("question 0.wav",), "Recording")
    assert drawn_figure(found, "timeline", "question 0.wav", width_px=640).alt == found.timeline().alt
    assert all(each.kind != "timeline" for each in figure_choices(rt.Results([row("a", {})])))


def test_utterance_is_named_by_its_label_or_given_as_it_was_said() -> None:
    found = _results()
    assert "question 0.wav" in found.timeline("question 0.wav").alt
    long = "How old is the blue whale in the great hall?"
    assert "question 0.wav" in _results(said=long).timeline(long).alt, "a label may be the beginning of the words"
    with pytest.raises(rt.ConfigError, match=r"'question 1.wav' was not said.*Did you mean 'question 0.wav'"):
        found.timeline("question 1.wav")
    with pytest.raises(rt.ConfigError, match="'hello' was not said"):
        found.timeline(rt.Utterance("hello"))
    with pytest.raises(rt.ConfigError, match="repeat=3"):
        found.timeline(repeat=3)


def test_first_recording_is_drawn_where_typed_words_stand_before_it() -> None:
    spoken = _results(speech_end_to_committed_ms=300.0)
    both = rt.Results([row("silence 800", {}, utterance=7), *spoken.rows], trace=spoken._trace)
    assert "question 0.wav" in both.timeline().alt


def test_typed_words_and_rows_without_events_have_no_timeline() -> None:
    with pytest.raises(rt.ConfigError, match="was typed"):
        _results(speech=None).timeline()
    with pytest.raises(rt.ConfigError, match="no events were kept"):
        rt.Results([row("a", {})]).timeline()
