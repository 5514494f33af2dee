"""Everything that can be said in an experiment becomes utterances with labels of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import realtime_nb as rt
from realtime_nb.audio.wav import write_wav
from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation.turn import Turn, TurnSound
from realtime_nb.lab.utterances import as_utterances, perturb


def _speech(seed: int, seconds: float = 0.5) -> np.ndarray[Any, np.dtype[np.int16]]:
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(24_000 * (seconds + 0.4)), np.int16)
    sound[4_800 : 4_800 + int(24_000 * seconds)] = rng.integers(-9000, 9000, int(24_000 * seconds))
    return sound


def _labels(given: Any) -> list[str | None]:
    return [said.label for said in as_utterances(given)]


def test_a_folder_gives_its_sound_files_in_order_with_the_words_beside_them(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_wav(tmp_path / f"{name}.wav", _speech(ord(name)), 24_000)
    (tmp_path / "a.txt").write_text("What time is it?\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not sound", encoding="utf-8")
    files = [tmp_path / "a.wav", str(tmp_path / "b.wav")]
    for given in (tmp_path, str(tmp_path), [tmp_path], [f"{tmp_path}/"], files):
        a, b = as_utterances(given)
        assert (a.label, b.label) == ("a.wav", "b.wav")
        assert isinstance(a, Utterance)
        assert a.said == "What time is it?"
        assert a.speech is not None
        assert abs(a.speech.end_ms - 700) < 15


def test_a_word_in_a_list_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Hello").mkdir()
    monkeypatch.chdir(tmp_path)
    (said,) = as_utterances(["Hello"])
    assert isinstance(said, Utterance)
    assert said.text == "Hello"


def test_a_folder_without_sound_says_so(tmp_path: Path) -> None:
    with pytest.raises(rt.ConfigError, match="holds no sound file"):
        as_utterances(tmp_path)


def test_a_data_frame_has_an_utterance_in_each_row(tmp_path: Path) -> None:
    write_wav(tmp_path / "x.wav", _speech(1), 24_000)
    frame = pd.DataFrame(
        {
            "text": ["Hello!", None],
            "path": [None, str(tmp_path / "x.wav")],
            "said": [None, "a word"],
            "label": ["t", "s"],
        }
    )
    typed, spoken = as_utterances(frame)
    assert isinstance(typed, Utterance)
    assert isinstance(spoken, Utterance)
    assert (typed.text, typed.label) == ("Hello!", "t")
    assert (spoken.said, spoken.label) == ("a word", "s")
    assert as_utterances(pd.DataFrame({"text": ["Hello!"]})["text"])[0].label == "Hello!"


@pytest.mark.parametrize(
    ("columns", "message"),
    [({"text": ["a"], "topic": ["b"]}, "topic"), ({"label": ["a"]}, "says nothing"), ({"text": ["a", None]}, "row 1")],
)
def test_a_data_frame_with_other_columns_or_gaps_is_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(rt.ConfigError, match=message):
        as_utterances(pd.DataFrame(columns))


def _turn(role: Any, text: str = "", sound: Any = None, **more: Any) -> Turn:
    pieces = TurnSound([sound.tobytes()], sound.size) if sound is not None else None
    return Turn(f"i{role}{text}", 1, role, text, text, "completed", _sound=pieces, **more)


def test_the_turns_of_a_conversation_are_those_of_the_user() -> None:
    sound = _speech(2)
    turns = [
        _turn("user", "What time is it?", sound),
        _turn("assistant", "Noon."),
        _turn("user", "Thanks"),
        _turn("user"),
    ]
    with pytest.warns(UserWarning, match="1 of 3 turns"):
        spoken, typed = as_utterances(turns)
    assert isinstance(spoken, Utterance)
    assert isinstance(typed, Utterance)
    assert np.array_equal(spoken.sound, sound)
    assert spoken.said is None, "a transcript is what a server heard"
    assert (spoken.label, typed.text) == ("What time is it?", "Thanks")
    assert as_utterances([_turn("assistant", "Noon.")])[0].label == "Noon."


def test_labels_are_numbered_and_repeats_are_taken_once() -> None:
    one, two = _speech(3), _speech(4)
    assert _labels([Utterance(samples=one, label="q"), Utterance(samples=two, label="q")]) == ["q", "q (2)"]
    with pytest.warns(UserWarning, match="stand twice"):
        assert _labels(["Hello", "Hello", one, one.copy()]) == ["Hello", "0.9 s of sound"]


@pytest.mark.parametrize("given", [None, [], {"a": "b"}, [1, 2, 3], 3, [None]])
def test_what_says_nothing_is_refused(given: Any) -> None:
    with pytest.raises(rt.ConfigError):
        as_utterances(given)


def test_a_silent_recording_is_refused_before_a_sweep() -> None:
    with pytest.raises(rt.AudioError, match="'quiet'"):
        as_utterances([Utterance(samples=np.zeros(24_000, np.int16), label="quiet")])
    scenario = rt.Scenario(["Hello", Utterance(samples=np.zeros(24_000, np.int16), label="later")], label="s")
    with pytest.raises(rt.AudioError, match="'later'"):
        as_utterances(scenario)


def test_degraded_recordings_stand_beside_their_clean_twin() -> None:
    steps = rt.perturbations
    clean = Utterance(samples=_speech(5), label="q", said="a word")
    made = perturb([clean], steps.Telephone(), (steps.Silence(leading_ms=500), steps.Noise(snr_db=10)), seed=3)
    assert [each.label for each in made] == ["q", "q (telephone pcmu)", "q (silence 500+0 ms, pink noise 10 dB)"]
    assert made[0].twin is None
    assert {each.twin for each in made[1:]} == {clean.hash}
    assert made[2].degradation == "silence 500+0 ms, pink noise 10 dB"
    assert made[2].said == "a word"
    assert clean.speech is not None
    assert made[2].speech is not None
    assert made[2].speech.start == clean.speech.start + 12_000, "carried over, not found again in the noise"
    again = perturb([clean], steps.Telephone(), (steps.Silence(leading_ms=500), steps.Noise(snr_db=10)), seed=3)
    assert [each.hash for each in made] == [each.hash for each in again]
    assert [each.label for each in as_utterances(made)] == [each.label for each in made]


@pytest.mark.parametrize(
    ("utterances", "degradations"),
    [(["typed"], [rt.perturbations.Telephone()]), ([_speech(6)], []), ([_speech(6)], [()]), ([_speech(6)], ["loud"])],
)
def test_what_cannot_be_degraded_is_refused(utterances: Any, degradations: Any) -> None:
    with pytest.raises(rt.ConfigError):
        perturb(utterances, *degradations)


def test_a_recorder_gives_what_it_kept() -> None:
    class Kept:
        utterances = (Utterance(samples=_speech(1), label="a"), Utterance(samples=_speech(2), label="b"))

    assert _labels(Kept()) == ["a", "b"]
    assert _labels([Kept(), "Hello"]) == ["a", "b", "Hello"]
