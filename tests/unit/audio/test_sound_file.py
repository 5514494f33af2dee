from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_nb.audio.sound_file import load_24k, read_sound
from realtime_nb.audio.sound_formats import SUFFIXES, format_of, is_sound
from realtime_nb.audio.wav import wav_bytes
from realtime_nb.errors import AudioError

TONE = (np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000) * 12_000).astype(np.int16)
"""One second of 440 Hz at 48 kHz."""

HEADS = {
    "MP3": b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x64",
    "AAC": b"\xff\xf1\x50\x80",
    "M4A": b"\0\0\0\x20ftypM4A ",
    "Ogg": b"OggS\0\2",
    "FLAC": b"fLaC\0\0\0\x22",
    "WebM": bytes.fromhex("1a45dfa3"),
    "AIFF": b"FORM\0\0\0\0AIFF",
    "Wave64": b"riff\x2e\x91\xcf\x11",
    "CAF": b"caff\0\1",
    "AU": b".snd\0\0\0\x18",
    "WMA": bytes.fromhex("3026b2758e66cf11"),
    "AMR": b"#!AMR\n",
}
WITH_EXTRA = {"MP3", "Ogg", "FLAC", "AIFF", "Wave64", "CAF", "AU"}


def encoded(kind: str, subtype: str | None = None, *, rate: int = 48_000, channels: int = 1) -> bytes:
    soundfile = pytest.importorskip("soundfile")
    target = io.BytesIO()
    # Floats: libsndfile 1.2.2 writes noise where it gets two channels of int16 for MP3.
    samples = np.stack([TONE / 32_768] * channels, axis=1)[:rate]
    soundfile.write(target, samples, rate, format=kind, subtype=subtype)
    return target.getvalue()


def pitch_hz(samples: Any) -> float:
    spectrum = np.abs(np.fft.rfft(samples[4_800:14_400].astype(float)))
    return float(np.argmax(spectrum) * 24_000 / 9_600)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64", "RF64"])
def test_each_format_is_read_at_24_khz_whatever_the_file_is_called(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "called.wav"
    file.write_bytes(encoded(kind, channels=2 if kind in ("FLAC", "MP3") else 1))
    samples = load_24k(file)
    assert abs(samples.size - 24_000) < 1_500  # MP3 pads its frames
    assert pitch_hz(samples) == pytest.approx(440, abs=3)
    # The root mean square, as a lossy codec may overshoot.
    assert np.sqrt(np.mean(samples[4_800:19_200].astype(float) ** 2)) == pytest.approx(12_000 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize("kind", ["FLAC", "AIFF", "AU", "CAF", "W64", "RF64"])
def test_whole_samples_of_16_bits_come_back_as_they_were_written(kind: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    written = np.arange(-32_768, 32_768, 7, dtype=np.int16)
    target = io.BytesIO()
    soundfile.write(target, written, 24_000, format=kind, subtype="PCM_16")
    samples, _ = read_sound(target.getvalue())
    assert np.array_equal(samples, written)


@pytest.mark.parametrize("kind", ["flac", "ogg", "aiff", "au", "wav"])
def test_a_file_that_sox_wrote_is_read(tmp_path: Path, kind: str) -> None:
    if shutil.which("sox") is None:
        pytest.skip("sox is not installed")
    pytest.importorskip("soundfile")
    file = tmp_path / f"tone.{kind}"
    subprocess.run(["sox", "-n", "-r", "44100", "-c", "2", file, "synth", "1", "sine", "440"], check=True)
    samples, rate = read_sound(file)
    assert (rate, samples.size) == (44_100, 44_100)
    assert pitch_hz(load_24k(file)) == pytest.approx(440, abs=3)


def test_bytes_of_a_file_are_read_as_the_file_is() -> None:
    assert load_24k(wav_bytes(TONE, 48_000)).size == 24_000
    assert load_24k(encoded("FLAC")).size == 24_000


@pytest.mark.parametrize("name", HEADS)
def test_a_file_that_begins_like_a_format_and_is_broken_is_named(tmp_path: Path, name: str) -> None:
    pytest.importorskip("soundfile")
    file = tmp_path / "broken.wav"
    file.write_bytes(HEADS[name] + bytes(2_000))
    with pytest.raises(AudioError, match=name) as refused:
        load_24k(file)
    assert "0x" not in str(refused.value)
    assert name in WITH_EXTRA or "ffmpeg" in str(refused.value)


@pytest.mark.parametrize("name", HEADS)
def test_without_the_extra_a_format_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(AudioError, match=name) as refused:
        load_24k(HEADS[name] + bytes(2_000))
    assert ("realtime-nb[files]" in str(refused.value)) == (name in WITH_EXTRA)
    assert "ffmpeg" in str(refused.value)


def test_wav_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert load_24k(wav_bytes(TONE, 48_000)).size == 24_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"\x89PNG\r\n", "not a WAV"),
        (b"\xff\xff\xff\xff\xff\xff", "not a WAV"),
    ],
)
def test_what_is_no_sound_says_so(data: bytes, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        load_24k(data)


def test_mp3_is_recognised_with_and_without_a_tag() -> None:
    assert format_of(b"\xff\xfb\x90\x64") == format_of(HEADS["MP3"])
    assert not is_sound(b"\xff\xfe\0\0"), "a text in UTF-16 is no sound"
    assert is_sound(wav_bytes(TONE)[:64])


def test_endings_are_lower_case_with_their_dot() -> None:
    assert all(ending == ending.lower() and ending[0] == "." for ending in SUFFIXES)
