"""Where the speech in a recording is, to a few milliseconds, at any loudness."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_nb.audio.speech_span import SpeechSpan, find_speech
from realtime_nb.errors import AudioError
from tests.unit.audio.spoken import words

_RATE = 24_000


@pytest.mark.parametrize("before_ms", [0, 300, 2_000])
@pytest.mark.parametrize("peak", [400, 8_000, 30_000])
def test_speech_is_found_to_a_few_milliseconds(before_ms: int, peak: float) -> None:
    span = find_speech(words(before_ms, 700, peak))
    # The words swell over 30 ms; their first and last few milliseconds are as quiet as the room.
    assert before_ms - 6 <= span.start_ms <= before_ms + 15
    assert before_ms + 1_600 - 15 <= span.end_ms <= before_ms + 1_606


def test_a_click_and_a_short_word_in_a_long_silence() -> None:
    sound = np.zeros(10 * _RATE, np.int16)
    sound[_RATE : _RATE + 20] = 20_000
    sound[5 * _RATE : 5 * _RATE + 4_800] = words(0, 0, 8_000)[2_400:7_200]
    span = find_speech(sound)
    assert span.start_ms == pytest.approx(5_000, abs=10)
    assert span.end_ms == pytest.approx(5_200, abs=10)


def test_sound_without_silence_is_speech_from_end_to_end() -> None:
    tone = (8_000 * np.sin(np.arange(_RATE))).astype(np.int16)
    assert find_speech(tone) == SpeechSpan(0, _RATE)


def test_silence_holds_no_speech() -> None:
    with pytest.raises(AudioError, match=r"no speech was found in 1\.00 s"):
        find_speech(np.zeros(_RATE, np.int16))
