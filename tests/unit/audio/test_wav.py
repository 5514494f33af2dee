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
from realtime_nb.audio.sound_file import load_24k
from realtime_nb.audio.wav import read_wav, wav_bytes, write_wav
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


def chunk(name: bytes, body: bytes, *, pad: bool = True) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (pad and len(body) % 2)


def wave_of(*chunks: bytes, header: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return header + struct.pack("<I", len(body) if size is None else size) + body


def fmt_chunk(bits: int, width: int, channels: int = 1, rate: int = 24_000) -> bytes:
    align = width * channels
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * align, align, bits))


@pytest.mark.parametrize("header", [b"RF64", b"BW64", b"RIFF"])
def test_rf64_takes_its_size_from_the_ds64_chunk_and_no_trailer_sounds(header: bytes) -> None:
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, RAMP.nbytes, RAMP.size, 0))
    data = b"data" + struct.pack("<I", 0xFFFFFFFF) + RAMP.tobytes()
    whole = wave_of(ds64, fmt_chunk(16, 2), data, chunk(b"LIST", b"INFO" * 50), header=header, size=0xFFFFFFFF)
    assert read_wav(whole)[0].tolist() == RAMP.tolist()


@pytest.mark.parametrize(("bits", "width"), [(20, 3), (24, 3), (12, 2), (14, 2), (24, 4), (20, 4), (16, 3), (6, 1)])
def test_samples_stand_in_the_high_bits_of_their_container(bits: int, width: int) -> None:
    if width == 1:
        body = ((RAMP >> 8) + 128).astype(np.uint8).tobytes()
    else:
        wide = (RAMP.astype("<i4") << 16).view(np.uint8).reshape(-1, 4)
        body = wide[:, 4 - width :].tobytes()
    samples, _ = read_wav(wave_of(fmt_chunk(bits, width), chunk(b"data", body)))
    assert len(samples) == len(RAMP)
    assert np.abs(samples.astype(int) - RAMP).max() <= (256 if width == 1 else 1)


@pytest.mark.parametrize("align", [0, 1, 3, 100])
def test_a_block_size_that_cannot_be_is_not_believed(align: int) -> None:
    header = struct.pack("<HHIIHH", 1, 1, 24_000, 48_000, align, 16)
    assert read_wav(riff(header, RAMP.tobytes()))[0].tolist() == RAMP.tolist()


@pytest.mark.parametrize("name", [b"data", b"fact"])
def test_an_odd_chunk_without_its_pad_byte_is_skipped(name: bytes) -> None:
    odd = chunk(b"LIST", b"INFOabc", pad=False)
    between = b"" if name == b"data" else chunk(name, b"\1\2\3\4")
    whole = wave_of(fmt_chunk(16, 2), odd, between, chunk(b"data", RAMP.tobytes()))
    assert read_wav(whole)[0].tolist() == RAMP.tolist()


@pytest.mark.parametrize("pad", [True, False])
def test_metadata_behind_the_sound_is_not_played(pad: bool) -> None:
    trailer = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf58.76.100\0") + chunk(b"id3 ", b"abc", pad=pad)
    whole = wave_of(fmt_chunk(16, 2), chunk(b"data", RAMP.tobytes()), trailer)
    assert read_wav(whole)[0].tolist() == RAMP.tolist()


@pytest.mark.parametrize("pad", [True, False])
@pytest.mark.parametrize("trailer", [b"", b"INFOISFT\x0e\0\0\0Lavf58.76.100\0", b"INFOx"])
def test_an_empty_recording_stays_empty_before_metadata(trailer: bytes, pad: bool) -> None:
    behind = chunk(b"LIST", trailer, pad=pad) if trailer else b""
    assert not read_wav(wave_of(fmt_chunk(16, 2), chunk(b"data", b""), behind))[0].size


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
