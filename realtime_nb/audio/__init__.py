"""Audio as numpy arrays: PCM16, sound files, G.711, levels and the resampler.

Owns all signal processing in Python, with numpy only (and soundfile, where it is installed, for files other than WAV).
Must not know events, sessions or asyncio. Each name is loaded at first use, because importing numpy takes longer than
the rest of the package and a text conversation does not need it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

RATE_HZ = 24_000
"""The sample rate of PCM on the wire, the only one that the Realtime API accepts (docs/protocol.md 12)."""

if TYPE_CHECKING:
    from .clip import AudioClip as AudioClip
    from .levels import rms_level as rms_level
    from .pcm import as_pcm16 as as_pcm16
    from .sound_file import load_24k as load_24k
    from .sound_input import pcm_24k as pcm_24k
    from .wav import read_wav as read_wav
    from .wav import write_wav as write_wav

_HOMES = {
    "AudioClip": "clip",
    "as_pcm16": "pcm",
    "load_24k": "sound_file",
    "pcm_24k": "sound_input",
    "read_wav": "wav",
    "rms_level": "levels",
    "write_wav": "wav",
}

__all__ = ["RATE_HZ", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
