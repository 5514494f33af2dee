from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.conversation.turn import TurnSound
from realtime_nb.errors import RealtimeError
from realtime_nb.notebook.event_log import EventRecord
from realtime_nb.notebook.health import Health
from realtime_nb.wire.realtime import decode_server


def _all(kind: type[RealtimeError]) -> list[type[RealtimeError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all(child))]


@pytest.mark.parametrize(
    "error",
    [
        rt.ServerError("m", code="c", param="p", event_id="e"),
        rt.ConnectError("m", status=401, retryable=False),
        rt.MicrophoneError("m", reason="denied"),
        rt.TimeoutError("m"),
    ],
)
def test_an_error_keeps_its_facts_in_another_process(error: RealtimeError) -> None:
    for back in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(back) is type(error)
        assert (str(back), back.args, vars(back)) == (str(error), error.args, vars(error))


def test_every_error_of_the_package_can_be_pickled() -> None:
    for kind in _all(RealtimeError):
        error = kind.__new__(kind, "the message")
        error.args = ("the message",)
        assert str(pickle.loads(pickle.dumps(error))) == "the message", kind


def test_turns_and_clips_can_be_pickled() -> None:
    pieces = [np.arange(100, dtype="<i2").tobytes()]
    call = rt.ToolCall("c", "f", "{}", "completed", "1")
    sound = TurnSound(pieces, 100)
    turn = rt.Turn("i", 3, "assistant", "Hello", "Hello", "completed", tool_calls=(call,), _sound=sound)
    pieces.append(b"later sound")
    back = pickle.loads(pickle.dumps(turn))
    assert (back, back.text, back.tool_calls, back.audio) == (turn, "Hello", (call,), turn.audio)
    assert back.audio_ms == turn.audio_ms
    with pytest.raises(ValueError, match="read-only"):
        back.audio.samples[0] = 1


@pytest.mark.parametrize(
    "value",
    [
        rt.Usage(),
        rt.Latency(total=12.0),
        rt.ServerVad(threshold=0.5),
        rt.SemanticVad(eagerness="low"),
        rt.Transcription(language="de"),
        rt.Microphone(device="x"),
        rt.Reconnect(),
    ],
)
def test_values_can_be_pickled(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type": "response.done", "response": {"id": "r", "status": "completed", "output": [], "usage": null}}',
        b'{"type": "vendor.cheered", "loudness": 11}',
        b'{"type": "error", "error": {"message": "no", "code": 7}}',
    ],
)
def test_events_can_be_pickled(frame: bytes) -> None:
    event = decode_server(frame)
    back = pickle.loads(pickle.dumps(event))
    assert (back, back.raw, getattr(back, "lost", ())) == (event, event.raw, getattr(event, "lost", ()))


def test_records_of_events_and_health_can_be_pickled() -> None:
    record = EventRecord(1.0, "server", "error", {"type": "error"})
    assert pickle.loads(pickle.dumps(record)) == record
    assert pickle.loads(pickle.dumps(Health())) == Health()


def test_a_question_can_be_pickled() -> None:
    back = pickle.loads(pickle.dumps(rt.Utterance(np.arange(100, dtype=np.int16), rate=24_000, label="x")))
    assert (back.label, back.sound.tolist()) == ("x", list(range(100)))


def test_a_repr_shows_no_control_characters() -> None:
    evil = "\x1b[2J\nTurn(user\u202e"
    call = rt.ToolCall("c", evil, evil)
    turn = rt.Turn("i", 1, "user", evil, evil, "failed", tool_calls=(call,), note=evil)
    record = EventRecord(1.0, "server", evil, {"type": evil, "delta": evil})
    for shown in (repr(turn), repr(call), repr(rt.Utterance(text=evil)), repr(record)):
        assert not [c for c in shown if not c.isprintable()], shown
