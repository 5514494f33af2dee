"""Map the API's voice names to espeak voices: distinct speakers, the same name always the same.

Owns the table. Must not know the library. espeak has formant variants (`+f2`, `+m3`), not people: the voices only have
to be distinct.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from realtime_nb.local.voice.synthesizer.espeak.library import VoiceSpec

API_VOICES: dict[str, VoiceSpec] = {
    "alloy": VoiceSpec("en-us+f2", pitch=44, pitch_range=45),
    "ash": VoiceSpec("en-us+m3", pitch=38, pitch_range=45),
    "ballad": VoiceSpec("en-gb-x-rp+m1", pitch=46, pitch_range=60),
    "coral": VoiceSpec("en-us+f4", pitch=60, pitch_range=60),
    "echo": VoiceSpec("en-us+m7", pitch=50, pitch_range=40),
    "sage": VoiceSpec("en+f3", pitch=42, pitch_range=40),
    "shimmer": VoiceSpec("en-gb-x-rp+f2", pitch=64, pitch_range=65),
    "verse": VoiceSpec("en-gb-scotland+m2", pitch=48, pitch_range=55),
    "marin": VoiceSpec("en-us+f3", pitch=54, pitch_range=55),
    "cedar": VoiceSpec("en-us+m1", pitch=34, pitch_range=45),
}

_ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp")
_VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m6", "m7")
_SLOWEST_WPM, _FASTEST_WPM = 80, 450


def voice_spec(voice: str, speed: float = 1.0) -> VoiceSpec:
    """Return the espeak settings of an API voice at a speed (0.25 to 1.5); an unknown name has a voice of its own."""
    spec = API_VOICES.get(voice.lower())
    if spec is None:
        digest = zlib.crc32(voice.encode())
        name = f"{_ACCENTS[digest % len(_ACCENTS)]}+{_VARIANTS[digest // 7 % len(_VARIANTS)]}"
        spec = VoiceSpec(name, pitch=30 + digest // 101 % 41, pitch_range=35 + digest // 997 % 31)
    wpm = spec.words_per_minute * speed
    # Below the slowest speech that espeak has, the pace comes from pauses between words.
    gap = round(100 * (60 / wpm - 60 / _SLOWEST_WPM)) if 0 < wpm < _SLOWEST_WPM else 0
    return replace(spec, words_per_minute=max(_SLOWEST_WPM, min(_FASTEST_WPM, round(wpm))), word_gap=gap)
