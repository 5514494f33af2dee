"""Speech recognition with a Whisper model, through faster-whisper, and a check of the result.

Owns the model and the decision whether its words are reliable. Must not know sessions. It runs in the recognition
process only: decoding uses all cores that it is given, for as long as it takes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_nb.audio.resample import resample
from realtime_nb.local.voice.download import Report, cache_folder, fetch_files, ignore
from realtime_nb.local.voice.part_spec import WHISPER_MODELS
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm, Recognition, ToolSpecs
from realtime_nb.local.voice.recognizer.judge_whisper import NOTHING, WhisperEvidence, recognition

_RATE_HZ = 16_000  # of the model
_SHORTEST_S = 0.1
_PROMPT_CHARS = 600  # the model reads at most 224 tokens of a prompt
# Of the speech detector that comes with faster-whisper: without speech the model invents words.
_SPEECH_PROBABILITY = 0.4


class WhisperRecognizer:
    """Recognises any speech in the languages of its model.

    Args:
        value: the name of a model, which is downloaded at first use, or a folder with one.
        report: receives the progress of the download.
    """

    def __init__(self, value: str, *, report: Report = ignore) -> None:
        self._value = value
        self._report = report
        self._lock = threading.Lock()
        self._model: Any = None

    def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Load the model, and download it if need be; the tools make no difference to it.

        Raises:
            DownloadError: it cannot be fetched.
            RuntimeError: it cannot be loaded.
        """
        with self._lock:
            if self._model is None:
                model = self._loaded()
                # The first run is slower than the others.
                list(model.transcribe(np.zeros(_RATE_HZ, np.float32), beam_size=1, language="en")[0])

    def recognize(
        self, samples: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """Return the recognised words as the model writes them, with capitals and punctuation.

        Args:
            samples: one utterance.
            tools: not used: a list of commands makes the model hear commands in other words.
            phrases: a prompt and keywords; the model reads them as the text before.
            language: of the speech, such as `"en"`; None: the model finds out.

        Raises:
            DownloadError, RuntimeError: see `warm`.
        """
        if samples.size < _SHORTEST_S * RATE_HZ:
            return NOTHING
        sound = resample((samples / 32768).astype(np.float32), RATE_HZ, _RATE_HZ)
        with self._lock:
            model = self._loaded()
            if not _has_speech(sound):
                return NOTHING
            segments, _ = model.transcribe(
                sound,
                language=_language(language, model),
                initial_prompt=" ".join(phrases)[:_PROMPT_CHARS] or None,
                beam_size=5,
                # Without "fallbacks": at higher temperatures the model invents words for what it did not hear.
                temperature=0.0,
                condition_on_previous_text=False,
                without_timestamps=samples.size < 28 * RATE_HZ,
                vad_filter=False,
            )
            found = list(segments)
        text = " ".join(segment.text.strip() for segment in found).strip()
        if not found:
            return NOTHING
        tokens = [max(1, len(segment.tokens)) for segment in found]
        evidence = WhisperEvidence(
            logprob=sum(n * segment.avg_logprob for n, segment in zip(tokens, found, strict=True)) / sum(tokens),
            no_speech=max(segment.no_speech_prob for segment in found),
            compression=max(segment.compression_ratio for segment in found),
        )
        return recognition(text, evidence)

    def _loaded(self) -> Any:
        if self._model is None:
            folder = model_folder(self._value, self._report)
            from faster_whisper import WhisperModel

            # The CPU also where there is a GPU: without the CUDA libraries of the right version the process would end
            # in the middle of the first utterance. A server behind `stt="http://..."` uses a GPU.
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=max(1, min(4, os.cpu_count() or 1))
            )
        return self._model


def model_folder(value: str, report: Report = ignore) -> Path:
    """Return the folder of a model; downloads a named one at first use.

    Raises:
        DownloadError: it cannot be fetched.
    """
    if value not in WHISPER_MODELS:
        return Path(value).expanduser()
    return fetch_files(
        f"whisper {value}",
        WHISPER_MODELS[value],
        ["config.json", "tokenizer.json", "model.bin"],
        optional=["preprocessor_config.json", "vocabulary.txt", "vocabulary.json"],
        folder=cache_folder() / "whisper" / value,
        remedy="With a model on this machine: stt='whisper:/path/to/folder'; without one: stt='commands'.",
        report=report,
    )


def _has_speech(sound: npt.NDArray[np.float32]) -> bool:
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(threshold=_SPEECH_PROBABILITY, min_speech_duration_ms=60, min_silence_duration_ms=100)
    return bool(get_speech_timestamps(sound, options, sampling_rate=_RATE_HZ))


def _language(wanted: str | None, model: Any) -> str | None:
    """Return the language to expect: a model for English alone knows no other, and an unknown code is left out."""
    if not model.model.is_multilingual:
        return "en"
    code = (wanted or "").partition("-")[0].lower()
    return code if code in model.supported_languages else None
