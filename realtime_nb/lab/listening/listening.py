"""`BlindListening`: the answers of a sweep as pairs for blind listening, and the votes as a ranking.

Owns which trials can be heard, which votes count for a setting, and the sittings of listeners. Must not know pages.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Any

from realtime_nb.audio import AudioClip
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.results.sweep_rows import SweepRows, key_of

from .pairs import pairs_of
from .preferences import Preferences
from .ranking import Ballot, rank
from .sitting import Sitting
from .votes import AnswerRef, VoteLog

_LONGEST_NAME = 60
_MOST_SITTINGS = 32
Row = Mapping[str, Any]


class BlindListening:
    """The answers of a sweep for listeners.

    Args:
        sweep: the rows.
        log: where votes are kept.
        sound: from a row to the answer's sound, or None.
        seed: of the order of pairs; each listener has another order.

    Attributes:
        last: the sitting that was used last in this process, or None.
    """

    def __init__(
        self, sweep: SweepRows, log: VoteLog, sound: Callable[[Row], AudioClip | None], *, seed: int = 0
    ) -> None:
        self._sweep = sweep
        self._log = log
        self._sound = sound
        self._seed = seed
        self._rows = {_heard(row): row for row in sweep.rows}
        self._sittings: dict[tuple[str, str], Sitting] = {}
        self.last: Sitting | None = None

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings by which pairs can be made: `"variant"`, and those that differ."""
        return ("variant", *self._sweep.varied)

    @property
    def is_kept(self) -> bool:
        """Whether votes outlive this process."""
        return self._log.is_kept

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self._sweep.names("variant"))}

    def listeners(self) -> tuple[str, ...]:
        """Return the names of those who voted on these trials, in the order of their first votes."""
        return tuple(dict.fromkeys(vote.listener for vote in self._log.votes() if vote.pair <= self._rows.keys()))

    def vote_ids(self) -> tuple[str, ...]:
        """Return the ids of the votes that stand: equal ones give equal rankings."""
        return tuple(vote.id for vote in self._log.votes())

    def voted_by(self) -> tuple[str, ...]:
        """Return the settings by which pairs of these trials were made and voted on."""
        given = (vote.by for vote in self._log.votes() if vote.pair <= self._rows.keys())
        return tuple(dict.fromkeys(by for by in given if by in self.settings))

    def utterance(self, row: Row) -> str:
        """Return the label of a row's utterance, that of the clean one for a degraded recording."""
        return self._sweep.unit(row)

    def place(self, row: Row) -> int:
        """Return the place of a row's variant among the variants, in their order."""
        return self._places[key_of(row["variant"])]

    def row(self, heard: AnswerRef) -> Row:
        """Return the row of an answer."""
        return self._rows[heard]

    def sitting(self, by: str = "variant", listener: str = "me") -> Sitting:
        """Return a listener's sitting, which goes on where it stopped: votes of earlier ones count.

        Raises:
            ConfigError: an unknown setting, no name, or nothing to compare.
        """
        setting = self._sweep.setting(by)
        name = listener.strip() if isinstance(listener, str) else ""
        if not 0 < len(name) <= _LONGEST_NAME:
            raise ConfigError(f"listener={listener!r} must be a name of at most {_LONGEST_NAME} characters")
        if (found := self._sittings.get((setting, name))) is None:
            pairs = pairs_of(self._cells(setting), f"{self._seed} {setting} {name}")
            if not pairs:
                raise ConfigError(
                    f"there is nothing to compare: no utterance has answers that can be heard from two values of {by!r}"
                )
            found = Sitting(pairs, self._log, listener=name, by=setting, sound=self._sound_of)
            self._sittings[setting, name] = found
            if len(self._sittings) > _MOST_SITTINGS:  # each holds two sounds; its votes stay
                del self._sittings[next(iter(self._sittings))]
        self.last = found
        return found

    def preferences(self, by: str = "variant", *, listener: str | None = None, level: float = 0.95) -> Preferences:
        """Return the ranking of a setting's values by the votes that compare them.

        Args:
            by: a setting or `"variant"`.
            listener: only this one's votes; None: all.
            level: of the intervals.

        Raises:
            ConfigError: an unknown setting, no votes, or choix is not installed.
        """
        setting = self._sweep.setting(by)
        names = self._sweep.names(setting)
        others = self._sweep.others(setting)
        ballots, listeners = [], dict[str, None]()
        known = same = mixed = 0
        for vote in self._log.votes():
            if listener is not None and vote.listener != listener:
                continue
            if vote.first not in self._rows or vote.second not in self._rows:
                continue
            known += 1
            first, second = self._rows[vote.first], self._rows[vote.second]
            keys = key_of(first.get(setting)), key_of(second.get(setting))
            if keys[0] == keys[1]:
                same += 1
            elif any(key_of(first.get(name)) != key_of(second.get(name)) for name in others):
                mixed += 1
            else:
                unit = self._sweep.unit(first)
                ballots.append(Ballot(unit, names[keys[0]], names[keys[1]], vote.score))
                listeners[vote.listener] = None
        if not ballots:
            raise ConfigError(_no_votes(setting, listener, known))
        notes = []
        if mixed:
            notes.append(f"{mixed} votes left out: their answers differ in more settings than {setting}.")
        if same:
            notes.append(f"{same} votes left out: their answers have the same {setting}.")
        return Preferences(setting, rank(ballots, level), len(ballots), tuple(listeners), tuple(notes))

    def _sound_of(self, heard: AnswerRef) -> AudioClip | None:
        row = self._rows[heard]
        if not _has_sound(row):
            return None
        if (clip := self._sound(row)) is None:
            raise AudioError(f"the sound of trial {heard.trial_id} was not kept")
        return clip

    def _cells(self, setting: str) -> dict[Hashable, dict[str, list[AnswerRef]]]:
        others = self._sweep.others(setting)
        # Two variants may differ in whether they speak: sound is compared with sound, and text with text.
        cells: dict[Hashable, dict[str, list[AnswerRef]]] = {}
        for row in self._sweep.rows:
            if row["failed"] or not (_has_sound(row) or row.get("text")):
                continue
            cell = (_has_sound(row), self._sweep.unit(row), *(key_of(row.get(name)) for name in others))
            cells.setdefault(cell, {}).setdefault(key_of(row.get(setting)), []).append(_heard(row))
        return cells


def _heard(row: Row) -> AnswerRef:
    return AnswerRef(str(row["trial_id"]), row.get("turn") or 0)


def _has_sound(row: Row) -> bool:
    return row.get("speech_end_to_first_audio_ms") is not None


def _no_votes(setting: str, listener: str | None, known: int) -> str:
    if known:
        return f"none of {known} votes is about answers that differ in {setting!r} alone: vote on pairs by {setting!r}"
    whose = "" if listener is None else f" of {listener!r}"
    return f"there are no votes{whose} on these trials: show the results in a cell, and vote in the tab Blind"
