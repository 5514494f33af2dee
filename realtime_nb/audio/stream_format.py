"""Converts a stream of sound between a session's audio format and PCM16 at 24 kHz.

Owns what the format names of a session mean (`audio/pcm` of any rate, `audio/pcmu`, `audio/pcma`). A server may echo
another format than 24 kHz PCM: its sound is converted, or refused by name, and never played at the wrong speed. Must
not know events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError

if TYPE_CHECKING:
    from realtime_nb.audio.g711 import Law

LAWS: dict[str, Law] = {"audio/pcmu": "pcmu", "audio/pcma": "pcma"}
G711_RATE_HZ = 8_000


def is_usual(kind: str | None, rate_hz: int | None) -> bool:
    """Whether a format needs no conversion: PCM16 at 24 kHz, or nothing said."""
    return kind in (None, "", "audio/pcm") and rate_hz in (None, 0, RATE_HZ)


def check_format(kind: str | None, rate_hz: int | None) -> tuple[Law | None, int]:
    """The companding law (None: PCM16) and the rate of a format.

    Raises:
        AudioError: a format that is not read; names it and those that are.
    """
    if kind in LAWS:
        return LAWS[kind], G711_RATE_HZ
    if kind not in (None, "", "audio/pcm") or not 4_000 <= (rate_hz or RATE_HZ) <= 192_000:
        raise AudioError(
            f"the server has sound as {kind!r} at {rate_hz or 'an unknown rate'} Hz, which is not read here. Ask it "
            "for audio/pcm (4000 to 192000 Hz), audio/pcmu or audio/pcma."
        )
    return None, rate_hz or RATE_HZ


class StreamDecoder:
    """One stream in a session's format, as PCM16LE bytes at 24 kHz.

    Args:
        kind: the format's type, such as `audio/pcmu`.
        rate_hz: its rate; None where the server does not say.

    Raises:
        AudioError: a format that is not read.
    """

    def __init__(self, kind: str | None, rate_hz: int | None) -> None:
        self._law, source_hz = check_format(kind, rate_hz)
        from realtime_nb.audio.resample import Resampler  # numpy, which a text conversation never needs

        self._resampler: Any = Resampler(source_hz, RATE_HZ)
        self._half = b""

    def decode(self, data: bytes) -> bytes:
        """The next piece; half a sample at its end waits for the next one."""
        import numpy as np

        if self._law is not None:
            from realtime_nb.audio import g711

            samples = g711.decode(data, self._law)
        else:
            data = self._half + data
            whole = len(data) // 2 * 2
            self._half = data[whole:]
            samples = np.frombuffer(data[:whole], "<i2").astype(np.int16)
        return bytes(self._resampler.process(samples).astype("<i2").tobytes())

    def flush(self) -> bytes:
        """The end of the stream: what the resampler held back."""
        return bytes(self._resampler.flush().astype("<i2").tobytes())


class StreamEncoder:
    """One stream of PCM16LE bytes at 24 kHz, in a session's format.

    Args:
        kind: the format's type, such as `audio/pcmu`.
        rate_hz: its rate; None where the server does not say.

    Raises:
        AudioError: a format that is not written.
    """

    def __init__(self, kind: str | None, rate_hz: int | None) -> None:
        self._law, target_hz = check_format(kind, rate_hz)
        from realtime_nb.audio.resample import Resampler

        self._resampler: Any = Resampler(RATE_HZ, target_hz)

    def encode(self, pcm: bytes) -> bytes:
        """The next piece; empty while the resampler holds it back."""
        import numpy as np

        return self._coded(self._resampler.process(np.frombuffer(pcm, "<i2").astype(np.int16)))

    def flush(self) -> bytes:
        """The end of the stream: what the resampler held back. The next piece begins another stream."""
        return self._coded(self._resampler.flush())

    def _coded(self, samples: Any) -> bytes:
        if self._law is not None:
            from realtime_nb.audio import g711

            return g711.encode(samples, self._law)
        return bytes(samples.astype("<i2").tobytes())
