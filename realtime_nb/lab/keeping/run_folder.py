"""`RunFolder`: the trials of one or more runs in a folder, each kept as it ends.

Owns the files and their order of writing. Must not know sessions, measures or statistics.

```
index.jsonl          one line a trial: its id and its rows; a trial is kept once its line is whole
events/ID.jsonl.gz   the session's events with their times
audio/ID-TURN.flac   the answer's sound (.wav without the extra `files`)
said/HASH.flac       what was said
runs/NAME.json       a run: its trials in order, its seed, versions and prices
lock                 held while a run writes
```

Everything else of a trial is on the disk before its line is appended: a process that is killed leaves files that no
line names, or a torn last line, and no trial that is half there.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from realtime_nb.audio import AudioClip
from realtime_nb.client.replay.trace import ReplayRecord
from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import ConfigError
from realtime_nb.replace_file import replace_file

from .event_log import log_bytes, read_log
from .folder_lock import FolderLock
from .sound_files import find_sound, write_sound

_INDEX = "index.jsonl"
_ROOMS = ("audio", "events", "said", "runs")
_FILE_NAME = re.compile(r"[\w-]{1,200}")
_NAMING = ("trial_id", "utterance_hash", "sound_hash", "twin")
"""The columns that name files."""
_logger = logging.getLogger("realtime_nb")

Row = Mapping[str, Any]


class RunFolder:
    """The trials in a folder.

    Args:
        path: of the folder; made where it is missing.
        write: whether trials are added; False reads what is there, also while a run writes.

    Attributes:
        path: of the folder.
        trials: the rows of each finished trial, by its id, in the order in which they ended.

    Raises:
        ConfigError: another run writes here, or this is a folder of something else.
    """

    def __init__(self, path: str | os.PathLike[str], *, write: bool = False) -> None:
        self.path = Path(path).expanduser()
        self.trials: dict[str, tuple[Row, ...]] = {}
        self._lock: FolderLock | None = None
        self._index: int | None = None
        if write:
            self._begin_to_write()
        elif not (self.path / _INDEX).is_file():
            raise ConfigError(f"{str(self.path)!r} holds no run: it has no {_INDEX}")
        self._read_index(mend=write)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let other runs write here; may be called twice."""
        if self._index is not None:
            os.close(self._index)
            self._index = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # Trials

    def keep(self, trial_id: str, rows: Sequence[Row], record: ReplayRecord | None) -> None:
        """Keep a trial that ended: when this returns, it is on the disk.

        Args:
            trial_id: of the trial; one that is kept already is replaced.
            rows: one a user turn, of plain values.
            record: of its session; None: neither events nor sound are kept.
        """
        if self._index is None:
            raise ConfigError(f"the folder {str(self.path)!r} is open for reading only")
        line = json.dumps({"id": trial_id, "rows": list(rows)}, ensure_ascii=False, allow_nan=False)
        if record is not None:
            log, sounds = log_bytes(record)
            for turn, clip in sounds.items():
                write_sound(self.path / "audio" / f"{trial_id}-{turn}", clip)
            replace_file(self.path / "events" / f"{trial_id}.jsonl.gz", log)
        _append(self._index, line.encode("utf-8", "surrogatepass") + b"\n")
        self.trials.pop(trial_id, None)
        self.trials[trial_id] = tuple(rows)

    def sound(self, trial_id: str, turn: int = 0) -> AudioClip | None:
        """Return the sound of the answer to a user turn; None where there was none, or it was not kept."""
        return find_sound(self.path / "audio" / f"{trial_id}-{turn}")

    def record(self, trial_id: str) -> ReplayRecord | None:
        """Return the record of a trial's session; None where it was not kept.

        Raises:
            ConfigError: its log is damaged.
        """
        path = self.path / "events" / f"{trial_id}.jsonl.gz"
        if not path.is_file():
            return None
        turns = max((row.get("turn") or 0 for row in self.trials.get(trial_id, ())), default=0) + 1
        sounds = {turn: clip for turn in range(turns) if (clip := self.sound(trial_id, turn)) is not None}
        try:
            return read_log(path.read_bytes(), sounds)
        except ValueError as error:
            raise ConfigError(f"{path}: it is damaged ({error}); run the trial again") from None

    # What was said

    def keep_said(self, utterances: Iterable[Utterance]) -> None:
        """Keep the recordings of a run, each once."""
        for utterance in utterances:
            path = self.path / "said" / utterance.hash
            if utterance.samples is not None and find_sound(path) is None:
                write_sound(path, AudioClip(utterance.sound))

    def said(self, utterance_hash: str) -> AudioClip | None:
        """Return a recording; None for a typed utterance."""
        return find_sound(self.path / "said" / utterance_hash)

    # Runs

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of the runs, oldest first."""
        found = (self.path / "runs").glob("*.json")
        return tuple(path.stem for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.stem)))

    def keep_run(self, name: str, run: Mapping[str, Any]) -> None:
        """Keep what describes a run, under its name; one of that name is replaced."""
        (self.path / "runs").mkdir(exist_ok=True)
        text = json.dumps(run, ensure_ascii=False, indent=1, default=str)
        replace_file(self.path / "runs" / f"{name}.json", text.encode("utf-8", "replace"))

    def run(self, name: str | None = None) -> dict[str, Any]:
        """Return what describes a run; None: the newest.

        Raises:
            ConfigError: there is no run, or none of that name; names those that there are. Or its file is damaged.
        """
        names = self.runs
        if not names or (name is not None and name not in names):
            raise ConfigError(f"{str(self.path)!r} has no run {name or ''!r}; it has {', '.join(names) or 'none'}")
        path = self.path / "runs" / f"{name or names[-1]}.json"
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except ValueError as error:
            others = ", ".join(each for each in names if each != path.stem) or "no other run"
            raise ConfigError(f"{path}: it is damaged ({error}). There is {others}.") from None
        return found

    # The index

    def _begin_to_write(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{str(self.path)!r} is a file, and trials are kept in a folder: give another name")
        others = [] if (self.path / _INDEX).exists() or not self.path.is_dir() else _of_others(self.path)
        if others:
            raise ConfigError(
                f"the folder {str(self.path)!r} holds other files (such as {others[0]!r}): trials are kept in a folder "
                "of their own"
            )
        for room in _ROOMS:
            (self.path / room).mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.path)
        self._index = os.open(self.path / _INDEX, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)

    def _read_index(self, *, mend: bool) -> None:
        data = (self.path / _INDEX).read_bytes()
        whole = data.rfind(b"\n") + 1
        if mend and whole < len(data) and self._index is not None:
            os.truncate(self.path / _INDEX, whole)  # the line that a killed process left
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                found = json.loads(line)
                _check_line(found)
                self.trials.pop(found["id"], None)
                self.trials[found["id"]] = tuple(found["rows"])
            except (ValueError, KeyError, TypeError):
                _logger.warning("line %d of %s cannot be read: its trial is run again", number, self.path / _INDEX)


def _check_line(line: Any) -> None:
    """Refuse a line of the index whose names would lead out of the folder: a folder may come from another person.

    Raises:
        ValueError: as said, or its rows are none.
    """
    rows = line["rows"]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a row must be an object")
    names = [line["id"], *(row[column] for row in rows for column in _NAMING if row.get(column) is not None)]
    if not all(isinstance(name, str) and _FILE_NAME.fullmatch(name) for name in names):
        raise ValueError("an id must be a plain file name")


def holds_runs(folder: Path) -> bool:
    """Return whether a folder has trials, or began to have some."""
    return (folder.expanduser() / _INDEX).is_file()


def _of_others(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name not in ("lock", *_ROOMS))


def _append(handle: int, line: bytes) -> None:
    # One write: a reader beside this process sees whole lines, or a torn last one.
    written = os.write(handle, line)
    while written < len(line):  # a full disk, or a signal
        written += os.write(handle, line[written:])
    os.fsync(handle)
