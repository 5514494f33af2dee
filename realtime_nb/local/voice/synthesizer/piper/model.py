"""Read a Piper voice (an .onnx file and its .onnx.json) and run it: phonemes in, sound out.

Owns the file format and the onnxruntime session. Must not know texts, voices of the API or threads.

A voice is a VITS model: its input is a list of numbers, one for each phoneme, with a padding number between them, and
its output is a whole sentence of sound. The format is described at https://github.com/OHF-Voice/piper1-gpl.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_nb.local.voice.reply import ReplyError

_PAD, _BEGIN, _END = "_", "^", "$"


class PiperError(ReplyError):
    """The file is no voice that can be run, or the run failed; the response fails, and the session goes on."""


@dataclass(frozen=True, slots=True)
class PiperConfig:
    """The settings that come with a voice.

    Attributes:
        rate_hz: of the sound.
        espeak_voice: the name of the language in espeak-ng, such as `"en-us"`; None for a voice whose "phonemes" are
            the letters of the text.
        ids: the numbers of each phoneme.
        speakers: how many speakers the model has.
        noise_scale, length_scale, noise_w: the model's own settings for melody, tempo and rhythm.
    """

    rate_hz: int
    espeak_voice: str | None
    ids: Mapping[str, Sequence[int]]
    speakers: int
    noise_scale: float
    length_scale: float
    noise_w: float

    def encode(self, phonemes: str) -> list[int]:
        """Return the numbers of a sentence; phonemes that the voice does not have are left out."""
        ids = list(self.ids.get(_BEGIN, ()))
        pad = self.ids.get(_PAD, ())
        ids += pad
        for phoneme in unicodedata.normalize("NFD", phonemes):
            if phoneme in self.ids:
                ids += self.ids[phoneme]
                ids += pad
        return ids + list(self.ids.get(_END, ()))


def read_config(path: Path) -> PiperConfig:
    """Read the .onnx.json beside a voice.

    Raises:
        PiperError: it is missing, is not JSON, or lacks a needed field.
    """
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        inference = raw.get("inference") or {}
        kind = raw.get("phoneme_type", "espeak")
        if kind not in ("espeak", "text"):
            raise PiperError(f"{path}: its phonemes are of the type {kind!r}; 'espeak' and 'text' can be spoken.")
        return PiperConfig(
            rate_hz=int(raw["audio"]["sample_rate"]),
            espeak_voice=str(raw["espeak"]["voice"]) if kind == "espeak" else None,
            ids={str(name): [int(number) for number in numbers] for name, numbers in raw["phoneme_id_map"].items()},
            speakers=int(raw.get("num_speakers") or 1),
            noise_scale=float(inference.get("noise_scale", 0.667)),
            length_scale=float(inference.get("length_scale", 1.0)),
            noise_w=float(inference.get("noise_w", 0.8)),
        )
    except OSError as error:
        raise PiperError(f"{path} cannot be read ({error.strerror or error}): it belongs beside the .onnx.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PiperError(f"{path} does not describe a Piper voice ({type(error).__name__}: {error}).") from error


class PiperModel:
    """A loaded voice. `run` may be called from one thread at a time.

    Args:
        path: the .onnx file.

    Raises:
        PiperError: it is not a Piper voice.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self.config = read_config(path.with_name(path.name + ".json"))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # More threads than cores, or all of them, would take time from the sound that is being sent.
        options.intra_op_num_threads = max(1, min(4, (os.cpu_count() or 2) - 1))
        options.inter_op_num_threads = 1
        self._runtime = onnxruntime
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes, which have no common base
            raise PiperError(f"{path} is not a model that onnxruntime can run: {error}") from error
        self._inputs = {each.name for each in self._session.get_inputs()}
        if not {"input", "input_lengths", "scales"} <= self._inputs:
            raise PiperError(f"{path} is a model of another kind: its inputs are {', '.join(sorted(self._inputs))}.")

    def new_run(self) -> Any:
        """Return the handle of one `run`; setting its `terminate` to True ends that run soon."""
        return self._runtime.RunOptions()

    def run(self, ids: Sequence[int], *, speed: float, speaker: int, handle: Any) -> npt.NDArray[np.float32]:
        """Return the sound of a sentence, -1..1, at `config.rate_hz`.

        Raises:
            PiperError: the run was ended by its handle, or failed.
        """
        config = self.config
        inputs: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([config.noise_scale, config.length_scale / speed, config.noise_w], np.float32),
        }
        if "sid" in self._inputs:
            inputs["sid"] = np.array([speaker], np.int64)
        try:
            sound: npt.NDArray[np.float32] = self._session.run(None, inputs, handle)[0]
        except Exception as error:
            raise PiperError(f"the voice failed: {error}") from error
        return sound.reshape(-1)
