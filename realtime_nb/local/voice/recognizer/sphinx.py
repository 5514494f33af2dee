"""Speech recognition with pocketsphinx: one decoder, models compiled on demand, and a check of the result.

Owns the decoder and the caches. Must not know the meaning of words. The recognition process answers one request at a
time: one decoder serves all sessions.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Pcm, Recognition, ToolSpecs
from realtime_nb.local.voice.recognizer.compile import CommandModel, compile_model, content_key
from realtime_nb.local.voice.recognizer.conditioning import conditioned
from realtime_nb.local.voice.recognizer.judge import Evidence, judge
from realtime_nb.local.voice.recognizer.lexicon import model_path
from realtime_nb.local.voice.spoken_numbers import digits_from_words

_SHORTEST_S = 0.15
_MODELS_KEPT = 16
_LANGUAGE_WEIGHT = 6.5
_PHONES = "phones"
_NO_PHONES = frozenset({"SIL", "+NSN+", "+SPN+"})
_LOG10_OF_BASE = math.log10(1.0001)  # the unit of the decoder's scores
# Speakers differ in the length of their vocal tract: of two readings, one scaled up and one down, the better one
# counts. (Of 60 sentences in six voices 53 were understood, 47 to 49 with any one scale alone.)
_TRACTS = (0.94, 1.07)


class SphinxRecognizer:
    """Recognises commands for the tools in force, example phrases, and the built-in sentences."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, CommandModel] = OrderedDict()
        self._decoder: _Decoder | None = None
        # A decoder is not thread-safe, and two threads with the same tools must compile once.
        self._lock = threading.Lock()

    def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Compile the model and load it into the decoder, unless it is there already: every session asks for it."""
        if content_key(tools, phrases) in self._models:
            return
        noise = np.random.default_rng(0).integers(-99, 99, RATE_HZ // 2).astype(np.int16)
        self.recognize(noise, tools=tools, phrases=phrases)

    def recognize(
        self, samples: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """Return the recognised words; see `protocols.Recognizer`. The words are English in every `language`."""
        sounds = [conditioned(samples, tract) for tract in _TRACTS]
        if samples.size < _SHORTEST_S * RATE_HZ or not all(sounds):
            return Recognition("", understood=False, confidence=0.0)
        with self._lock:
            model = self._model(tools, phrases)
            self._decoder = self._decoder or _Decoder()
            evidence = self._decoder.decode(sounds, model)
        confidence = judge(evidence)
        text = digits_from_words(" ".join(evidence.words))
        return Recognition(text, understood=confidence >= 0.5 and bool(text), confidence=confidence)

    def _model(self, tools: ToolSpecs, phrases: Sequence[str]) -> CommandModel:
        key = content_key(tools, phrases)
        model = self._models.get(key) or compile_model(tools, phrases)
        self._models[key] = model
        self._models.move_to_end(key)
        while len(self._models) > _MODELS_KEPT:
            self._models.popitem(last=False)
        return model


@dataclass(frozen=True, slots=True)
class _Reading:
    """The best path of one search: its words, and its score in the decoder's log units."""

    words: tuple[str, ...]
    frames: int
    score: float


class _Decoder:
    """A pocketsphinx decoder with the models that it has loaded recently."""

    def __init__(self) -> None:
        import pocketsphinx

        self._sphinx = pocketsphinx
        self._decoder = pocketsphinx.Decoder(
            hmm=str(model_path() / "en-us"),
            dict=None,  # words are added with the models that have them: a search goes over all of them once
            lm=None,
            lw=_LANGUAGE_WEIGHT,
            fwdflat=False,  # a second pass over 2,000 words finds the same words as the first
            loglevel="FATAL",
        )
        self._decoder.add_allphone_file(_PHONES, str(model_path() / "en-us-phone.lm.bin"))
        self._loaded: OrderedDict[str, Any] = OrderedDict()

    def decode(self, sounds: Sequence[bytes], model: CommandModel) -> Evidence:
        """Return the evidence from the version of the sound that fits the model best."""
        self._load(model)
        readings = [(self._search(model.key, sound), sound) for sound in sounds]
        reading, sound = max(
            readings, key=lambda pair: pair[0].score / max(1, pair[0].frames) if pair[0].words else -1e9
        )
        phones = self._search(_PHONES, sound)
        spoken = tuple(word for word in reading.words if word[0] not in "<[+")
        return Evidence(
            words=spoken,
            frames=reading.frames,
            phones=sum(phone not in _NO_PHONES for phone in phones.words),
            agreed=all(any(word[0] not in "<[+" for word in other.words) for other, _ in readings),
            command_score=reading.score,
            phone_score=phones.score,
            fluency=self._fluency(model.key, spoken),
        )

    def _fluency(self, key: str, words: Sequence[str]) -> float:
        """Return the mean log10 probability of the words as a sentence."""
        language = self._loaded[key]
        sentence = ["<s>", *words, "</s>"]
        # pocketsphinx wants the word first and then its history, the nearest word first.
        logs = [language.prob(sentence[max(0, i - 2) : i + 1][::-1]) for i in range(1, len(sentence))]
        return float(sum(logs)) * _LOG10_OF_BASE / len(logs)

    def _search(self, name: str, sound: bytes) -> _Reading:
        decoder = self._decoder
        decoder.activate_search(name)
        decoder.reinit_feat()  # resets the noise estimate: the utterance before came from another room or speaker
        decoder.start_utt()
        decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        if hypothesis is None or hypothesis.score <= 0:
            return _Reading((), decoder.n_frames(), 0.0)
        # "the(2)" is a pronunciation of "the".
        words = tuple(segment.word.partition("(")[0] for segment in decoder.seg())
        return _Reading(words, decoder.n_frames(), float(decoder.logmath.log(hypothesis.score)))

    def _load(self, model: CommandModel) -> None:
        if model.key in self._loaded:
            self._loaded.move_to_end(model.key)
            return
        for word, ways in model.words.items():
            if self._decoder.lookup_word(word) is None:
                for number, phones in enumerate(ways, 1):
                    self._decoder.add_word(word if number == 1 else f"{word}({number})", phones, update=False)
        with tempfile.TemporaryDirectory() as folder:  # pocketsphinx reads models from files only
            path = Path(folder) / "model.arpa"
            path.write_text(model.arpa, encoding="utf-8")
            loaded = self._sphinx.NGramModel(self._decoder.config, self._decoder.logmath, str(path))
        self._decoder.add_lm(model.key, loaded)
        self._loaded[model.key] = loaded
        while len(self._loaded) > _MODELS_KEPT:
            oldest, _ = self._loaded.popitem(last=False)
            self._decoder.remove_search(oldest)
