"""Where in a recording the speech begins and ends, and the recording's hash.

Owns the zero of latencies measured on recordings: the end of speech. Must not know servers: what a server takes for the
end of speech is what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError

from .levels import FULL_SCALE
from .pcm import Pcm16, as_pcm16

_FRAME = RATE_HZ // 100
_HOP = _FRAME // 2
# Speech is at most so far below the loudest frames: fricatives at the end of a word are about 25 dB below vowels.
_BELOW_PEAK_DB = 35.0
# And so far above the noise: half the distance between noise and speech where they are close.
_ABOVE_FLOOR_DB = 10.0
_EVEN_DB = 4.0
# A click is shorter than any sound of speech that stands alone.
_SHORTEST_FRAMES = 6
_QUIETEST_DB = -70.0


@dataclass(frozen=True)
class SpeechSpan:
    """The speech in a recording.

    Attributes:
        start: the first sample of speech.
        end: the sample after the last one of speech.
    """

    start: int
    end: int

    @property
    def start_ms(self) -> float:
        """The time of the first sample of speech, in the recording."""
        return self.start * 1000 / RATE_HZ

    @property
    def end_ms(self) -> float:
        """The time of the end of speech, in the recording."""
        return self.end * 1000 / RATE_HZ


def find_speech(samples: Pcm16) -> SpeechSpan:
    """Return where the speech is, from the level of 10 ms frames, to about 5 ms; pauses inside belong to it.

    It is meant for a recording of one turn that was made in a quiet place. Find it before noise is added: in
    noise its quiet ends are lost.

    Raises:
        AudioError: there is nothing but silence.
    """
    levels = _levels_db(as_pcm16(samples))
    peak, floor = float(np.percentile(levels, 95)), float(np.percentile(levels, 5))
    # A word in a long silence is less than a twentieth of it.
    peak = max(peak, float(levels.max()) - 10.0)
    above_floor = floor + min(_ABOVE_FLOOR_DB, (peak - floor) / 2)
    # In sound without any silence the floor is speech, too.
    threshold = max(peak - _BELOW_PEAK_DB, min(above_floor, peak - _EVEN_DB), _QUIETEST_DB)
    loud = np.concatenate(([False], levels >= threshold, [False]))
    starts, ends = np.flatnonzero(loud[1:] & ~loud[:-1]), np.flatnonzero(~loud[1:] & loud[:-1])
    runs = [(s, e) for s, e in zip(starts, ends, strict=True) if e - s >= min(_SHORTEST_FRAMES, levels.size)]
    if not runs:
        raise AudioError(
            f"no speech was found in {samples.size / RATE_HZ:.2f} s of sound (its loudest 10 ms are at "
            f"{levels.max():.0f} dB): listen to it, and record it louder, or state where the speech is"
        )
    # A frame is loud if its middle half is: a quarter of it on each side may be silence.
    start = int(runs[0][0]) * _HOP + _HOP // 2
    end = (int(runs[-1][1]) - 1) * _HOP + _FRAME - _HOP // 2
    if runs[-1][1] == levels.size:
        end = samples.size
    return SpeechSpan(start if runs[0][0] else 0, min(end, samples.size))


def sound_hash(samples: Pcm16) -> str:
    """Return the hash of a recording: SHA-256 of its rate and samples, as 64 hexadecimal digits."""
    return sha256(f"pcm16 {RATE_HZ}\n".encode() + as_pcm16(samples, allow_empty=True).tobytes()).hexdigest()


def _levels_db(samples: Pcm16) -> NDArray[np.float64]:
    """Return the level of each frame in dB relative to full scale; a last part of a frame counts as one."""
    n_frames = max(1, -(-(samples.size - _FRAME) // _HOP) + 1)
    padded = np.zeros((n_frames - 1) * _HOP + _FRAME)
    padded[: samples.size] = samples / FULL_SCALE
    sums = np.concatenate(([0.0], np.cumsum(padded**2)))
    starts = np.arange(n_frames) * _HOP
    power = (sums[starts + _FRAME] - sums[starts]) / _FRAME
    return 10 * np.log10(np.maximum(power, 1e-10))
