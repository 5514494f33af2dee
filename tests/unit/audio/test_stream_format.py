"""Sound in another format than 24 kHz PCM is converted whole, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_nb.audio import g711
from realtime_nb.audio.stream_format import StreamDecoder, is_usual
from realtime_nb.errors import AudioError


def tone(rate_hz: int, seconds: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    return (8000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)


def peak_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 24_000 / samples.size)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_pcm_of_another_rate_keeps_its_length_and_pitch(rate_hz: int) -> None:
    data = tone(rate_hz).tobytes()
    decoder = StreamDecoder("audio/pcm", rate_hz)
    pcm = b"".join([*(decoder.decode(data[i : i + 999]) for i in range(0, len(data), 999)), decoder.flush()])
    assert len(pcm) // 2 == pytest.approx(12_000, abs=2)
    assert peak_hz(pcm) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_g711_keeps_its_length_and_pitch(law: g711.Law) -> None:
    decoder = StreamDecoder(f"audio/{law}", None)
    pcm = decoder.decode(g711.encode(tone(8_000), law)) + decoder.flush()
    assert len(pcm) // 2 == 12_000
    assert peak_hz(pcm) == pytest.approx(440, abs=3)


def test_24_khz_pcm_and_a_silent_server_need_no_conversion() -> None:
    assert all(is_usual(*told) for told in ((None, None), ("audio/pcm", 24_000), ("audio/pcm", None)))


@pytest.mark.parametrize("told", [("audio/opus", 48_000), ("audio/pcm", 12), ("audio/pcm", 10**9)])
def test_an_unread_format_is_refused_with_its_name(told: tuple[str, int]) -> None:
    with pytest.raises(AudioError, match=told[0]):
        StreamDecoder(*told)
