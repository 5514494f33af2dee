"""Kept sound: FLAC where the extra `files` is installed, WAV elsewhere.

Owns which of both. Must not know trials.
"""

from __future__ import annotations

import io
from pathlib import Path

from realtime_nb.audio import AudioClip
from realtime_nb.audio.wav import read_wav
from realtime_nb.errors import AudioError
from realtime_nb.replace_file import replace_file


def write_sound(path: Path, clip: AudioClip) -> None:
    """Write a clip as `path` with `.flac` or `.wav` added; both hold every sample."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: without its library
        clip.save(path.with_name(path.name + ".wav"))
        return
    file = io.BytesIO()
    soundfile.write(file, clip.samples, clip.rate, format="FLAC", subtype="PCM_16")
    replace_file(path.with_name(path.name + ".flac"), file.getvalue())


def find_sound(path: Path) -> AudioClip | None:
    """Return the clip that was written as `path`, to the sample; None where there is none.

    Raises:
        AudioError: it is FLAC, and the extra `files` is not installed here; or it is damaged.
    """
    wav, flac = (path.with_name(path.name + suffix) for suffix in (".wav", ".flac"))
    if wav.is_file():
        return AudioClip(*read_wav(wav.read_bytes(), name=str(wav)))
    if not flac.is_file():
        return None
    try:
        import soundfile
    except (ImportError, OSError):
        raise AudioError(f'{flac}: reading FLAC takes the extra `files`: `pip install "realtime-nb[files]"`') from None
    try:
        # As int16: floats in between would change samples by one.
        samples, rate = soundfile.read(str(flac), dtype="int16")
    except soundfile.SoundFileError as error:
        raise AudioError(f"{flac}: it is damaged ({error}); run the trial again") from None
    return AudioClip(samples, int(rate))
