"""`python -m tests.corpus.measure` counts the sentences that the practice voice understands, and its false accepts.

Owns the count. A sentence is understood when the recogniser calls it understood *and* the answer is the expected one; a
false accept is an unexpected sentence that the recogniser calls understood.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from realtime_nb.local.voice.load import load_voice
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm
from realtime_nb.local.voice.recognizer.sphinx import SphinxRecognizer
from realtime_nb.local.voice.responder.order import RuleResponder
from realtime_nb.local.voice.responder.rule_reply import Context, RuleReply
from tests.corpus.speakers import Speaker, in_noise, render

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


@dataclass(frozen=True)
class _Outcome:
    """What came of one sentence in one condition."""

    condition: str
    expected: bool
    right: bool
    word_for_word: bool
    understood: bool
    called: bool
    seconds: float
    what: str


def measure() -> dict[str, Score]:
    """Returns the score for each condition, `"clean"` and `"noise"`. Every core listens to a part of the sentences."""
    manifest = json.loads(_MANIFEST.read_text("utf-8"))
    sizes = len(manifest["understood"]), len(manifest["not_understood"])
    parts = os.cpu_count() or 1
    scores = {"clean": Score(), "noise": Score()}
    taken: dict[str, list[float]] = {"clean": [], "noise": []}
    # A process each, and a new one: the recogniser holds the interpreter, and a fork would copy its threads.
    with ProcessPoolExecutor(parts, mp_context=multiprocessing.get_context("spawn")) as pool:
        listening = [pool.submit(_listen, manifest, part, parts) for part in range(parts)]
        outcomes = [outcome for heard in listening for outcome in heard.result()]
    for outcome in outcomes:
        _count(scores[outcome.condition], outcome, *sizes)
        taken[outcome.condition].append(outcome.seconds)
    for condition, seconds in taken.items():
        scores[condition].seconds_per_utterance = float(np.median(seconds))
    return scores


def _count(score: Score, outcome: _Outcome, understood: int, not_understood: int) -> None:
    if outcome.expected:
        score.understood += outcome.right / understood
        score.word_for_word += outcome.word_for_word / understood
        score.wrong_calls += outcome.called and not outcome.right
        if not outcome.right:
            score.remarks.append(f"not understood: {outcome.what}")
    else:
        score.false_accepts += outcome.understood / not_understood
        score.false_calls += outcome.called
        if outcome.understood:
            score.remarks.append(f"false accept: {outcome.what}")


def _listen(manifest: dict[str, Any], part: int, parts: int) -> list[_Outcome]:
    voice = load_voice()
    assert isinstance(voice.recognizer, SphinxRecognizer), voice.notice
    tools = manifest["tools"]
    voice.recognizer.warm(tools=tools)
    rules = RuleResponder()
    outcomes = []
    for entry, sounds in _utterances(manifest, part, parts):
        for condition, sound in sounds.items():
            started = time.perf_counter()
            heard = voice.recognizer.recognize(sound, tools=tools)
            seconds = time.perf_counter() - started
            reply = rules.respond(
                history=(), tools=tools, user_text=heard.text, understood=heard.understood, context=_NOW
            )
            expected = "says" in entry or "calls" in entry
            outcomes.append(
                _Outcome(
                    condition=condition,
                    expected=expected,
                    right=expected and heard.understood and _is_expected(entry, reply),
                    word_for_word=_words(heard.text) == _words(_digits(entry["text"])),
                    understood=heard.understood,
                    called=bool(reply.tool_calls),
                    seconds=seconds,
                    what=f"{entry['text']!r} heard as {heard.text!r} ({heard.confidence:.2f})",
                )
            )
    return outcomes


def _utterances(manifest: dict[str, Any], part: int, parts: int) -> Iterator[tuple[dict[str, Any], dict[str, Pcm]]]:
    speakers = [Speaker(**speaker) for speaker in manifest["voices"]]
    entries = [*manifest["understood"], *({"text": text} for text in manifest["not_understood"])]
    for index, entry in list(enumerate(entries))[part::parts]:
        # Five is prime to the number of voices: every voice says sentences of every kind.
        clean = render(entry["text"], speakers[index * 5 % len(speakers)])
        yield entry, {"clean": clean, "noise": in_noise(clean, SNR_DB, seed=index)}


def _is_expected(entry: dict[str, Any], reply: RuleReply) -> bool:
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
