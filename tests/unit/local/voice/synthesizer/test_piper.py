"""The parts of the Piper voice that need no model: clauses, phonemes, numbers, the places of words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from realtime_nb.local.voice.synthesizer.piper import synthesizer as piper
from realtime_nb.local.voice.synthesizer.piper.model import PiperConfig, PiperError, read_config
from realtime_nb.wire.realtime.known_names import VOICES

_IDS = {"_": [0], "^": [1], "$": [2], " ": [3], "a": [4], "b": [5], "̃": [6]}


def _config(espeak_voice: str | None = "en-us") -> PiperConfig:
    return PiperConfig(22_050, espeak_voice, _IDS, 1, 0.667, 1.0, 0.8)


@pytest.mark.parametrize("text", ["", " ", "Hello, you.", "One: two; three — four!", "a,b,c", ",,,", '"Yes," he said.'])
def test_clauses_joined_are_the_sentence(text: str) -> None:
    assert "".join(piper.clauses_of(text)) == text


def test_sentence_is_cut_at_marks_before_a_space() -> None:
    assert piper.clauses_of('At 10:30, "Dr." Who, 3.5 miles: yes.') == [
        "At 10:30,",
        ' "Dr."',
        " Who,",
        " 3.5 miles:",
        " yes.",
    ]


def test_numbers_of_phonemes_have_padding_between_them_and_unknown_ones_are_left_out() -> None:
    assert _config().encode("ab") == [1, 0, 4, 0, 5, 0, 2]
    assert _config().encode("a?b") == _config().encode("ab")
    assert _config().encode("ã") == [1, 0, 4, 0, 6, 0, 2]  # composed characters are taken apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there,", "həlˈoʊ ðˈɛɹ,"),
        ("Is it?", "ɪz ɪt?"),
        ("yes…", "jˈɛs."),
        ("3.5 miles", "θɹˈiː pɔɪnt fˈaɪv mˈaɪlz"),
        ('"Yes!"', "jˈɛs!"),
        ("—", ""),
        ("\x00\u202e", ""),
    ],
)
def test_phonemes_end_with_the_mark_of_their_clause(text: str, expected: str) -> None:
    pytest.importorskip("espeakng_loader", reason="the local extra is not installed")
    voice = piper.PiperSynthesizer("en_US-joe-medium")
    assert voice._phonemes(text, _config()) == expected


def test_phonemes_and_sounds_may_alternate() -> None:
    pytest.importorskip("espeakng_loader", reason="the local extra is not installed")
    from realtime_nb.local.voice.synthesizer.espeak.engine import ENGINE
    from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer

    def seconds() -> float:
        return sum(chunk.samples.size for chunk in EspeakSynthesizer().stream("Hello there.", voice="cedar")) / 24_000

    before = seconds()
    assert ENGINE.phonemes("Guten Tag", "de") != ENGINE.phonemes("Guten Tag", "en-us")
    assert seconds() == pytest.approx(before, rel=0.1)  # in its own voice and language again


def test_words_are_spread_over_the_sound_in_order() -> None:
    clauses = [piper._Clause("One two,", "w" * 10), piper._Clause(" three four five.", "t" * 30)]
    chunks = list(piper._pieces(np.ones(24_000, np.int16), clauses))
    assert "".join(chunk.text for chunk in chunks) == "One two, three four five."
    assert sum(chunk.samples.size for chunk in chunks) == 24_000
    starts = {word: index for index, chunk in enumerate(chunks) for word in chunk.text.split()}
    assert starts["One"] == 0
    assert 2 <= starts["three"] <= 3  # a quarter of the phonemes comes before it
    assert starts["five."] >= 6


def test_words_without_sound_are_kept() -> None:
    assert [chunk.text for chunk in piper._pieces(np.empty(0, np.int16), [piper._Clause(" — ", "")])] == [" — "]


def test_each_voice_of_the_api_has_a_speaker() -> None:
    assert {piper.speaker_of(name, 1) for name in VOICES} == {0}
    assert len({piper.speaker_of(name, 100) for name in VOICES}) == len(VOICES)
    assert {piper.speaker_of(name, 3) for name in VOICES} == {0, 1, 2}


def test_config_that_does_not_fit_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "voice.onnx.json"
    whole = {"audio": {"sample_rate": 16_000}, "espeak": {"voice": "de"}, "phoneme_id_map": {"a": [1]}}
    path.write_text(json.dumps(whole))
    assert (read_config(path).rate_hz, read_config(path).espeak_voice) == (16_000, "de")
    wrong: list[object] = [[], {**whole, "audio": {}}, {**whole, "phoneme_id_map": 3}, {**whole, "phoneme_type": "x"}]
    for broken in wrong:
        path.write_text(json.dumps(broken))
        with pytest.raises(PiperError, match=r"voice\.onnx\.json"):
            read_config(path)
    path.unlink()
    with pytest.raises(PiperError, match="cannot be read"):
        read_config(path)
