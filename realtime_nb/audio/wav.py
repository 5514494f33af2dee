"""Reads WAV files of any common format as PCM16 mono, and writes PCM16 mono WAV files.

Owns the RIFF layout. Must not know the wire. The standard library's `wave` is not used, because it refuses float,
companded and (before Python 3.12) extensible files, and files from a pipe, whose sizes are unset.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError

from . import g711
from .pcm import Pcm16, as_pcm16
from .resample import resample


class _Tag(IntEnum):
    """The encoding of the data chunk (WAVE_FORMAT_*)."""

    PCM = 1
    FLOAT = 3
    ALAW = 6
    ULAW = 7
    EXTENSIBLE = 0xFFFE


class _Format(NamedTuple):
    tag: int
    channels: int
    rate_hz: int
    bits: int


def read_wav(source: str | PathLike[str] | bytes) -> tuple[Pcm16, int]:
    """Reads a WAV file, or its bytes, as int16 mono of shape `(n,)` and its rate in Hz.

    PCM of 8, 16, 24 and 32 bits, float and G.711 are supported; several channels are averaged.

    Raises:
        AudioError: not a WAV file, or one in another encoding.
        OSError: the file cannot be read.
    """
    data, name = (source, "the bytes") if isinstance(source, bytes) else (Path(source).read_bytes(), str(source))
    fmt, body = _chunks(data, name)
    samples = _decoded(body, fmt, name)
    if fmt.channels > 1:
        frames = samples[: samples.size - samples.size % fmt.channels].reshape(-1, fmt.channels)
        samples = frames.mean(axis=1)
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16), fmt.rate_hz


def load_24k(path: str | PathLike[str] | bytes) -> Pcm16:
    """Reads a WAV file as int16 mono at 24 kHz, the rate of the wire.

    Raises:
        AudioError: not a readable WAV file, or one without a sample.
        OSError: the file cannot be read.
    """
    samples, rate = read_wav(path)
    return resample(as_pcm16(samples), rate, RATE_HZ)


def wav_bytes(samples: bytes | NDArray[np.int16], rate: int = RATE_HZ) -> bytes:
    """Returns a PCM16 mono WAV file as bytes."""
    pcm = as_pcm16(samples, allow_empty=True).tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(pcm), b"WAVE"),
        *(b"fmt ", 16, _Tag.PCM, 1, rate, 2 * rate, 2, 16),
        *(b"data", len(pcm)),
    )
    return header + pcm


def write_wav(target: str | PathLike[str] | BinaryIO, samples: bytes | NDArray[np.int16], rate: int = RATE_HZ) -> None:
    """Writes PCM16 mono audio as a WAV file to a path or an open binary file."""
    data = wav_bytes(samples, rate)
    if isinstance(target, (str, PathLike)):
        Path(target).write_bytes(data)
    else:
        target.write(data)


def _chunks(data: bytes, name: str) -> tuple[_Format, bytes]:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError(f"{name}: not a WAV file (no RIFF/WAVE header)")
    fmt: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        # The slice ends with the file: a streamed file has the size 0xFFFFFFFF, a cut one a size that is too large.
        body = data[at + 8 : at + 8 + size]
        if tag == b"fmt ":
            fmt = _format(body, name)
        elif tag == b"data":
            if fmt is None:
                raise AudioError(f"{name}: the data chunk stands before the format chunk")
            # A writer to a pipe leaves the size 0: the rest of the file is the audio.
            return fmt, body if size else data[at + 8 :]
        at += 8 + size + size % 2  # chunks are padded to even sizes
    raise AudioError(f"{name}: no audio in it (no data chunk)")


def _format(body: bytes, name: str) -> _Format:
    if len(body) < 16:
        raise AudioError(f"{name}: its format chunk is incomplete")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _Tag.EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")  # the first field of the sub-format's GUID
    if not channels or not rate_hz:
        raise AudioError(f"{name}: {channels} channels at {rate_hz} Hz cannot be audio")
    return _Format(tag, channels, rate_hz, bits)


def _decoded(body: bytes, fmt: _Format, name: str) -> NDArray[np.float64]:
    """Returns the interleaved samples on the int16 scale."""
    width = fmt.bits // 8
    if width:
        body = body[: len(body) - len(body) % width]
    match fmt.tag, fmt.bits:
        case (_Tag.PCM, 8):
            return (np.frombuffer(body, np.uint8).astype(np.float64) - 128) * 256
        case (_Tag.PCM, 16):
            return np.frombuffer(body, "<i2").astype(np.float64)
        case (_Tag.PCM, 24):
            raw = np.frombuffer(body, np.uint8).reshape(-1, 3).astype(np.int32)
            signed = (raw[:, 0] << 8 | raw[:, 1] << 16 | raw[:, 2] << 24) >> 8
            return signed / 256.0
        case (_Tag.PCM, 32):
            return np.frombuffer(body, "<i4") / 65536.0
        case (_Tag.FLOAT, 32 | 64):
            values = np.frombuffer(body, f"<f{width}").astype(np.float64)
            return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0) * 32767.0
        case (_Tag.ALAW, 8):
            return g711.decode(body, "pcma").astype(np.float64)
        case (_Tag.ULAW, 8):
            return g711.decode(body, "pcmu").astype(np.float64)
    raise AudioError(f"{name}: WAV format {fmt.tag} with {fmt.bits} bits is not supported; save it as 16-bit PCM")
