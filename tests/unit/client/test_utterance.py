from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.audio.wav import wav_bytes, write_wav
from realtime_nb.client.utterance import Utterance, as_utterance
from realtime_nb.conversation import Turn
from realtime_nb.conversation.turn import TurnSound
from realtime_nb.errors import AudioError, ConfigError

TONE = (np.sin(np.arange(4_800) / 10) * 9_000).astype(np.int16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_wav(tmp_path / "tone.wav", TONE, 24_000)
    return tmp_path / "tone.wav"


def test_as_utterance_distinguishes_text_paths_and_samples(file: Path) -> None:
    assert as_utterance("Hello").text == Utterance("Hello").text == "Hello"
    assert np.array_equal(as_utterance(file).sound, TONE)
    assert np.array_equal(as_utterance(str(file)).sound, TONE)
    assert np.array_equal(as_utterance(TONE).sound, TONE)
    assert as_utterance(file).label == "tone.wav"


@pytest.mark.parametrize("path", [Path("missing.wav"), "missing.wav", "MISSING.FLAC", Path("no ending"), "~/none.mp3"])
def test_missing_sound_file_raises_file_not_found(path: str | Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"(?i)missing|ending|none"):
        as_utterance(path)


def test_a_name_with_spaces_is_the_file_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my takes").mkdir()
    write_wav(tmp_path / "my takes" / "take one.wav", TONE)
    assert as_utterance(str(tmp_path / "my takes" / "take one.wav")).label == "take one.wav"
    monkeypatch.chdir(tmp_path / "my takes")
    assert as_utterance("take one.wav").sound.size == TONE.size


@pytest.mark.parametrize("name", ["my takes/take one.wav", "my takes\\take one.wav", "/tmp/none such.mp3"])
def test_a_path_with_spaces_that_is_missing_is_no_text(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"rt\.Utterance\(text="):
        as_utterance(name)


def test_a_sentence_that_ends_like_a_file_is_text_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="asked as text") as warned:
        assert as_utterance("please play tone.wav").text == "please play tone.wav"
    assert warned[0].filename == __file__, "the warning names the caller's line"


def test_text_is_always_text(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Utterance(text=str(file)).text == str(file)
        assert Utterance(text="please play tone.wav").text == "please play tone.wav"


@pytest.mark.parametrize("words", ["Hello\nthere/here.wav", "x" * 5_000 + ".wav", "tone\0.wav", "Yes/no? See a.b", "~"])
def test_words_that_cannot_name_a_file_are_text(words: str) -> None:
    assert as_utterance(words).text == words


def test_a_word_that_names_a_file_without_sound_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Hello").write_text("a file of that name")
    (tmp_path / "take").write_bytes(wav_bytes(TONE))
    assert as_utterance("Hello").text == "Hello"
    assert as_utterance("take").sound.size == TONE.size


def test_bytes_of_a_wav_are_read_by_their_header() -> None:
    eight = wav_bytes(TONE, 8_000)
    for x in (as_utterance(eight), Utterance(samples=eight), Utterance(bytearray(eight))):
        assert x.sound.size == 3 * TONE.size


def test_a_rate_belongs_to_samples(file: Path) -> None:
    assert Utterance(TONE, rate=48_000).sound.size == TONE.size // 2
    assert Utterance(samples=TONE / 32_767, rate=48_000).sound.size == TONE.size // 2
    with pytest.raises(ConfigError, match="typed"):
        Utterance("Hello", rate=48_000)
    with pytest.raises(ConfigError, match=r"tone\.wav"):
        Utterance(file, rate=48_000)


def test_a_clip_and_a_turn_can_be_asked_again() -> None:
    clip = AudioClip(TONE, 48_000)
    assert as_utterance(clip).sound.size == TONE.size // 2
    spoken = Turn("i", 1, "assistant", "Hello", "Hello", "completed", _sound=TurnSound((TONE.tobytes(),), TONE.size))
    assert np.array_equal(as_utterance(spoken).sound, TONE)
    assert as_utterance(Turn("i", 1, "user", "Written", "Written", "completed")).text == "Written"
    with pytest.raises(ConfigError, match="neither sound nor text"):
        as_utterance(Turn("i", 1, "user", "", "", "completed"))


@pytest.mark.parametrize("x", [42, None, [1, 2, 3], {"text": "Hello"}, object()])
def test_asking_something_else_says_what_ask_takes(x: Any) -> None:
    with pytest.raises(ConfigError, match=r"ask takes text; .*; not "):
        as_utterance(x)


def test_an_utterance_takes_exactly_one_of_its_parts() -> None:
    with pytest.raises(ConfigError, match="text and path"):
        Utterance(text="a", path="b.wav")
    with pytest.raises(ConfigError, match="text and x"):
        Utterance("a", text="a")
    with pytest.raises(ConfigError, match="none"):
        Utterance()
    with pytest.raises(ConfigError, match="nothing to say"):
        Utterance(text="  ")
    with pytest.raises(ConfigError, match="must be a string"):
        Utterance(text=42)  # type: ignore[arg-type]


def test_samples_of_another_kind_raise_audio_error() -> None:
    with pytest.raises(AudioError, match="int32"):
        Utterance(samples=np.zeros(10, np.int32))


def test_sound_has_a_clip_to_play_and_typed_words_have_none() -> None:
    clip = Utterance(np.arange(2_400, dtype=np.int16)).audio
    assert clip is not None
    assert clip.duration_ms == 100
    assert Utterance("hello").audio is None


@pytest.mark.parametrize("span", [(100, 2_000), [100, np.int64(2_000)], SpeechSpan(100, 2_000)])
def test_stated_speech_is_where_latencies_count_from(span: Any) -> None:
    speech = Utterance(np.ones(2_400, np.int16), speech_span=span).speech
    assert (speech.start, speech.end) == (100, 2_000)  # type: ignore[union-attr]


@pytest.mark.parametrize("span", [(0, 2_401), (-1, 5), (5, 5), (0.5, 9), (1, 2, 3), 7, "ab", SpeechSpan(0, 9_999)])
def test_stated_speech_outside_the_sound_is_refused(span: Any) -> None:
    with pytest.raises(ConfigError, match=r"speech_span=.*2,400 samples"):
        Utterance(np.ones(2_400, np.int16), speech_span=span)
    with pytest.raises(ConfigError, match="is typed"):
        Utterance("hello", speech_span=span)


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: Utterance("Hello"), "Utterance(text='Hello')"),
        (lambda: Utterance(np.ones(36_000, np.int16)), "Utterance(1.5 s of sound)"),
        (
            lambda: Utterance(np.ones(36_000, np.int16), label="a question", said="What is tea?", synthetic=True),
            "Utterance(1.5 s of sound, label='a question', said='What is tea?', synthetic)",
        ),
        (lambda: Utterance("x" * 5_000, label="long"), f"Utterance(text='{'x' * 199}…', label='long')"),
    ],
)
def test_repr_shows_what_is_said_and_no_empty_field(made: Any, shown: str) -> None:
    assert repr(made()) == shown
