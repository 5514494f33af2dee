"""The votes of listeners, kept beside the trials that they heard.

Owns a vote's form and its file, `listening.jsonl` in the folder of the run. Must not know what is ranked.

A vote is one line; a vote that was taken back is a further line that names it. So a process that is killed loses no
vote, and two people may listen to one run at the same time.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from realtime_nb.lab.keeping.appended_lines import append_lines, read_lines

FILE = "listening.jsonl"

Choice: TypeAlias = Literal["first", "second", "neither"]
"""Which of two answers a listener prefers; `"neither"` is no difference."""

CHOICES: tuple[Choice, ...] = get_args(Choice)


class AnswerRef(NamedTuple):
    """An answer that can be heard: one user turn of a trial."""

    trial_id: str
    turn: int


@dataclass(frozen=True)
class Vote:
    """One listener's choice between two answers to the same utterance.

    Attributes:
        first, second: the answers, in the order in which they were played.
        choice: the preferred one.
        listener: a name.
        by: the setting by which the pairs were made.
        at: when, in seconds since 1970.
        id: of the vote.
    """

    first: AnswerRef
    second: AnswerRef
    choice: Choice
    listener: str
    by: str
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def pair(self) -> frozenset[AnswerRef]:
        """The two answers, in whatever order they were played."""
        return frozenset((self.first, self.second))

    @property
    def score(self) -> float:
        """1 for the first, 0 for the second, 0.5 for neither."""
        return {"first": 1.0, "second": 0.0, "neither": 0.5}[self.choice]


class VoteLog:
    """The votes on the trials of a run.

    Args:
        folder: of the run; None: votes are kept in memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE
        self._lines: list[dict[str, Any]] = []

    @property
    def is_kept(self) -> bool:
        """Whether votes outlive this process."""
        return self._path is not None

    def votes(self) -> tuple[Vote, ...]:
        """Return the votes that stand, oldest first: those of other processes included."""
        return _standing(self._lines if self._path is None else read_lines(self._path))

    def add(self, vote: Vote) -> None:
        """Keep a vote: when this returns, it is on the disk.

        Raises:
            OSError: the file cannot be written; the vote does not count.
        """
        line = {
            "vote": vote.id, "first": list(vote.first), "second": list(vote.second), "choice": vote.choice,
            "listener": vote.listener, "by": vote.by, "at": vote.at,
        }  # fmt: skip
        self._write(line)

    def take_back(self, vote: Vote) -> None:
        """Let a vote count no more.

        Raises:
            OSError: the file cannot be written; the vote stands.
        """
        self._write({"taken_back": vote.id, "at": time.time()})

    def _write(self, line: dict[str, Any]) -> None:
        if self._path is None:
            self._lines.append(line)
        else:
            append_lines(self._path, [line])


def _standing(lines: Iterable[Mapping[str, Any]]) -> tuple[Vote, ...]:
    found: dict[str, Vote] = {}
    for line in lines:
        if "taken_back" in line:
            found.pop(str(line["taken_back"]), None)
        elif (vote := _vote(line)) is not None:
            found[vote.id] = vote
    return tuple(found.values())


def _vote(line: Mapping[str, Any]) -> Vote | None:
    """Return the vote of a line; None for a line of another form, which a later version may have written."""
    try:
        first, second = (AnswerRef(str(line[side][0]), int(line[side][1])) for side in ("first", "second"))
        choice, at = line["choice"], float(line["at"])
        words = [line[name] for name in ("listener", "by", "vote")]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    if choice not in CHOICES or not all(isinstance(each, str) for each in words) or first == second:
        return None
    return Vote(first, second, choice, words[0], words[1], at, words[2])
