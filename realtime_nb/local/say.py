"""`python -m realtime_nb.local.say` speaks one text with the practice voice, and prints its samples.

Owns one text from standard input (a line of JSON) to int16 samples at 24 kHz on standard output. Must not know sessions
or utterances. One process a text: espeak-ng keeps state from one text to the next, so that only the first one of a
process sounds the same each time. And it is GPL: the process that asks does not load it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from realtime_nb.errors import ConfigError

_LONGEST_TEXT = 4_096  # characters
_TIMEOUT_S = 120.0
_AT_ONCE = 2


@dataclass(frozen=True)
class Words:
    """A text to speak.

    Attributes:
        text: at most 4,096 characters.
        voice: a name of the API.
        speed: 0.25 to 1.5.
    """

    text: str
    voice: str = "alloy"
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not any(map(str.isalnum, self.text)):
            raise ConfigError(f"{self.text!r} can not be spoken: it holds no words")
        if len(self.text) > _LONGEST_TEXT:
            raise ConfigError(f"{self.text[:40]!r}... has {len(self.text)} characters; the most is {_LONGEST_TEXT}")
        if not isinstance(self.voice, str) or not self.voice:
            raise ConfigError(f"voice={self.voice!r} must be a voice's name, such as 'alloy' or 'marin'")
        number = isinstance(self.speed, (int, float)) and not isinstance(self.speed, bool)
        if not number or not 0.25 <= self.speed <= 1.5:
            raise ConfigError(f"speed={self.speed!r} must be a number from 0.25 to 1.5")


def say(words: Sequence[Words]) -> list[bytes]:
    """Return the int16 samples of each text at 24 kHz; the same words always give the same samples on one machine.

    Raises:
        ConfigError: no voice is installed, or a text could not be spoken; with the next step.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="say") as threads:
        return list(threads.map(_in_a_process, words))


def _in_a_process(words: Words) -> bytes:
    command = [sys.executable, "-m", "realtime_nb.local.say"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asdict(words)).encode(), capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{words.text[:40]!r} was not spoken within {_TIMEOUT_S:g} s: give a shorter text") from None
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    raise ConfigError(f"{words.text[:40]!r} could not be spoken: {lines[-1] if lines else 'the voice gave no reason'}")


def main() -> int:
    """Speak the text on standard input; return the exit status."""
    import numpy as np

    from realtime_nb.local.voice.part_spec import installed
    from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer

    words = Words(**json.loads(sys.stdin.buffer.read()))
    if not installed("espeakng_loader"):
        sys.stderr.write("no voice is installed here: pip install 'realtime-nb[local]'\n")
        return 1
    stream = EspeakSynthesizer().stream(words.text, voice=words.voice, speed=words.speed)
    sys.stdout.buffer.write(np.concatenate([chunk.samples for chunk in stream]).astype("<i2").tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
