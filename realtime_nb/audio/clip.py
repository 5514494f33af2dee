"""`AudioClip`: a piece of audio as a value that can be inspected, saved, and played in a notebook.

Owns `AudioClip` and its export: every way out of the package (a WAV file, the notebook's player, a saved conversation)
gets its samples from `exported`. Must not know turns or widgets.
"""

from __future__ import annotations

import html
from base64 import b64encode
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError
from realtime_nb.replace_file import replace_file

from .levels import FULL_SCALE, dbfs
from .pcm import Pcm16, as_pcm16
from .wav import wav_bytes


class AudioClip:
    """Immutable mono PCM16 audio, with a player as its notebook repr.

    Example:
        >>> clip = AudioClip(np.zeros(24_000, np.int16))
        >>> clip.duration_ms
        1000.0

    Args:
        samples: PCM16LE bytes or int16 samples of shape `(n,)`; an array is copied.
        rate: samples a second.

    Raises:
        AudioError: audio that is not PCM16 mono, is empty, or has no usable rate.
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
        """The samples as received: int16, shape `(n,)`, read-only (a `.copy()` can be written to)."""
        return self._samples

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self._rate

    @property
    def duration_ms(self) -> float:
        """The length in milliseconds."""
        return 1000.0 * self._samples.size / self._rate

    def exported(self) -> Pcm16:
        """Returns the samples that leave the package; a fade or a gain for every export belongs here."""
        return self._samples

    def wav_bytes(self) -> bytes:
        """Returns the exported samples as a 16-bit mono WAV file."""
        return wav_bytes(self.exported(), self._rate)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a 16-bit mono WAV file; a file of that name is replaced when the new one is whole.

        Raises:
            OSError: the file cannot be written; the old one stays.
        """
        replace_file(path, self.wav_bytes())

    def __reduce__(self) -> tuple[type[AudioClip], tuple[bytes, int]]:
        # Through the constructor: the samples of an unpickled clip are read-only, too.
        return AudioClip, (self._samples.tobytes(), self._rate)

    def __len__(self) -> int:
        return int(self._samples.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AudioClip):
            return NotImplemented
        return self._rate == other._rate and np.array_equal(self._samples, other._samples)

    def __hash__(self) -> int:
        return hash((self._rate, self._samples.size))

    def __repr__(self) -> str:
        peak = float(np.abs(self.exported().astype(np.int32)).max()) / FULL_SCALE
        loudness = f"peak {dbfs(peak):.1f} dBFS" if peak else "silent"
        return f"AudioClip({self.duration_ms / 1000:.2f} s, {self._rate} Hz, {loudness})"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, object]]:
        """Returns a player for notebooks, and the plain repr for text-only front ends."""
        label = html.escape(repr(self), quote=True)
        uri = "data:audio/wav;base64," + b64encode(self.wav_bytes()).decode("ascii")
        player = f'<audio controls preload="metadata" aria-label="{label}" src="{uri}">{label}</audio>'
        return {"text/plain": repr(self), "text/html": player}, {}
