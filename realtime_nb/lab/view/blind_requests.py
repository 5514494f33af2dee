"""Requests of the pane Blind: the next pair, a vote, one taken back, and the ranking.

Owns their checks, and that no answer before a vote tells which variants are heard. Must not know sound or statistics.

Every request names the setting and the listener, so that a page that was loaded again, or another kernel, goes on where
the listener stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.listening.preferences import Preferences

from .source import ResultsSource

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip
    from realtime_nb.lab.listening.sitting import Presented, Sitting

_Reply = tuple[dict[str, Any], Sequence[bytes]]
_LONGEST = 200


def blind_options(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return what can be compared: `settings`, `listeners`, whether votes are `kept`, and the `last` sitting."""
    listening = results.listening
    last = listening.last
    return {
        "settings": list(listening.settings),
        "listeners": list(listening.listeners()),
        "kept": listening.is_kept,
        "last": None if last is None else {"by": last.by, "listener": last.listener, "voted": last.voted},
    }, ()


def blind_pair(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return the pair that the listener hears now, with both sounds."""
    return _shown(results, _sitting(results, content))


def blind_vote(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Keep a vote, and return the next pair."""
    sitting = _sitting(results, content)
    sitting.vote(_text(content, "token"), content.get("choice"))  # type: ignore[arg-type] # it is checked there
    return _shown(results, sitting)


def blind_back(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Take the last vote back, and return its pair."""
    sitting = _sitting(results, content)
    if not sitting.take_back():
        raise ConfigError("there is no vote to take back")
    return _shown(results, sitting)


def blind_words(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return both answers in writing."""
    return {"words": _words(results, _current(results, content))}, ()


def blind_question(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return the user's recording; no buffer where it was not kept."""
    clip = _question(results, _current(results, content))
    return ({"rate": 0}, ()) if clip is None else ({"rate": clip.rate}, (clip.samples.astype("<i2").tobytes(),))


def blind_ranking(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return the ranking by the votes so far; `everyone` counts those of all listeners."""
    everyone = content.get("everyone")
    if not isinstance(everyone, bool):
        raise ConfigError(f"everyone={everyone!r} must be true or false")
    by = _text(content, "by")
    return ranking_content(results.preferences(by, listener=None if everyone else _text(content, "listener"))), ()


def ranking_content(found: Preferences) -> dict[str, Any]:
    """Return a ranking as plain values."""
    return {
        "title": found.title,
        "by": found.by,
        "notes": list(found.all_notes),
        "places": [
            {
                "name": each.name, "place": each.place, "low": each.places[0], "high": each.places[1],
                "share": each.preferred.value, "share_low": each.preferred.low, "share_high": each.preferred.high,
                "wins": each.wins, "ties": each.ties, "losses": each.losses, "best": each.name == found.best,
            }
            for each in found
        ],
    }  # fmt: skip


def _shown(results: ResultsSource, sitting: Sitting) -> _Reply:
    shown = sitting.current()
    content: dict[str, Any] = {
        "by": sitting.by, "listener": sitting.listener, "voted": sitting.voted, "total": sitting.total,
        "unheard": sitting.unheard, "pair": None,
    }  # fmt: skip
    if shown is None:
        return content, ()
    content["pair"] = {
        "token": shown.token,
        "question": _asked(results, shown),
        "rates": [clip.rate for clip in shown.sounds],
        "spoken": _question(results, shown) is not None,
        "words": [] if shown.sounds else _words(results, shown),
    }
    return content, tuple(clip.samples.astype("<i2").tobytes() for clip in shown.sounds)


def _asked(results: ResultsSource, shown: Presented) -> str:
    """Return the user's words, or the name of the utterance, as they are for both answers.

    What a server heard is that of one variant, and the name of a degraded recording tells how it was degraded.
    """
    said = {str(row.get("said") or "") for row in _rows(results, shown)}
    if len(said) == 1 and (words := said.pop()):
        return words
    return results.listening.utterance(_rows(results, shown)[0])


def _rows(results: ResultsSource, shown: Presented) -> list[Mapping[str, Any]]:
    return [results.listening.row(each) for each in (shown.pair.first, shown.pair.second)]


def _question(results: ResultsSource, shown: Presented) -> AudioClip | None:
    """Return the recording that both answers are to; None where it was not kept, or each is to another one."""
    row, other = _rows(results, shown)
    if row.get("sound_hash") != other.get("sound_hash"):  # one of them is degraded
        return None
    try:
        return results.trial(str(row["trial_id"]), row.get("turn")).user_audio
    except AudioError:  # damaged: the answers can be compared without it
        return None


def _words(results: ResultsSource, shown: Presented) -> list[str]:
    return [str(row.get("text") or "") for row in _rows(results, shown)]


def _current(results: ResultsSource, content: Mapping[str, Any]) -> Presented:
    shown = _sitting(results, content).current()
    if shown is None or shown.token != _text(content, "token"):
        raise ConfigError("this pair is over")
    return shown


def _sitting(results: ResultsSource, content: Mapping[str, Any]) -> Sitting:
    return results.listening.sitting(_text(content, "by"), _text(content, "listener"))


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ConfigError(f"{name}={value!r:.100} must be a text of at most {_LONGEST} characters")
    return value
