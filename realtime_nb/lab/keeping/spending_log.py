"""What trials cost and may have cost, on disk: a process that is killed has trials under way that are on the bill.

Owns the file `spending.jsonl`: a line before a trial begins, with the most that it can cost, and a line when it is
over. Must not know budgets or trials.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Container
from pathlib import Path

_FILE = "spending.jsonl"


class SpendingLog:
    """The costs of trials in a folder.

    Args:
        folder: in which one run at a time writes.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._ended: dict[str, float] = {}  # by trial: what its attempts cost
        self._begun: dict[str, dict[str, float]] = {}  # by trial and number: the bounds of those that never ended
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data.rfind(b"\n") + 1
        for line in data[:whole].splitlines():
            self._read(line)
        self._handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        if whole < len(data):
            os.truncate(self._path, whole)  # the line that a killed process left
        self._session, self._next = os.urandom(4).hex(), 0

    def close(self) -> None:
        """Close the file; may be called once."""
        os.close(self._handle)

    def begin(self, trial_id: str, bound_usd: float) -> str:
        """Note that a trial begins, before it can cost anything; return the number for `end`."""
        self._next += 1
        number = f"{self._session}-{self._next}"
        self._write({"id": trial_id, "n": number, "bound_usd": bound_usd})
        self._begun.setdefault(trial_id, {})[number] = bound_usd
        return number

    def grow(self, trial_id: str, number: str, bound_usd: float) -> None:
        """Note that a trial under way may cost more than was noted, before it can."""
        self._write({"id": trial_id, "n": number, "bound_usd": bound_usd})
        self._begun.setdefault(trial_id, {})[number] = bound_usd

    def end(self, trial_id: str, number: str, cost_usd: float) -> None:
        """Note what a trial cost."""
        self._write({"id": trial_id, "n": number, "cost_usd": cost_usd})
        self._note_end(trial_id, number, cost_usd)

    def spent_usd(self, trials: Container[str]) -> float:
        """Return what these trials cost, and at most may have cost where their end is not known."""
        ended = [cost for trial_id, cost in self._ended.items() if trial_id in trials]
        begun = [sum(bounds.values()) for trial_id, bounds in self._begun.items() if trial_id in trials]
        return math.fsum([*ended, *begun])

    def _read(self, line: bytes) -> None:
        try:
            found = json.loads(line)
            trial_id, number = found["id"], found["n"]
            if "cost_usd" in found:
                self._note_end(trial_id, number, float(found["cost_usd"]))
            else:
                self._begun.setdefault(trial_id, {})[number] = float(found["bound_usd"])
        except (ValueError, KeyError, TypeError):
            return  # damaged: the other lines still hold

    def _note_end(self, trial_id: str, number: str, cost_usd: float) -> None:
        self._begun.get(trial_id, {}).pop(number, None)
        self._ended[trial_id] = self._ended.get(trial_id, 0.0) + cost_usd

    def _write(self, line: dict[str, object]) -> None:
        # Not forced to the disk: the system keeps what a killed process wrote, and a trial follows each line.
        data = json.dumps(line).encode() + b"\n"
        written = os.write(self._handle, data)
        while written < len(data):  # a full disk, or a signal
            written += os.write(self._handle, data[written:])
