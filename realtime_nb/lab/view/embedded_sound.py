"""Sound inside a page: compressed where the extra `files` is installed, and cut to a length.

Owns the format. Must not know trials.
"""

from __future__ import annotations

import io
from base64 import b64encode

from realtime_nb.audio import AudioClip

LONGEST_S = 60
"""A longer sound is cut: the folder of the run has the rest."""

_MP3_LEVEL = 0.75  # of soundfile: about 32 kbit/s for speech at 24 kHz


def sound_address(clip: AudioClip) -> str:
    """Return a sound as an address of data for a player: MP3, or WAV without the extra `files`."""
    clip = AudioClip(clip.samples[: LONGEST_S * clip.rate], clip.rate)
    data = _mp3(clip)
    kind = "wav" if data is None else "mpeg"
    return f"data:audio/{kind};base64,{b64encode(clip.wav_bytes() if data is None else data).decode()}"


def _mp3(clip: AudioClip) -> bytes | None:
    """Return MP3; None where this environment cannot write it, or not at this rate."""
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: without its library
        return None
    file = io.BytesIO()
    try:
        soundfile.write(
            file, clip.samples, clip.rate, format="MP3", subtype="MPEG_LAYER_III", compression_level=_MP3_LEVEL,
            bitrate_mode="VARIABLE",
        )  # fmt: skip
    except (soundfile.SoundFileError, TypeError, ValueError):  # an older library has no MP3, or no level
        return None
    return file.getvalue()
