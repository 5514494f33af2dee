"""Reads sound files: WAV by the reader of this package, other formats through the library soundfile.

Owns the words for a file that cannot be read; `sound_formats` recognises its format. Must not know the wire.
soundfile comes with the extra `files` and is imported at first use.
"""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import Any

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError

from .levels import FULL_SCALE
from .pcm import Pcm16, as_pcm16
from .resample import resample
from .sound_formats import LONGEST_HEAD, Format, format_of, is_wav
from .wav import as_mono, read_wav


def read_sound(source: str | PathLike[str] | bytes) -> tuple[Pcm16, int]:
    """Reads a sound file, or its bytes, as int16 mono of shape `(n,)` and its rate in Hz.

    Raises:
        AudioError: a format that is not read here; names it, and says what to do.
        OSError: the file cannot be read.
    """
    data, name = (source, "the bytes") if isinstance(source, bytes) else (Path(source).read_bytes(), str(source))
    if is_wav(data):
        return read_wav(data, name=name)
    kind = format_of(data[:LONGEST_HEAD])
    if kind is None:
        raise AudioError(f"{name}: not a WAV file (no RIFF/WAVE header){_words_for_no_sound(data)}")
    convert = "convert it to WAV, for example with `ffmpeg -i IN -ar 24000 -ac 1 OUT.wav`"
    if not kind.with_extra:
        raise AudioError(f"{name}: it is {kind.name}, which is not read here: {convert}")
    try:
        import soundfile
    except ImportError:
        raise AudioError(
            f'{name}: it is {kind.name}, which takes the extra `files`: `pip install "realtime-nb[files]"`; or '
            f"{convert}"
        ) from None
    except OSError as error:  # the library is there, and the shared library beneath it is not
        raise AudioError(f"{name}: it is {kind.name}, and soundfile cannot be loaded ({error}); {convert}") from None
    return _read_with(soundfile, data, name, kind)


def load_24k(source: str | PathLike[str] | bytes) -> Pcm16:
    """Reads a sound file, or its bytes, as int16 mono at 24 kHz, the rate of the wire.

    Raises:
        AudioError: not a readable sound file, or one without a sample.
        OSError: the file cannot be read.
    """
    samples, rate = read_sound(source)
    if not samples.size:
        named = "the bytes" if isinstance(source, bytes) else str(source)
        raise AudioError(f"{named}: the recording is empty: 0 samples")
    return resample(as_pcm16(samples), rate, RATE_HZ)


def _read_with(soundfile: Any, data: bytes, name: str, kind: Format) -> tuple[Pcm16, int]:
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    except soundfile.SoundFileError as error:
        why = getattr(error, "error_string", None) or str(error)  # the other words name our buffer's address
        raise AudioError(f"{name}: it begins as {kind.name} but cannot be decoded ({why})") from None
    # libsndfile divides whole numbers by 32768: by any other number the samples of 16 bits would come back changed.
    return as_mono(samples.reshape(-1) * FULL_SCALE, samples.shape[1]), int(rate)


def _words_for_no_sound(data: bytes) -> str:
    """Returns what a file without sound is, where its first bytes tell; people meet these two."""
    if not data:
        return ": it is empty"
    start = data[:LONGEST_HEAD].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return ": it is a web page, perhaps what a download gave instead of the sound"
    if start.startswith(b"version https://git-lfs"):
        return ": it is a pointer of Git LFS; `git lfs pull` fetches the sound"
    return ""
