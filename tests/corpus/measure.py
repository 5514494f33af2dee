"""`python -m tests.corpus.measure`: how much the practice voice understands, and how much it only thinks it does.

Owns the count. A sentence is understood when the recogniser vouches for it *and* the right thing comes of it; a false
accept is a sentence from outside that the recogniser vouches for.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from realtime_nb.local.voice import RATE_HZ, Context, Pcm, Reply, load_voice
from realtime_nb.local.voice.recognizer import SphinxRecognizer
from tests.corpus.speakers import Speaker, in_noise, render

__all__ = ["Score", "measure"]

SNR_DB = 15.0
_MANIFEST = Path(__file__).parent / "manifest.json"
_NOW = Context(now=datetime(2026, 11, 22, 15, 4))  # a Sunday


@dataclass
class Score:
    """One condition's figures: shares from 0 to 1, and what went wrong."""

    understood: float = 0.0
    word_for_word: float = 0.0
    wrong_calls: int = 0
    false_accepts: float = 0.0
    false_calls: int = 0
    seconds_per_utterance: float = 0.0
    remarks: list[str] = field(default_factory=list)


def measure() -> dict[str, Score]:
    """Returns the score for each condition, `"clean"` and `"noise"`."""
    manifest = json.loads(_MANIFEST.read_text("utf-8"))
    voice = load_voice()
    assert isinstance(voice.recognizer, SphinxRecognizer), voice.notice
    tools = manifest["tools"]
    voice.recognizer.warm(tools=tools)
    scores = {"clean": Score(), "noise": Score()}
    taken: dict[str, list[float]] = {"clean": [], "noise": []}
    for entry, sounds in _utterances(manifest):
        for condition, sound in sounds.items():
            score = scores[condition]
            started = time.perf_counter()
            heard = voice.recognizer.recognize(sound, tools=tools)
            taken[condition].append(time.perf_counter() - started)
            reply = voice.responder.respond(
                history=(), tools=tools, user_text=heard.text, understood=heard.understood, context=_NOW
            )
            what = f"{entry['text']!r} heard as {heard.text!r} ({heard.confidence:.2f})"
            if "says" in entry or "calls" in entry:
                share = 1 / len(manifest["understood"])
                right = heard.understood and _is_expected(entry, reply)
                score.understood += share * right
                score.word_for_word += share * (_words(heard.text) == _words(_digits(entry["text"])))
                score.wrong_calls += bool(reply.tool_calls) and not right
                if not right:
                    score.remarks.append(f"not understood: {what}")
            else:
                score.false_accepts += heard.understood / len(manifest["not_understood"])
                score.false_calls += bool(reply.tool_calls)
                if heard.understood:
                    score.remarks.append(f"false accept: {what}")
    for condition, seconds in taken.items():
        scores[condition].seconds_per_utterance = float(np.median(seconds))
    return scores


def _utterances(manifest: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Pcm]]]:
    speakers = [Speaker(**speaker) for speaker in manifest["voices"]]
    entries = [*manifest["understood"], *({"text": text} for text in manifest["not_understood"])]
    for index, entry in enumerate(entries):
        # Five is prime to the number of voices: every voice says sentences of every kind.
        clean = render(entry["text"], speakers[index * 5 % len(speakers)])
        yield entry, {"clean": clean, "noise": in_noise(clean, SNR_DB, seed=index)}


def _is_expected(entry: dict[str, Any], reply: Reply) -> bool:
    if "calls" in entry:
        return bool([[call.name, call.arguments] for call in reply.tool_calls] == entry["calls"])
    return not reply.tool_calls and re.search(entry["says"], reply.text) is not None


def _digits(text: str) -> str:
    from realtime_nb.local.voice.spoken_numbers import digits_from_words

    return digits_from_words(text)


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Print the figures and every miss."""
    started = time.perf_counter()
    for condition, score in measure().items():
        _print(
            f"{condition}: understood {score.understood:.0%} (word for word {score.word_for_word:.0%}, wrong calls "
            f"{score.wrong_calls}), false accepts {score.false_accepts:.0%} (calls {score.false_calls}), "
            f"{score.seconds_per_utterance:.2f} s an utterance"
        )
        for remark in score.remarks:
            _print(f"  {remark}")
    _print(f"{time.perf_counter() - started:.0f} s in all; sound at {RATE_HZ} Hz")


if __name__ == "__main__":
    main()
