from __future__ import annotations

import numpy as np
import pytest

from realtime_nb.conversation import ClearSent, CommitSent, Conversation, InputAppended, reduce
from realtime_nb.conversation.input_timeline import LONGEST_SAMPLES, PREROLL_SAMPLES, InputTimeline

from .dsl import conversation, wire


def ramp(start: int, samples: int) -> bytes:
    return (np.arange(start, start + samples) % 30_000).astype("<i2").tobytes()


def test_cut_returns_the_exact_samples() -> None:
    line = InputTimeline()
    for start in range(0, 4800, 480):
        line.append(ramp(start, 480), start / 24_000)
    assert line.cut(1000, 3000) == ramp(1000, 2000)


def test_old_silence_is_dropped_where_the_server_detects_turns() -> None:
    line = InputTimeline()
    line.detected = True
    for _ in range(300):
        line.append(bytes(48_000), None)
    assert sum(len(pcm) // 2 for _, pcm, _ in line._chunks) <= PREROLL_SAMPLES + 24_000


def test_endless_push_to_talk_has_bounded_memory() -> None:
    line = InputTimeline()
    for _ in range(700):
        line.append(bytes(48_000), None)
    assert sum(len(pcm) // 2 for _, pcm, _ in line._chunks) <= LONGEST_SAMPLES + 24_000
    assert line.end == 700 * 24_000


def test_detected_speech_is_kept_from_its_start() -> None:
    line = InputTimeline()
    line.detected = True
    line.append(bytes(48_000), None)
    line.speech_start = 0
    for _ in range(150):
        line.append(bytes(48_000), None)
    assert len(line.cut(0, line.end)) // 2 == 151 * 24_000


def test_a_detected_turn_is_cut_by_the_sessions_clock_across_commits() -> None:
    script = conversation().user("first", ms=400)
    script.mic(1000, value=7).user("second", ms=600)
    first, second = (turn.audio for turn in script.play().turns)
    assert first is not None
    assert second is not None
    assert (first.duration_ms, second.duration_ms) == (400, 600)
    assert set(second.samples.tolist()) == {500}


def test_manual_commit_contains_all_audio_since_the_last_one() -> None:
    state = Conversation()
    for n in range(2):
        for start in range(0, 2400, 480):
            reduce(state, InputAppended(ramp(start + 5000 * n, 480)), 1.0)
        reduce(state, CommitSent(), 1.0)
        reduce(state, InputAppended(ramp(20_000, 10)), 1.0)  # belongs to the next turn
        reduce(state, wire(type="input_audio_buffer.committed", item_id=f"u{n}"), 1.1)
        state.store.transcribing = False
    second = state.turn("u1")
    assert second is not None
    assert second.audio is not None
    assert second.audio.samples.tobytes() == ramp(20_000, 10) + ramp(5000, 2400)


def test_a_cleared_buffer_is_in_no_turn() -> None:
    state = Conversation()
    reduce(state, InputAppended(ramp(0, 480)), 1.0)
    reduce(state, wire(type="input_audio_buffer.cleared"), 1.0)
    reduce(state, InputAppended(ramp(9000, 480)), 1.0)
    reduce(state, wire(type="input_audio_buffer.committed", item_id="u"), 1.1)
    turn = state.turn("u")
    assert turn is not None
    assert turn.audio is not None
    assert turn.audio.samples.tobytes() == ramp(9000, 480)


def test_audio_sent_between_clear_and_its_answer_is_in_the_turn() -> None:
    state = Conversation()
    reduce(state, InputAppended(ramp(0, 480)), 1.0)
    reduce(state, ClearSent(), 1.0)
    reduce(state, InputAppended(ramp(9000, 480)), 1.0)
    reduce(state, CommitSent(), 1.0)
    reduce(state, InputAppended(ramp(20_000, 480)), 1.0)
    reduce(state, wire(type="input_audio_buffer.cleared"), 1.0)
    reduce(state, wire(type="input_audio_buffer.committed", item_id="u"), 1.1)
    turn = state.turn("u")
    assert turn is not None
    assert turn.audio is not None
    assert turn.audio.samples.tobytes() == ramp(9000, 480)


def test_manual_commit_during_speech_ends_the_turn_where_it_was_sent() -> None:
    script = conversation().mic(200, value=1)
    script.server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=100).mic(300, value=2)
    script.fact(CommitSent()).mic(100, value=3).server("input_audio_buffer.committed", item_id="u")
    script.assistant("hello")
    user, answer = script.play().turns
    assert user.audio is not None
    assert user.audio.samples.tolist() == [1] * 2400 + [2] * 7200
    assert answer.latency.speech_end_to_committed == pytest.approx(100)


def test_a_refused_commit_ends_no_turn() -> None:
    state = Conversation()
    reduce(state, CommitSent(), 1.0)
    error = {"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty", "message": "empty"}
    reduce(state, wire(type="error", error=error), 1.0)
    reduce(state, InputAppended(ramp(0, 480)), 1.0)
    reduce(state, CommitSent(), 1.0)
    reduce(state, wire(type="input_audio_buffer.committed", item_id="u"), 1.1)
    turn = state.turn("u")
    assert turn is not None
    assert turn.audio_ms == 20


def test_a_new_session_begins_its_clock_at_zero() -> None:
    script = conversation().user("before", ms=400)
    script.server("session.created", session={"type": "realtime", "id": "sess_2"})
    script.appended = 0
    script.user("after", ms=600)
    audio = script.play().turns[1].audio
    assert audio is not None
    assert audio.duration_ms == 600
