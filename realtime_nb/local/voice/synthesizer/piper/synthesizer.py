"""Synthesise text with a Piper voice as chunks of 24 kHz sound, each with the words that begin in it.

Owns clauses, the words' places, resampling, and the one thread that runs the model. Must not know the model's format.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from realtime_nb.audio.resample import Resampler
from realtime_nb.local.voice.download import (
    DownloadError,
    Progress,
    Report,
    cache_folder,
    fetch_files,
    ignore,
    still_loading,
)
from realtime_nb.local.voice.part_spec import is_path
from realtime_nb.local.voice.protocols import RATE_HZ, Chunk, Pcm
from realtime_nb.local.voice.synthesizer.espeak.engine import ENGINE, EspeakEngine
from realtime_nb.local.voice.synthesizer.espeak.synthesizer import sentences
from realtime_nb.local.voice.synthesizer.piper.model import PiperConfig, PiperModel
from realtime_nb.wire.realtime.known_names import VOICES

_REPOSITORY = "rhasspy/piper-voices"
_CLAUSE = re.compile(r"\s*\S.*?(?:[,;:.!?…。！？，—]+[\"'”’)\]]*(?=\s|$)|$)", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]*\s*$")
_MARK = re.compile(r"[,;:.!?…。！？，—]")
_MARKS = {"…": ".", "。": ".", "！": "!", "？": "?", "，": ",", "—": ","}
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")  # espeak marks words of another language
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BLOCK = RATE_HZ // 10
_STOP_S = 0.02  # how often `stop` is looked at while the model runs
_PAUSE_S = 0.2  # after a sentence


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of a sentence: its text, and the phonemes with the mark that ends it."""

    text: str
    phonemes: str


class PiperSynthesizer:
    """Streams speech from one voice, sentence by sentence. Any number of streams, from any threads.

    Args:
        value: the name of a voice, which is downloaded at first use, or the path of an .onnx file.
        report: receives the progress of the download.
        engine: gives phonemes.
    """

    def __init__(self, value: str, *, report: Report = ignore, engine: EspeakEngine = ENGINE) -> None:
        self._value = value
        self._report = report
        self._engine = engine
        self._lock = threading.Lock()
        self._model: PiperModel | None = None
        self._progress: Progress | None = None
        # One run at a time: two at once would both be slower than the speech that they make.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="piper")

    def warm(self) -> None:
        """Load the voice, and download it if need be.

        Raises:
            DownloadError, PiperError: with the cause and the next step.
        """
        for _ in self.stream("Ready."):
            pass

    def stream(
        self, text: str, *, voice: str = "alloy", speed: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Chunk]:
        """Yield sound, 100 ms a chunk; see `protocols.Synthesizer`.

        Raises:
            DownloadError, PiperError: there is no voice to speak with, or it is still being downloaded.
        """
        model = self._loaded()
        stopped = threading.Event() if stop is None else stop
        resampler = Resampler(model.config.rate_hz, RATE_HZ)
        speaker = speaker_of(voice, model.config.speakers)
        pause = np.zeros(int(_PAUSE_S * model.config.rate_hz / speed), np.int16)
        for sentence in sentences(text):
            clauses = self._clauses(sentence, model.config)
            sound = self._run(model, clauses, speed, speaker, stopped)
            if sound is None or stopped.is_set():
                return
            # The next sentence may come in another stream.
            if sound.size and _SENTENCE_END.search(sentence):
                sound = np.concatenate([sound, pause])
            yield from _pieces(resampler.process(sound), clauses)
        yield Chunk(resampler.flush().astype(np.int16), "")

    def _loaded(self) -> PiperModel:
        # The worker threads are few: they must not wait for a download, which may take minutes.
        progress = self._progress
        if progress is not None and progress.state == "loading" and self._lock.locked():
            raise DownloadError(still_loading(progress))
        with self._lock:
            if self._model is None:
                self._model = PiperModel(voice_file(self._value, self._progressed))
            return self._model

    def _progressed(self, progress: Progress) -> None:
        self._progress = progress
        self._report(progress)

    def _clauses(self, sentence: str, config: PiperConfig) -> list[_Clause]:
        return [_Clause(text, self._phonemes(text, config)) for text in clauses_of(sentence)]

    def _phonemes(self, text: str, config: PiperConfig) -> str:
        spoken = _UNSPEAKABLE.sub(" ", text).strip()
        if not any(character.isalnum() for character in spoken):
            return ""
        if config.espeak_voice is None:
            return spoken.lower()
        mark = _MARK.findall(spoken)
        last = _MARKS.get(mark[-1], mark[-1]) if mark and spoken.rstrip("\"'”’)]")[-1:] == mark[-1] else ""
        return _LANGUAGE_SWITCH.sub("", self._engine.phonemes(spoken, config.espeak_voice)) + last

    def _run(
        self, model: PiperModel, clauses: list[_Clause], speed: float, speaker: int, stop: threading.Event
    ) -> Pcm | None:
        """Return the sound of one sentence, or None once `stop` is set."""
        phonemes = " ".join(clause.phonemes for clause in clauses if clause.phonemes)
        if not phonemes:
            return np.empty(0, np.int16)
        handle = model.new_run()
        running: Future[npt.NDArray[np.float32]] = self._thread.submit(
            model.run, model.config.encode(phonemes), speed=speed, speaker=speaker, handle=handle
        )
        try:
            while True:
                try:
                    sound = running.result(_STOP_S)
                    break
                except FutureTimeout:
                    if running.done():
                        raise
                    if stop.is_set():
                        return None
        finally:
            if not running.done():
                running.cancel()
                handle.terminate = True  # ends the run within one layer of the model
        samples: Pcm = np.clip(sound * 32767, -32768, 32767).astype(np.int16)
        return samples


