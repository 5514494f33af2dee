"""Reads WAV files of any common format as PCM16 mono, and writes PCM16 mono WAV files.

Owns the RIFF layout. Must not know the wire, or other formats than WAV (`sound_file` reads them). The standard
library's `wave` is not used, because it refuses float, companded and (before Python 3.12) extensible files, RF64, and
files from a pipe, whose sizes are unset.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError
from realtime_nb.replace_file import replace_file

from . import g711
from .pcm import Pcm16, as_pcm16
from .sound_formats import is_wav

# RF64 and streams from a pipe: the size is elsewhere, or was never known (EBU Tech 3306).
_UNSET = 0xFFFFFFFF
# Chunks that stand beside the sound. A writer that forgets the pad byte of an odd chunk is found out by them.
_NAMES = (
    b"fmt |data|LIST|fact|bext|cue |smpl|inst|JUNK|junk|PAD |FLLR|ds64|id3 |ID3 |iXML|axml|chna|PEAK|plst|acid|_PMX"
)
_KNOWN_CHUNKS = frozenset(_NAMES.split(b"|"))


class _Tag(IntEnum):
    """The encoding of the data chunk (WAVE_FORMAT_*)."""

    PCM = 1
    FLOAT = 3
    ALAW = 6
    ULAW = 7
    EXTENSIBLE = 0xFFFE


class _Format(NamedTuple):
    """The format chunk; a sample of `bits` bits stands in the high bits of `width` bytes."""

    tag: int
    channels: int
    rate_hz: int
    bits: int
    width: int


def read_wav(source: str | PathLike[str] | bytes, *, name: str | None = None) -> tuple[Pcm16, int]:
    """Reads a WAV file, or its bytes, as int16 mono of shape `(n,)` and its rate in Hz.

    PCM of 8 to 32 bits, in containers of any size, float and G.711 are supported; several channels are averaged.

    Args:
        source: a path, or the bytes of a file.
        name: what errors call it; None takes the path.

    Raises:
        AudioError: not a WAV file, or one in another encoding.
        OSError: the file cannot be read.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = name or ("the bytes" if isinstance(source, bytes) else str(source))
    fmt, body = _sound(data, name)
    return as_mono(_decoded(body, fmt, name), fmt.channels), fmt.rate_hz


def as_mono(samples: NDArray[np.float64], channels: int) -> Pcm16:
    """Averages interleaved samples on the int16 scale over their channels, and rounds them."""
    if channels > 1:
        samples = samples[: samples.size - samples.size % channels].reshape(-1, channels).mean(axis=1)
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


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
        replace_file(target, data)
    else:
        target.write(data)


def _sound(data: bytes, name: str) -> tuple[_Format, bytes]:
    """Returns the format and the sound of a WAV file."""
    if not is_wav(data):
        raise AudioError(f"{name}: not a WAV file (no RIFF/WAVE header)")
    fmt: _Format | None = None
    long_size: int | None = None
    for tag, at, size in _chunks(data, 12):
        # The slice ends with the file: a streamed file has the size 0xFFFFFFFF, a cut one a size that is too large.
        body = data[at : at + size]
        if tag == b"ds64" and len(body) >= 16:
            long_size = int.from_bytes(body[8:16], "little")
        elif tag == b"fmt ":
            fmt = _format(body, name)
        elif tag == b"data":
            if fmt is None:
                raise AudioError(f"{name}: the data chunk stands before the format chunk")
            if size == _UNSET and long_size:
                return fmt, data[at : at + long_size]
            if size == 0 and not _only_chunks(data, at):
                # A writer to a pipe leaves the size 0: the rest of the file is the audio. An empty recording has the
                # size 0, too, and perhaps metadata behind it.
                return fmt, data[at:]
            return fmt, body
    raise AudioError(f"{name}: no audio in it (no data chunk)")


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields the name, the position and the size of every chunk from a position on."""
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield tag, at + 8, size
        at = _after(data, at + 8 + size) if size % 2 else at + 8 + size


def _after(data: bytes, end: int) -> int:
    """Returns the position of the chunk after one of an odd size, which a pad byte follows unless the writer forgot."""
    unpadded, padded = data[end : end + 4], data[end + 1 : end + 5]
    if unpadded in _KNOWN_CHUNKS:
        return end
    if padded in _KNOWN_CHUNKS or data[end : end + 1] == b"\0" or not _is_name(unpadded):
        return end + 1
    return end


def _is_name(tag: bytes) -> bool:
    """Returns whether four bytes can name a chunk: printable ASCII."""
    return len(tag) == 4 and all(32 <= byte < 127 for byte in tag)


def _only_chunks(data: bytes, at: int) -> bool:
    """Returns whether nothing but whole chunks stands behind a position: metadata, and no sound."""
    end = at
    for tag, body, size in _chunks(data, at):
        if not _is_name(tag) or body + size > len(data):
            return False
        end = body + size
    return len(data) - end <= 1  # with or without the last pad byte


def _format(body: bytes, name: str) -> _Format:
    if len(body) < 16:
        raise AudioError(f"{name}: its format chunk is incomplete")
    tag, channels, rate_hz, byte_rate, align, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _Tag.EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")  # the first field of the sub-format's GUID
    if not channels or not rate_hz:
        raise AudioError(f"{name}: {channels} channels at {rate_hz} Hz cannot be audio")
    width, rest = divmod(align, channels)
    # A container wider than its sample needs is believed only where the byte rate says the same.
    if rest or not bits <= 8 * width <= 64 or (8 * width - bits >= 8 and byte_rate != rate_hz * align):
        width = -(-bits // 8)
    return _Format(tag, channels, rate_hz, bits, width)


def _decoded(body: bytes, fmt: _Format, name: str) -> NDArray[np.float64]:
    """Returns the interleaved samples on the int16 scale."""
    width = fmt.width
    if width:
        body = body[: len(body) - len(body) % width]
    match fmt.tag, width:
        case (_Tag.PCM, 1):
            return (np.frombuffer(body, np.uint8).astype(np.float64) - 128) * 256
        case (_Tag.PCM, 2):
            return np.frombuffer(body, "<i2").astype(np.float64)
        case (_Tag.PCM, 3):
            raw = np.frombuffer(body, np.uint8).reshape(-1, 3).astype(np.int32)
            signed = (raw[:, 0] << 8 | raw[:, 1] << 16 | raw[:, 2] << 24) >> 8
            return signed / 256.0
        case (_Tag.PCM, 4):
            return np.frombuffer(body, "<i4") / 65536.0
        case (_Tag.FLOAT, 4 | 8):
            values = np.frombuffer(body, f"<f{width}").astype(np.float64)
            return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0) * 32767.0
        case (_Tag.ALAW, 1):
            return g711.decode(body, "pcma").astype(np.float64)
        case (_Tag.ULAW, 1):
            return g711.decode(body, "pcmu").astype(np.float64)
    raise AudioError(f"{name}: WAV format {fmt.tag} with {fmt.bits} bits is not supported; save it as 16-bit PCM")
