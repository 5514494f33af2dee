"""Requests of the pane Pairs: which answers there are to an utterance, and two of them to play beside each other.

Owns their checks and their form. Must not know how loudness or the times of words are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.lab.grading.trial_view import TrialView
from realtime_nb.lab.listening.loudness import matching_gains
from realtime_nb.lab.listening.word_times import word_times

from .source import ResultsSource
from .trial_requests import trial_of

if TYPE_CHECKING:
    from realtime_nb.client.replay.trace import TrialTrace

_Reply = tuple[dict[str, Any], Sequence[bytes]]
_NUMBERS = ("speech_end_to_first_audible_ms", "total_ms", "answer_ms", "words", "cost_usd")


def pair_utterances(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return the labels of the utterances that have answers by two trials or more."""
    return {"utterances": [unit for unit, rows in _by_utterance(results).items() if len(rows) > 1]}, ()


def pair_trials(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return the trials of an utterance, to choose two of them."""
    unit = content.get("utterance")
    rows = _by_utterance(results).get(unit) if isinstance(unit, str) else None
    if rows is None:
        raise ConfigError(f"no utterance of these results is called {unit!r:.100}")
    rows = sorted(rows, key=lambda row: (results.listening.place(row), row.get("repeat") or 0))
    names = [_name(row, rows) for row in rows]
    return {
        "trials": [
            {"trial": row["trial_id"], "turn": row.get("turn"), "name": name, "variant": str(row["variant"])}
            for row, name in zip(rows, names, strict=True)
        ]
    }, ()


def pair_sounds(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return two answers: sound, words with their times, numbers, and gains that make them equally loud.

    `sound` is the place of a side's buffer, or null where it has none.
    """
    sides = [trial_of(results, _side(content, name)) for name in ("first", "second")]
    clips = [side.audio for side in sides]
    gains = iter(matching_gains([clip for clip in clips if clip is not None]))
    buffers: list[bytes] = []
    answers = []
    for side, clip in zip(sides, clips, strict=True):
        answer: dict[str, Any] = {
            "variant": str(side.row["variant"]), "text": side.text, "sound": None, "rate": 0, "gain": 1.0, "words": [],
            "from_events": False, "error": str(side.row.get("error") or ""),
            "numbers": {name: side.row.get(name) for name in _NUMBERS},
            "tool_calls": [repr(call) for call in side.tool_calls],
        }  # fmt: skip
        if clip is not None:
            times = word_times(side.text, clip, _trace(side))
            answer |= {
                "sound": len(buffers),
                "rate": clip.rate,
                "gain": next(gains),
                "from_events": times.from_events,
                "words": [[word.start, len(word.text), word.start_ms, word.end_ms] for word in times.words],
            }
            buffers.append(clip.samples.astype("<i2").tobytes())
        answers.append(answer)
    return {"answers": answers}, buffers


def _trace(side: TrialView) -> TrialTrace | None:
    """Return the events of an answer; None where they cannot be read: its sound plays without them."""
    try:
        return side.trace
    except RealtimeError:
        return None


def _side(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    side = content.get(name)
    if not isinstance(side, dict):
        raise ConfigError(f"{name}={side!r:.100} must name a trial and a turn")
    return side


def _by_utterance(results: ResultsSource) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    several_turns = len({row.get("turn") for row in results.rows}) > 1
    for row in results.rows:
        label = results.listening.utterance(row)
        found.setdefault(f"{label}, turn {(row.get('turn') or 0) + 1}" if several_turns else label, []).append(row)
    return found


def _name(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a trial's name among those of its utterance: the variant, and what else differs."""
    parts = [str(row["variant"])]
    for column, words in (("degradation", "{}"), ("repeat", "repeat {}")):
        if len({str(each.get(column)) for each in rows}) > 1:
            value = row.get(column)
            parts.append(words.format((value or 0) + 1 if column == "repeat" else value))
    return ", ".join(parts) + (" (failed)" if row.get("failed") else "")
