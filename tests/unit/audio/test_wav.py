from __future__ import annotations

import contextlib
import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.audio import g711
from realtime_nb.audio.wav import load_24k, read_wav, wav_bytes, write_wav
from realtime_nb.errors import AudioError

RAMP = np.arange(-500, 500, dtype=np.int16) * 32


def riff(fmt: bytes, data: bytes, *, extra: bytes = b"", data_size: int | None = None) -> bytes:
    body = b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra
    body += b"data" + struct.pack("<I", len(data) if data_size is None else data_size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(tag: int, bits: int, channels: int = 1, rate: int = 24_000) -> bytes:
    width = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits)


@given(st.binary(max_size=400).map(lambda b: b[: len(b) // 2 * 2]), st.integers(1, 192_000))
def test_written_wav_reads_back_equal(pcm: bytes, rate: int) -> None:
    samples, got_rate = read_wav(wav_bytes(pcm, rate))
    assert (samples.tobytes(), got_rate) == (pcm, rate)


def test_the_standard_library_reads_our_files(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", RAMP, 16_000)
    with wave.open(str(tmp_path / "a.wav"), "rb") as f:
        assert (f.getnchannels(), f.getsampwidth(), f.getframerate()) == (1, 2, 16_000)
        assert f.readframes(2000) == RAMP.tobytes()


def test_an_open_file_can_be_written_to() -> None:
    target = io.BytesIO()
    write_wav(target, RAMP)
    assert read_wav(target.getvalue())[0].tolist() == RAMP.tolist()


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (fmt(1, 8), ((RAMP >> 8) + 128).astype(np.uint8).tobytes()),
        (fmt(1, 24), b"".join(int(s).to_bytes(2, "little", signed=True).rjust(3, b"\0") for s in RAMP)),
        (fmt(1, 32), (RAMP.astype("<i4") << 16).tobytes()),
        (fmt(3, 32), (RAMP / 32767).astype("<f4").tobytes()),
        (fmt(3, 64), (RAMP / 32767).astype("<f8").tobytes()),
        (fmt(6, 8), g711.encode(RAMP, "pcma")),
        (fmt(7, 8), g711.encode(RAMP, "pcmu")),
        (struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 24_000, 48_000, 2, 16, 22, 16, 4, 1) + b"\0" * 14, RAMP.tobytes()),
    ],
    ids=["8", "24", "32", "f32", "f64", "alaw", "ulaw", "extensible"],
)
def test_every_common_wav_encoding_reads_as_the_same_audio(header: bytes, data: bytes) -> None:
    samples, _ = read_wav(riff(header, data))
    assert np.abs(samples.astype(int) - RAMP).max() <= 512  # the step of the coarsest, 8-bit ones
    assert len(samples) == len(RAMP)


def test_stereo_is_averaged() -> None:
    both = np.stack([RAMP, -RAMP], axis=1).astype("<i2")
    assert not read_wav(riff(fmt(1, 16, channels=2), both.tobytes()))[0].any()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 1_000_000])
def test_wav_with_unset_sizes_from_a_pipe_is_read(size: int) -> None:
    samples, _ = read_wav(riff(fmt(1, 16), RAMP.tobytes(), data_size=size))
    assert samples.tolist() == RAMP.tolist()


def test_other_wav_chunks_are_skipped_with_their_padding() -> None:
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert read_wav(riff(fmt(1, 16), RAMP.tobytes(), extra=odd))[0].tolist() == RAMP.tolist()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a WAV"),
        (b"ID3\x04 an mp3 in disguise", "not a WAV"),
        (b"RIFF\x04\0\0\0WAVE", "no data chunk"),
        (riff(fmt(85, 16), b"\0\0"), "format 85"),
        (riff(fmt(1, 16, rate=0), b"\0\0"), "0 Hz"),
        (riff(b"\1\0", b"\0\0"), "incomplete"),
    ],
)
def test_unreadable_wav_raises_audio_error_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        read_wav(data)


@given(st.binary(max_size=60), st.integers(0, 80))
def test_damaged_wav_raises_only_audio_error(noise: bytes, at: int) -> None:
    good = riff(fmt(1, 16), RAMP[:20].tobytes())
    with contextlib.suppress(AudioError):
        read_wav(good[:at] + noise + good[at + len(noise) :])


def test_wav_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"nonsense")
    with pytest.raises(AudioError, match=r"x\.wav"):
        read_wav(tmp_path / "x.wav")


def test_loading_for_the_wire_resamples_to_24_khz(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", RAMP, 16_000)
    assert len(load_24k(tmp_path / "a.wav")) == 1500


def test_loading_an_empty_wav_raises_audio_error(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", b"")
    with pytest.raises(AudioError, match="empty"):
        load_24k(tmp_path / "a.wav")