def voice_file(value: str, report: Report = ignore) -> Path:
    """Return the .onnx file of a voice; downloads a named one at first use.

    Raises:
        DownloadError: it cannot be fetched.
    """
    if is_path(value) or value.endswith(".onnx"):
        return Path(value).expanduser()
    language, name, quality = value.split("-")
    stem = f"{language.partition('_')[0]}/{language}/{name}/{quality}/{value}.onnx"
    folder = fetch_files(
        f"piper {name}",
        _REPOSITORY,
        [stem, f"{stem}.json"],
        folder=cache_folder() / "piper" / value,
        remedy="With a voice on this machine: tts='piper:/path/to/voice.onnx'; without one: tts='espeak'.",
        report=report,
    )
    return folder / f"{value}.onnx"


def speaker_of(voice: str, speakers: int) -> int:
    """Return the speaker for one of the API's voices: always the same one, and 0 where there is only one."""
    names = list(VOICES)
    return names.index(voice) % speakers if voice in names else 0


def clauses_of(sentence: str) -> list[str]:
    """Cut a sentence at its commas, colons and dashes; joined, the pieces are the sentence."""
    cuts = [match.end() for match in _CLAUSE.finditer(sentence)]
    starts = [0, *cuts]
    pieces = [sentence[start:end] for start, end in zip(starts, [*cuts, len(sentence)], strict=True)]
    return [piece for piece in pieces if piece]


def _pieces(sound: Pcm, clauses: list[_Clause]) -> Iterator[Chunk]:
    """Cut the sound of a sentence into chunks with the words that begin in each.

    The model does not say when a word begins: a clause has the share of the sound that its phonemes have, and a word
    the share of its letters.
    """
    words: list[tuple[float, str]] = []
    total = sum(len(clause.phonemes) for clause in clauses) or 1
    begins = 0.0
    for clause in clauses:
        share = len(clause.phonemes) / total
        letters = 0
        for word in re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", clause.text):
            words.append((begins + share * letters / max(1, len(clause.text)), word))
            letters += len(word)
        begins += share
    for start in range(0, max(1, sound.size), _BLOCK):
        block = sound[start : start + _BLOCK]
        end = 1.1 if start + _BLOCK >= sound.size else (start + _BLOCK) / sound.size
        text = ""
        while words and words[0][0] < end:
            text += words.pop(0)[1]
        yield Chunk(block, text)
