"""A recording as the frames that a microphone would send, encoded once.

Owns the length of a frame and the encoded frames of each utterance. Must not know when they are sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from weakref import WeakKeyDictionary

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.stream_format import StreamEncoder, is_usual
from realtime_nb.client.turns.input_audio import MINIMUM_SAMPLES
from realtime_nb.client.utterance import Utterance
from realtime_nb.wire.realtime import encode_append

FRAME_SAMPLES = RATE_HZ // 10
"""100 ms at 24 kHz."""

AudioFormat: TypeAlias = tuple[str | None, int | None]
"""Type and rate of a session's sound, as the server said them."""

_USUAL: AudioFormat = (None, None)


@dataclass(frozen=True, slots=True)
class AppendFrame:
    """One `input_audio_buffer.append`.

    Attributes:
        encoded: the frame on the wire; empty where the conversion to the server's format holds its sound back.
        samples: how much sound it is, at 24 kHz.
    """

    encoded: bytes
    samples: int


# By identity, and not kept on the utterance itself, which may be pickled for another process.
_FRAMES: WeakKeyDictionary[Utterance, dict[AudioFormat, tuple[AppendFrame, ...]]] = WeakKeyDictionary()


def append_frames(utterance: Utterance, audio_format: AudioFormat = _USUAL) -> tuple[AppendFrame, ...]:
    """Return the sound of an utterance as frames of 100 ms, the last one shorter; encoded at the first call.

    Sound of less than 100 ms is followed by silence: the service refuses to commit less (docs/protocol.md 14).

    Raises:
        AudioError: a format that is not written.
    """
    if is_usual(*audio_format):
        audio_format = _USUAL
    known = _FRAMES.setdefault(utterance, {})
    if audio_format not in known:
        pcm = utterance.sound.astype("<i2").tobytes().ljust(2 * MINIMUM_SAMPLES, b"\0")
        known[audio_format] = _encoded(pcm, audio_format)
    return known[audio_format]


def is_encoded(utterance: Utterance) -> bool:
    """Whether the frames of an utterance are made, in the service's own format."""
    return _USUAL in _FRAMES.get(utterance, {})


@lru_cache(maxsize=16)
def silent_frame(audio_format: AudioFormat) -> AppendFrame:
    """Return 100 ms of digital silence."""
    return silence(FRAME_SAMPLES, audio_format)


def silence(samples: int, audio_format: AudioFormat) -> AppendFrame:
    """Return digital silence of at most 100 ms, and at least one sample."""
    return _encoded(bytes(2 * samples), audio_format)[0]


def _encoded(pcm: bytes, audio_format: AudioFormat) -> tuple[AppendFrame, ...]:
    encoder = None if is_usual(*audio_format) else StreamEncoder(*audio_format)
    frames = []
    for start in range(0, len(pcm), 2 * FRAME_SAMPLES):
        piece = pcm[start : start + 2 * FRAME_SAMPLES]
        sound = piece if encoder is None else encoder.encode(piece)
        if encoder is not None and start + 2 * FRAME_SAMPLES >= len(pcm):
            sound += encoder.flush()
        frames.append(AppendFrame(encode_append(sound) if sound else b"", len(piece) // 2))
    return tuple(frames)
