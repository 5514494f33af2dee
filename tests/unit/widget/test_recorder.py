"""The recorder keeps what the page sends if it is a recording, and refuses everything else without losing anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.widget.recorder import Recorder
from tests.unit.audio.spoken import words

RATE = 24_000


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder(["What is the time?"])
    yield made
    made.close()


def _answers(recorder: Recorder, content: Any, *buffers: bytes) -> list[Any]:
    sent: list[Any] = []
    recorder.send = lambda content, buffers=None: sent.append(content)
    recorder._receive(recorder, content, [memoryview(each) for each in buffers])
    return sent


def _pcm() -> bytes:
    return bytes(words().tobytes())


def _keep(label: str = "time", said: str = "") -> dict[str, Any]:
    return {"kind": "keep", "take": "t1", "label": label, "said": said}


def test_a_kept_recording_is_an_utterance_to_the_sample(recorder: Recorder) -> None:
    pcm = _pcm()
    assert _answers(recorder, _keep(said="What is the time?"), pcm) == [{"kind": "kept", "take": "t1", "label": "time"}]
    (utterance,) = recorder.utterances
    assert utterance.sound.tobytes() == pcm
    assert (utterance.label, utterance.said, utterance.synthetic) == ("time", "What is the time?", False)
    assert recorder.kept == [{"label": "time", "said": "What is the time?", "seconds": len(pcm) / 2 / RATE}]


def test_names_are_distinct_and_never_empty(recorder: Recorder) -> None:
    for label in ("time", "time", "", ""):
        _answers(recorder, _keep(label), _pcm())
    assert [each.label for each in recorder.utterances] == ["time", "time (2)", "recording 3", "recording 4"]


@pytest.mark.parametrize(
    ("content", "buffers", "reason"),
    [
        (_keep(), [], "0.00 s"),
        (_keep(), [b"\0" * 101], "0.00 s"),
        (_keep(), [b"\0" * 4801], "0.10 s"),
        (_keep(), [b"\0\0" * RATE * 61], "to 60 s"),
        (_keep(), [b"\0\0" * RATE], "no speech"),
        (_keep(), [b"\0\0" * RATE, b"\0\0" * RATE], "0.00 s"),
        (_keep("x" * 201), [b"\0\0" * RATE], "at most 200"),
        ({**_keep(), "label": 3}, [b"\0\0" * RATE], "label must be a text"),
        ({**_keep(), "said": None}, [b"\0\0" * RATE], "said must be a text"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_reason(
    recorder: Recorder, content: Any, buffers: list[bytes], reason: str
) -> None:
    (answer,) = _answers(recorder, content, *buffers)
    assert (answer["kind"], answer["take"]) == ("refused", "t1")
    assert re.search(reason, answer["reason"])
    assert recorder.utterances == ()


@pytest.mark.parametrize(
    "content", [None, 3, [], {}, {"kind": "keep"}, {"kind": "remove", "label": "none"}, {"kind": []}]
)
def test_a_hostile_message_changes_nothing(recorder: Recorder, content: Any) -> None:
    assert _answers(recorder, content, b"\0\0") == []
    assert recorder.utterances == ()


def test_an_utterance_can_be_removed_in_code_and_in_the_page(recorder: Recorder) -> None:
    for label in ("a", "b", "c"):
        _answers(recorder, _keep(label), _pcm())
    _answers(recorder, {"kind": "remove", "label": "a"})
    recorder.remove("c")
    assert [each.label for each in recorder.utterances] == ["b"]
    with pytest.raises(rt.ConfigError, match="there are b"):
        recorder.remove("a")


def test_a_saved_folder_holds_the_sound_and_the_words(recorder: Recorder, tmp_path: Path) -> None:
    _answers(recorder, _keep("../what/is", "What is?"), _pcm())
    (path,) = recorder.save(tmp_path / "set")
    assert path.parent == tmp_path / "set"
    assert rt.Utterance(path).sound.tobytes() == _pcm()
    assert path.with_suffix(".txt").read_text() == "What is?\n"
    with pytest.raises(FileExistsError):
        recorder.save(tmp_path / "set")


@pytest.mark.parametrize("prompts", [[3], [""], ["ok", None]])
def test_prompts_are_sentences(prompts: Any) -> None:
    with pytest.raises(rt.ConfigError, match="prompts holds"):
        Recorder(prompts)


def test_observers_see_each_kept_utterance(recorder: Recorder) -> None:
    seen: list[int] = []
    recorder.observe(lambda change: seen.append(len(change["new"])), "utterances")
    _answers(recorder, _keep(), _pcm())
    _answers(recorder, _keep(), _pcm())
    assert seen == [1, 2]
    assert np.all(recorder.utterances[0].sound == recorder.utterances[1].sound)
