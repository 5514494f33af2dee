"""`python -m realtime_nb.local.recognizer_worker`: the recogniser in a process of its own.

Owns the loop from request to answer. Must not know sessions. It ends when its standard input does, and runs at a
lower priority than the sound it must not disturb.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Any

import numpy as np

from realtime_nb.local.pipe_frames import pack, read
from realtime_nb.local.voice import Recognizer, load_voice

__all__ = ["main"]

_NICENESS = 5


def main() -> None:
    """Answer requests until there are no more."""
    # Ctrl-C in a terminal reaches this process too: the server decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    # C libraries print where they like: the pipe is moved out of their reach.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        recognizer = load_voice().recognizer
        while (request := read(sys.stdin.buffer)) is not None:
            answers.write(pack({"id": request["id"], **_answer(recognizer, request)}))
            answers.flush()


def _answer(recognizer: Recognizer, request: dict[str, Any]) -> dict[str, Any]:
    try:
        if request["sound"] is None:
            recognizer.warm(tools=request["tools"], phrases=request["phrases"])
            return {}
        sound = np.frombuffer(request["sound"], "<i2")
        heard = recognizer.recognize(sound, tools=request["tools"], phrases=request["phrases"])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"text": heard.text, "understood": heard.understood, "confidence": heard.confidence}


if __name__ == "__main__":
    main()
