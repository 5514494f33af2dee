"""The recogniser with the real decoder; its speakers are espeak-ng voices. Accuracy is measured in tests/corpus."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="the local extra is not installed")
pytest.importorskip("espeakng_loader", reason="the local extra is not installed")

from realtime_nb.local.voice.protocols import RATE_HZ, Pcm
from realtime_nb.local.voice.recognizer.lexicon import common_words, model_path
from realtime_nb.local.voice.recognizer.sphinx import SphinxRecognizer
from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer
from tests.unit.local.voice.conftest import LIGHT, SLIDER, function


@pytest.fixture(scope="module")
def recognizer() -> SphinxRecognizer:
    return SphinxRecognizer()


def say(text: str) -> Pcm:
    return np.concatenate([chunk.samples for chunk in EspeakSynthesizer().stream(text, voice="alloy", speed=0.9)])


def test_recognizes_a_builtin_sentence(recognizer: SphinxRecognizer) -> None:
    heard = recognizer.recognize(say("what time is it"))
    assert (heard.text, heard.understood) == ("what time is it", True)


def test_recognizes_sentences_for_the_tools(recognizer: SphinxRecognizer) -> None:
    heard = recognizer.recognize(say("set the slider to twenty five"), tools=[SLIDER, LIGHT])
    assert (heard.text, heard.understood) == ("set the slider to 25", True)


def test_recognition_does_not_depend_on_earlier_sound(recognizer: SphinxRecognizer) -> None:
    # Channel noise as the decoder estimates it lasts for a stream: every utterance must be one of its own.
    sound = say("what time is it")
    alone = SphinxRecognizer().recognize(sound)
    recognizer.recognize(np.random.default_rng(3).integers(-9000, 9000, 2 * RATE_HZ).astype(np.int16))
    assert recognizer.recognize(sound) == alone


def test_recognizes_given_phrases(recognizer: SphinxRecognizer) -> None:
    sound = say("fasten the purple umbrella")
    assert recognizer.recognize(sound).text != "fasten the purple umbrella"
    assert recognizer.recognize(sound, phrases=["fasten the purple umbrella"]).text == "fasten the purple umbrella"


def test_recognizes_words_outside_the_dictionary(recognizer: SphinxRecognizer) -> None:
    tool = function("start_zorblatt", "Start the zorblatt.")
    assert "zorblatt" in recognizer.recognize(say("start the zorblatt"), tools=[tool]).text


@pytest.mark.parametrize("kind", ["silence", "noise", "hum", "click", "nothing"])
def test_sound_without_speech_is_not_understood(kind: str, recognizer: SphinxRecognizer) -> None:
    n = 2 * RATE_HZ
    sounds = {
        "silence": np.zeros(n, np.int16),
        "noise": (np.random.default_rng(3).standard_normal(n) * 2000).astype(np.int16),
        "hum": (5000 * np.sin(2 * np.pi * 110 * np.arange(n) / RATE_HZ)).astype(np.int16),
        "click": np.where(np.arange(n) == 100, 20000, 0).astype(np.int16),
        "nothing": np.empty(0, np.int16),
    }
    assert not recognizer.recognize(sounds[kind]).understood


def test_unexpected_speech_is_not_understood(recognizer: SphinxRecognizer) -> None:
    assert not recognizer.recognize(say("the old fisherman repaired his wooden boat"), tools=[SLIDER]).understood


def test_the_same_sound_gives_the_same_words_on_any_thread(recognizer: SphinxRecognizer) -> None:
    sounds = [say("hello there"), say("count to ten"), say("what can you do")]
    alone = [recognizer.recognize(sound).text for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda sound: recognizer.recognize(sound).text, sounds * 2))
    assert together == alone * 2


def test_the_common_words_are_those_of_the_bundled_model() -> None:
    import pocketsphinx

    logmath = pocketsphinx.LogMath()
    config = pocketsphinx.Config(hmm=None, lm=None, dict=None)
    model = pocketsphinx.NGramModel(config, logmath, str(model_path() / "en-us.lm.bin"))
    dictionary = {line.partition(" ")[0] for line in (model_path() / "cmudict-en-us.dict").open(encoding="utf-8")}
    scores = {word: model.prob([word]) for word in dictionary if re.fullmatch(r"[a-z]+(?:'[a-z]+)?", word)}
    expected = {word: logmath.exp(scores[word]) for word in sorted(scores, key=lambda word: -scores[word])[:500]}
    assert common_words() == pytest.approx(expected, rel=1e-5)
