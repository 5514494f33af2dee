"""`spoken`: utterances that the local voice speaks, marked as synthetic.

Owns the utterances of spoken texts. Must not know trials, or how speech is made: a process of the local backend makes
it, since espeak-ng (GPL) is loaded there only.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import ConfigError
from realtime_nb.local.say import Words, say
from realtime_nb.texts import shortened

_LONGEST_LABEL = 40


@overload
def spoken(text: str, *, voice: str = ..., speed: float = ...) -> Utterance: ...
@overload
def spoken(text: list[str] | tuple[str, ...], *, voice: str = ..., speed: float = ...) -> list[Utterance]: ...
@overload
def spoken(text: Any, *, voice: str = ..., speed: float = ...) -> list[Utterance]: ...
def spoken(text: Any, *, voice: str = "alloy", speed: float = 1.0) -> Utterance | list[Utterance]:
    """Return texts as speech of the practice voice: utterances marked `synthetic`, with their words as `said`.

    The same text gives the same samples on one machine, so that a cache of trials finds them again. A machine's voice
    is no person's: what is measured on it holds for such voices.

    Args:
        text: one text, or several, such as a column of a data frame.
        voice: one of the API's names, each with a speaker of its own.
        speed: 0.25 to 1.5.

    Raises:
        ConfigError: an option is invalid, or no voice is installed (`pip install 'realtime-nb[local]'`).

    Example:
        >>> question = spoken("What time is it?", voice="marin")  # doctest: +SKIP
    """
    if not isinstance(text, str) and not hasattr(text, "__iter__"):
        raise ConfigError(f"{text!r} can not be spoken: give a text, or a list of texts")
    words = [Words(each, voice, speed) for each in ([text] if isinstance(text, str) else text)]
    made = [_utterance(one, pcm) for one, pcm in zip(words, say(words), strict=True)]
    return made[0] if isinstance(text, str) else made


def _utterance(words: Words, pcm: bytes) -> Utterance:
    text = words.text
    label = shortened(text, _LONGEST_LABEL)
    samples = np.frombuffer(pcm, "<i2").astype(np.int16)
    return Utterance(samples=samples, label=label, said=text, synthetic=True)
