from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from realtime_nb.audio.wav import write_wav
from realtime_nb.client.utterance import Utterance, as_utterance
from realtime_nb.errors import AudioError, ConfigError


def test_as_utterance_distinguishes_text_paths_and_samples(tmp_path: Path) -> None:
    tone = (np.sin(np.arange(4800) / 10) * 9000).astype(np.int16)
    file = tmp_path / "tone.wav"
    write_wav(file, tone, 24_000)
    assert as_utterance("Hello").text == Utterance("Hello").text == "Hello"
    assert as_utterance("please play tone.wav").text == "please play tone.wav", "spaces: a sentence"
    assert np.array_equal(as_utterance(file).sound, tone)
    assert np.array_equal(as_utterance(str(file)).sound, tone)
    assert np.array_equal(as_utterance(tone).sound, tone)
    assert as_utterance(file).label == "tone.wav"


@pytest.mark.parametrize("path", [Path("missing.wav"), "missing.wav"])
def test_missing_wav_raises_file_not_found(path: str | Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        as_utterance(path)


def test_an_utterance_takes_exactly_one_of_text_samples_and_path() -> None:
    with pytest.raises(ConfigError, match="text and path"):
        Utterance(text="a", path="b.wav")
    with pytest.raises(ConfigError, match="none"):
        Utterance()
    with pytest.raises(ConfigError, match="nothing to say"):
        Utterance(text="  ")


def test_samples_that_are_not_int16_raise_audio_error() -> None:
    with pytest.raises(AudioError, match="int16"):
        Utterance(samples=np.zeros(10))  # type: ignore[arg-type]
