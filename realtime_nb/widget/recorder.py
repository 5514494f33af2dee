"""`Recorder`: a card that records user turns from the notebook's microphone, to replay them in experiments.

Owns the recorded utterances and the checks of the page's messages. Must not know experiments or conversations.
"""

from __future__ import annotations

import logging
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import anywidget
import traitlets as t

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.notebook.audio.microphone_options import Microphone
from realtime_nb.redact import redact

_STATIC = pathlib.Path(__file__).parent.parent / "static"
_LONGEST_S = 60  # js/src/recorder/take.ts stops there
_SHORTEST_S = 0.1
_LONGEST_NAME = 200
_LONGEST_WORDS = 2000
_UNFIT = re.compile(r"[^\w .-]+")  # in the name of a file
_logger = logging.getLogger("realtime_nb")


class Recorder(anywidget.AnyWidget):
    """A card that records user turns: record, look, trim, listen, keep.

    Args:
        prompts: sentences to read aloud, one after the other; each becomes the words (`said`) of its recording.
        microphone: how the browser captures; None: with its own processing off, so that the recording is what the
            microphone heard.

    Attributes:
        utterances: what was kept, in order, as `rt.Utterance`s; observable.

    Raises:
        ConfigError: prompts that are no texts, or a microphone of another type.

    Example:
        >>> recorder = rt.Recorder(["What is the time?", "Set a timer for five minutes."])  # doctest: +SKIP
        >>> recorder
        >>> lab = rt.Lab(utterances=recorder.utterances, variants=...)
    """

    _esm = (_STATIC / "recorder.js").read_text(encoding="utf-8")
    _css = (_STATIC / "recorder.css").read_text(encoding="utf-8")

    utterances = t.Tuple(read_only=True)
    prompts = t.List(t.Unicode(), read_only=True).tag(sync=True)
    kept = t.List(t.Dict(), read_only=True).tag(sync=True)
    microphone = t.Dict(read_only=True).tag(sync=True)

    def __init__(self, prompts: Iterable[str] = (), *, microphone: Microphone | None = None) -> None:
        if isinstance(prompts, str):
            prompts = [prompts]
        sentences = list(prompts)
        for sentence in sentences:
            if not isinstance(sentence, str) or not sentence.strip():
                raise ConfigError(f"prompts holds {sentence!r}: each must be a sentence to read aloud")
        if microphone is None:
            microphone = Microphone(echo_cancellation=False, noise_suppression=False, auto_gain_control=False)
        if not isinstance(microphone, Microphone):
            raise ConfigError(f"microphone={microphone!r} must be an rt.Microphone(...) or None")
        super().__init__()
        self.set_trait("prompts", sentences)
        self.set_trait("microphone", microphone.to_page())
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"Recorder({len(self.utterances)} kept: {', '.join(self._labels()) or 'none yet'})"

    def remove(self, label: str) -> None:
        """Remove a kept utterance.

        Raises:
            ConfigError: there is none of that name; names those that there are.
        """
        if label not in self._labels():
            raise ConfigError(f"no recording is called {label!r}; there are {', '.join(self._labels()) or 'none'}.")
        self._set([utterance for utterance in self.utterances if utterance.label != label])

    def save(self, folder: str | pathlib.Path) -> list[pathlib.Path]:
        """Write each utterance as `NAME.wav`, with its words in `NAME.txt`; returns the sound files.

        A folder of such pairs is what `rt.Lab(utterances=folder)` reads.

        Raises:
            FileExistsError: a file of that name is there already; nothing is overwritten.
        """
        folder = pathlib.Path(folder).expanduser()
        names = _file_names(self._labels())
        paths = [folder / f"{name}.wav" for name in names]
        for path in paths:
            if path.exists():
                raise FileExistsError(f"{str(path)!r} is there already: choose an empty folder, or remove it first")
        from realtime_nb.audio import AudioClip

        folder.mkdir(parents=True, exist_ok=True)
        for path, utterance in zip(paths, self.utterances, strict=True):
            AudioClip(utterance.sound).save(path)
            if utterance.said:
                path.with_suffix(".txt").write_text(utterance.said + "\n", encoding="utf-8")
        return paths

    def _labels(self) -> list[str]:
        return [str(utterance.label) for utterance in self.utterances]

    def _set(self, utterances: Sequence[Utterance]) -> None:
        self.set_trait("utterances", tuple(utterances))
        self.set_trait(
            "kept",
            [
                {"label": each.label, "said": each.said or "", "seconds": len(each.sound) / RATE_HZ}
                for each in utterances
            ],
        )

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        """Handle a page's message; a bad one is refused, and changes nothing."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "hello":
            self.send({"kind": "ready"})
        elif kind == "remove" and content.get("label") in self._labels():
            self.remove(content["label"])
        elif kind == "keep":
            take = content.get("take")
            if not isinstance(take, str) or len(take) > 64:
                _logger.warning("the recorder card sent a recording without its number: it is not kept")
                return
            try:
                label = self._keep(content, buffers)
            except RealtimeError as error:
                self.send({"kind": "refused", "take": take, "reason": f"It was not kept: {error}"})
            else:
                self.send({"kind": "kept", "take": take, "label": label})

    def _keep(self, content: dict[str, Any], buffers: Any) -> str:
        import numpy as np

        label, said = _text(content, "label", _LONGEST_NAME), _text(content, "said", _LONGEST_WORDS)
        pcm = bytes(buffers[0]) if isinstance(buffers, (list, tuple)) and len(buffers) == 1 else b""
        seconds = len(pcm) / 2 / RATE_HZ
        if len(pcm) % 2 or not _SHORTEST_S <= seconds <= _LONGEST_S:
            raise ConfigError(
                f"a recording of {seconds:.2f} s; it must be {_SHORTEST_S:g} to {_LONGEST_S} s long: record again."
            )
        free = self._free(label or f"recording {len(self.utterances) + 1}")
        utterance = Utterance(samples=np.frombuffer(pcm, "<i2"), label=free, said=said or None)
        _ = utterance.speech  # raises where there is nothing but silence
        self._set([*self.utterances, utterance])
        return str(utterance.label)

    def _free(self, label: str) -> str:
        """Return the label, with a number where another utterance has it."""
        taken = self._labels()
        number = 2
        free = label
        while free in taken:
            free = f"{label} ({number})"
            number += 1
        return free


def _text(content: dict[str, Any], name: str, most: int) -> str:
    value = content.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise ConfigError(f"{name} must be a text of at most {most} characters")
    return redact(" ".join(value.encode("utf-8", "replace").decode().split()))


def _file_names(labels: Sequence[str]) -> list[str]:
    """Return a file name for each label, in the order of the recordings."""
    plain = [_UNFIT.sub("_", label).strip(" .")[:60] for label in labels]
    return [f"{number:02d} {label}" for number, label in enumerate(plain, start=1)]
