"""`Utterance`: one user turn to say, typed or as sound.

Owns the checks of an utterance, and how the shorthands of `ask` (text, a file, an array, a turn) become one. Must not
know sockets or events.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, InitVar, dataclass
from functools import cached_property
from hashlib import sha256
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.sound_formats import LONGEST_HEAD, SUFFIXES, is_sound
from realtime_nb.client.caller import warn_caller
from realtime_nb.conversation.turn import Turn
from realtime_nb.errors import ConfigError
from realtime_nb.images import data_uris
from realtime_nb.texts import shortened
from realtime_nb.wire.realtime.validate import refuse_half_character, refuse_long_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from realtime_nb.audio import AudioClip
    from realtime_nb.audio.speech_span import SpeechSpan

Samples: TypeAlias = "npt.NDArray[np.int16]"
Sound: TypeAlias = "npt.NDArray[np.int16] | npt.NDArray[np.floating[Any]] | bytes | bytearray | memoryview | AudioClip"
Askable: TypeAlias = "str | Path | Sound | Turn | Utterance"

_TAKES = (
    "text; a sound file as a Path or by its name; int16 or float samples of shape (n,); the bytes of a WAV file; an "
    "rt.AudioClip; an rt.Turn; or an rt.Utterance"
)
_LONGEST_PATH = 4096
_LONGEST_LABEL = 40  # characters of words
_LONGEST_SHOWN = 200  # characters of each text in the repr
_SEPARATORS = tuple({os.sep, "/", "\\"})


@dataclass(frozen=True, eq=False, repr=False)
class Utterance:
    """One user turn to say: exactly one of `x`, `text`, `samples` and `path`.

    Text may come with pictures: `rt.Utterance("What is this?", images=[figure])`.

    Args:
        x: any of what `ask` takes; a string that names a sound file is that file.
        rate: of samples, in Hz; None: 24,000. `rt.Utterance(array, rate=48000)`.

    Attributes:
        text: typed words, always: also where they look like the name of a file.
        samples: sound, int16 mono at 24 kHz, whatever it was made of.
        path: a sound file of any rate; read when the utterance is made, so that a missing one fails here.
        images: pictures as `rt.user_message` accepts them; read when the utterance is made, and kept as data URIs.
        detail: how closely the model looks at them: `"auto"`, `"low"` or `"high"`.
        label: its name in tables and logs; made from the rest when it is not given.
        said: the words of the sound, where they are known: what a transcript is compared with.
        synthetic: whether the sound was made by a machine.
        twin: the hash of the clean recording that this one was degraded from, or None.
        degradation: what was done to the clean recording, in words, or None.
        speech_span: where in the sound the speech is, from its first sample to the one after its last, `(2400, 60000)`;
            None: it is found by its level when `speech` is first read.

    Raises:
        ConfigError: nothing to say, more than one thing, or stated speech outside the sound. AudioError: sound that
            cannot be read. FileNotFoundError: there is no such file.
    """

    x: InitVar[Askable | None] = None
    _: KW_ONLY
    text: str | None = None
    samples: Any = None
    path: str | Path | None = None
    rate: InitVar[int | None] = None
    images: Sequence[Any] = ()
    detail: Literal["auto", "low", "high"] = "auto"
    label: str | None = None
    said: str | None = None
    synthetic: bool = False
    twin: str | None = None
    degradation: str | None = None
    speech_span: SpeechSpan | tuple[int, int] | None = None

    def __post_init__(self, x: Askable | None, rate: int | None) -> None:
        given = [name for name in ("text", "samples", "path") if getattr(self, name) is not None]
        given += ["x"] * (x is not None)
        refuse_long_name("label", self.label)
        if len(given) != 1:
            raise ConfigError(
                "an Utterance takes exactly one of a first argument, text=, samples= and path=, not "
                f"{' and '.join(given) or 'none'}"
            )
        if x is not None:
            name, value = _part_of(x)
            object.__setattr__(self, name, value)
        if isinstance(x, Turn):
            self._take_from(x)
        if self.images and self.text is None:
            raise ConfigError("images need text=: an utterance with images is typed")
        object.__setattr__(self, "images", data_uris(self.images, self.detail))
        if self.text is not None:
            self._check_text(rate)
        if self.samples is not None:
            from realtime_nb.audio import pcm_24k  # imports numpy, which a typed conversation never needs

            object.__setattr__(self, "samples", pcm_24k(self.samples, rate))
        if self.path is not None:
            from realtime_nb.audio import load_24k

            if rate is not None:
                raise ConfigError(f"rate={rate!r} is not needed: the file {str(self.path)!r} has its own")
            # `load_24k` raises the built-in FileNotFoundError, as a user of files expects.
            object.__setattr__(self, "samples", load_24k(Path(self.path).expanduser()))
        if self.speech_span is not None:
            object.__setattr__(self, "speech_span", self._checked_span(self.speech_span))
        if self.label is None:
            object.__setattr__(self, "label", self._default_label())

    def __repr__(self) -> str:
        """Show what is said, and of the rest what was given."""
        said = [f"text={shortened(self.text, _LONGEST_SHOWN)!r}"] if isinstance(self.text, str) else []
        # A traceback shows an utterance whose samples are refused, too.
        said += [f"{size / RATE_HZ:.1f} s of sound"] if (size := getattr(self.samples, "size", None)) else []
        said += [f"path={str(self.path)!r}"] if self.path is not None else []
        said += [f"{len(self.images)} image{'s' * (len(self.images) > 1)}"] if self.images else []
        for name in ("label", "said", "degradation"):
            value = getattr(self, name)
            if value is not None and not (name == "label" and value in (self.text, said[0] if said else None)):
                said.append(f"{name}={shortened(str(value), _LONGEST_SHOWN)!r}")
        said += ["synthetic"] if self.synthetic else []
        return f"Utterance({', '.join(said)})"

    def _checked_span(self, given: Any) -> SpeechSpan:
        from realtime_nb.audio.speech_span import SpeechSpan

        if self.samples is None:
            raise ConfigError(f"speech_span={given!r} belongs to sound, and this utterance is typed")
        try:
            start, end = (given.start, given.end) if isinstance(given, SpeechSpan) else map(index, given)
        except (TypeError, ValueError):
            start = end = -1
        if not 0 <= start < end <= len(self.samples):
            raise ConfigError(
                f"speech_span={given!r} must be the first sample of speech and the one after its last, of the "
                f"{len(self.samples):,} samples at {RATE_HZ:,} Hz"
            )
        return SpeechSpan(start, end)

    def _take_from(self, turn: Turn) -> None:
        """Take the pictures of a typed turn, and a label from the words of any."""
        if self.text is not None and not self.images:
            object.__setattr__(self, "images", turn.images)
        if self.label is None and turn.text.strip():
            object.__setattr__(self, "label", shortened(" ".join(turn.text.split()), _LONGEST_LABEL))

    def _check_text(self, rate: int | None) -> None:
        text = self.text
        if not isinstance(text, str):
            raise ConfigError(f"text={text!r} must be a string, not {type(text).__name__}")
        if rate is not None:
            raise ConfigError(f"rate={rate!r} belongs to samples, and this utterance is typed")
        if not text.strip() and not self.images:
            raise ConfigError(f"text={text!r} has nothing to say")
        refuse_half_character("the text", text)

    def _default_label(self) -> str:
        if self.text is not None:
            text = self.text or "a picture"
            return shortened(text, _LONGEST_LABEL)
        if self.path is not None:
            return Path(self.path).name
        return f"{len(self.sound) / RATE_HZ:.1f} s of sound"

    @property
    def sound(self) -> Samples:
        """The samples; empty for a typed utterance."""
        import numpy as np

        return self.samples if self.samples is not None else np.empty(0, np.int16)

    @property
    def audio(self) -> AudioClip | None:
        """The sound as a clip, with a player in a notebook; None for a typed utterance."""
        if self.samples is None:
            return None
        from realtime_nb.audio import AudioClip

        return AudioClip(self.samples)

    @cached_property
    def speech(self) -> SpeechSpan | None:
        """Where in the sound the speech begins and ends, in samples; None for a typed utterance.

        Raises:
            AudioError: there is nothing but silence.
        """
        if self.samples is None or self.speech_span is not None:
            return cast("SpeechSpan | None", self.speech_span)
        from realtime_nb.audio.speech_span import find_speech

        return find_speech(self.samples)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what is said, as 64 hexadecimal digits: the samples, or the text with its pictures."""
        if self.samples is not None:
            from realtime_nb.audio.speech_span import sound_hash

            return sound_hash(self.samples)
        parts = ["typed", self.text or "", self.detail if self.images else "", *self.images]
        return sha256("\x00".join(parts).encode()).hexdigest()


