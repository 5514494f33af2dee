from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from realtime_nb.audio import AudioClip, read_wav
from realtime_nb.errors import AudioError

SAMPLES = np.arange(2400, dtype=np.int16)


def test_a_clip_does_not_change_when_its_source_does() -> None:
    source = SAMPLES.copy()
    clip = AudioClip(source)
    source[:] = 0
    assert clip.samples.tolist() == SAMPLES.tolist()


def test_a_clip_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        AudioClip(SAMPLES).samples[0] = 1
    with pytest.raises(AttributeError):
        AudioClip(SAMPLES).rate = 1  # type: ignore[misc]


def test_the_duration_follows_from_the_rate() -> None:
    assert AudioClip(SAMPLES).duration_ms == 100
    assert AudioClip(SAMPLES, 8000).duration_ms == 300


def test_saved_clip_reads_back_equal(tmp_path: Path) -> None:
    AudioClip(SAMPLES, 16_000).save(tmp_path / "a.wav")
    samples, rate = read_wav(tmp_path / "a.wav")
    assert AudioClip(samples, rate) == AudioClip(SAMPLES, 16_000)


def test_equal_clips_hash_alike_and_others_differ() -> None:
    assert hash(AudioClip(SAMPLES)) == hash(AudioClip(SAMPLES.tobytes()))
    assert AudioClip(SAMPLES) != AudioClip(SAMPLES, 8000)
    assert AudioClip(SAMPLES) != SAMPLES.tobytes()


def test_notebook_repr_is_a_player_with_the_exact_samples() -> None:
    data, _ = AudioClip(SAMPLES)._repr_mimebundle_()
    uri = re.search(r'src="data:audio/wav;base64,([^"]+)"', data["text/html"])
    assert uri is not None
    assert read_wav(base64.b64decode(uri[1]))[0].tolist() == SAMPLES.tolist()
    tags: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))  # type: ignore[method-assign]
    parser.feed(data["text/html"])
    assert [tag for tag, _ in tags] == ["audio"]
    assert tags[0][1]["aria-label"] == data["text/plain"]


def test_plain_repr_shows_length_and_loudness() -> None:
    assert repr(AudioClip(np.full(24_000, 16_384, np.int16))) == "AudioClip(1.00 s, 24000 Hz, peak -6.0 dBFS)"
    assert repr(AudioClip(np.zeros(240, np.int16))) == "AudioClip(0.01 s, 24000 Hz, silent)"


@pytest.mark.parametrize("rate", [0, -1, 0.5])
def test_invalid_sample_rate_raises_audio_error(rate: int) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        AudioClip(SAMPLES, rate)
