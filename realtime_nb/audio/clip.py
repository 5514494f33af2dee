"""A piece of sound as a value: look at it, save it, hear it in a notebook.

Owns `AudioClip`. Must not know turns or widgets.
"""

from __future__ import annotations

import html
from base64 import b64encode
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from realtime_nb.errors import AudioError

from .levels import FULL_SCALE, dbfs
from .pcm import RATE_HZ, Pcm16, as_pcm16
from .wav import wav_bytes, write_wav

__all__ = ["AudioClip"]


class AudioClip:
    """Mono PCM16 sound that does not change, with a player as its notebook repr.

    Example:
        >>> clip = AudioClip(np.zeros(24_000, np.int16))
        >>> clip.duration_ms
        1000.0

    Args:
        samples: PCM16LE bytes or int16 samples of shape `(n,)`; copied if they could still be written to.
        rate: samples a second.

    Raises:
        AudioError: sound that is not PCM16 mono, is empty, or has no usable rate.
    """

    __slots__ = ("_rate", "_samples")

    def __init__(self, samples: bytes | NDArray[np.int16], rate: int = RATE_HZ) -> None:
        if not isinstance(rate, (int, np.integer)) or rate <= 0:
            raise AudioError(f"a sample rate is a positive whole number of Hz, not {rate!r}")
        own = as_pcm16(samples)
        if not isinstance(samples, bytes):
            own = own.copy()
        own.setflags(write=False)
        self._samples = own
        self._rate = int(rate)

    @property
    def samples(self) -> Pcm16:
        """The samples: int16, shape `(n,)`, read-only (`.copy()` gives one to write to)."""
        return self._samples

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self._rate

    @property
    def duration_ms(self) -> float:
        """How long it sounds."""
        return 1000.0 * self._samples.size / self._rate

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a 16-bit mono WAV file.

        Raises:
            OSError: the file cannot be written.
        """
        write_wav(path, self._samples, self._rate)

    def __len__(self) -> int:
        return int(self._samples.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AudioClip):
            return NotImplemented
        return self._rate == other._rate and np.array_equal(self._samples, other._samples)

    def __hash__(self) -> int:
        return hash((self._rate, self._samples.size))

    def __repr__(self) -> str:
        peak = float(np.abs(self._samples.astype(np.int32)).max()) / FULL_SCALE
        loudness = f"peak {dbfs(peak):.1f} dBFS" if peak else "silent"
        return f"AudioClip({self.duration_ms / 1000:.2f} s, {self._rate} Hz, {loudness})"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, object]]:
        """Gives notebooks a player, and everything else the plain repr."""
        label = html.escape(repr(self), quote=True)
        uri = "data:audio/wav;base64," + b64encode(wav_bytes(self._samples, self._rate)).decode("ascii")
        player = f'<audio controls preload="metadata" aria-label="{label}" src="{uri}">{label}</audio>'
        return {"text/plain": repr(self), "text/html": player}, {}