def as_utterance(x: Askable) -> Utterance:
    """Return the argument of `ask` as an `Utterance`.

    A string is a file if it names an existing sound file, or ends like one and has no spaces. One with spaces that ends
    like a sound file, and names none, is missing if it holds a path separator; else it is text, with a warning.

    Raises:
        ConfigError: a value that is none of these; says which they are.
    """
    if isinstance(x, Utterance):
        return x
    if x is None:
        raise ConfigError(f"ask takes {_TAKES}; not None")
    return Utterance(x)


def relabelled(utterance: Utterance, label: str) -> Utterance:
    """Return the same utterance under another label."""
    made = copy.copy(utterance)
    object.__setattr__(made, "label", label)
    return made


def with_words(utterance: Utterance, said: str) -> Utterance:
    """Return the same recording with the words that are said in it."""
    made = copy.copy(utterance)
    object.__setattr__(made, "said", said)
    return made


def _part_of(x: Any) -> tuple[Literal["text", "samples", "path"], Any]:
    """Return which part of an utterance a value is, and the value of that part."""
    if isinstance(x, str):
        return ("path" if _names_a_file(x) else "text"), x
    if isinstance(x, os.PathLike):
        return "path", Path(x)
    if isinstance(x, Turn):
        if x.audio is not None:
            return "samples", x.audio
        if x.text.strip() or x.images:
            return "text", x.text
        raise ConfigError(f"{x!r} can not be asked again: it has neither sound nor text")
    from realtime_nb.audio import AudioClip

    if isinstance(x, (AudioClip, bytes, bytearray, memoryview)) or hasattr(x, "__array__"):
        return "samples", x
    raise ConfigError(f"ask takes {_TAKES}; not {shortened(repr(x), 60)} ({type(x).__name__})")


def _names_a_file(text: str) -> bool:
    if len(text) > _LONGEST_PATH or not text.isprintable():
        return False  # no such name: a text of several lines, most often
    ends_like_one = os.path.splitext(text)[1].lower() in SUFFIXES  # noqa: PTH122 - a text is no path yet
    if _is_file(text):
        return ends_like_one or _holds_sound(text)
    if not ends_like_one:
        return False
    if not any(character.isspace() for character in text):
        return True
    if any(separator in text for separator in _SEPARATORS):
        raise FileNotFoundError(
            f"there is no file {text!r}. To say these words instead, use rt.Utterance(text={text!r})."
        )
    warn_caller(
        f"{text!r} ends like a sound file, but there is none of that name here: it is asked as text. Use a Path for a "
        "file, or rt.Utterance(text=...) for words."
    )
    return False


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or no such home directory
        return False


def _holds_sound(name: str) -> bool:
    """Whether an existing file holds sound: a word in a question may be the name of any file here."""
    try:
        with Path(name).expanduser().open("rb") as file:
            return is_sound(file.read(LONGEST_HEAD))
    except OSError:
        return False
