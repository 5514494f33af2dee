"""What a judge may answer, how its reply is read, and what several votes make together.

Owns the scales of a judge. Pure. Must not know prompts, sockets or trials.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from realtime_nb.errors import ConfigError

from .gradable import Missing

Verdict: TypeAlias = "bool | float | str"

_PASSES = {"true": True, "yes": True, "pass": True, "false": False, "no": False, "fail": False}
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Scale:
    """The grades among which a judge chooses.

    Attributes:
        least, most: of a range of numbers; None where it is none.
        labels: of a choice; empty where it is none. A scale without a range and without labels is pass or fail.
    """

    least: float | None = None
    most: float | None = None
    labels: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The scale in the words of the prompt."""
        if self.labels:
            return f"one of {', '.join(json.dumps(label, ensure_ascii=False) for label in self.labels)}"
        if self.least is not None:
            return f"a number from {self.least:g} (worst) to {self.most:g} (best)"
        return "true for a pass, or false for a fail"

    def read(self, reply: str) -> Verdict | None:
        """Return the verdict in a reply, or None where there is none on this scale.

        A reply holds a JSON object with `grade`, and may hold other text, such as a model's thoughts; the last such
        object counts. A reply that is nothing but a grade is one, too.
        """
        found: Verdict | None = None
        for value in _objects(reply):
            if "grade" in value:
                found = self._verdict(value["grade"])
        return found if found is not None else self._verdict(reply.strip().strip("\"'.").strip())

    def _verdict(self, value: Any) -> Verdict | None:
        if self.labels:
            wanted = str(value).strip().casefold()
            return next((label for label in self.labels if label.strip().casefold() == wanted), None)
        if self.least is None or self.most is None:
            if isinstance(value, bool):
                return value
            return _PASSES.get(value.strip().casefold()) if isinstance(value, str) else None
        if isinstance(value, bool):
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return number if math.isfinite(number) and self.least <= number <= self.most else None

    def together(self, verdicts: Sequence[Verdict]) -> Verdict | Missing:
        """Return what votes make together: the median of numbers, the majority else; a tie is missing."""
        if not verdicts:
            return Missing("no vote gave a grade")
        if self.least is not None:
            return float(statistics.median(float(verdict) for verdict in verdicts))
        ranked = Counter(verdicts).most_common()
        if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
            tied = " and ".join(str(verdict) for verdict, votes in ranked if votes == ranked[0][1])
            return Missing(f"the votes are tied between {tied}: ask an odd number of votes=")
        return ranked[0][0]


def as_scale(scale: Any) -> Scale:
    """Return the argument `scale=` of a judge as a `Scale`; raises `ConfigError`."""
    allowed = "'pass'; two numbers, the worst and the best, such as (1, 5); or a list of at least two labels"
    if isinstance(scale, str):
        if scale == "pass":
            return Scale()
    elif isinstance(scale, Sequence):
        values = list(scale)
        if all(isinstance(value, str) and value.strip() for value in values) and len(values) >= 2:
            if len({value.strip().casefold() for value in values}) == len(values):
                return Scale(labels=tuple(values))
        elif len(values) == 2 and all(_is_number(value) for value in values) and values[0] < values[1]:
            return Scale(float(values[0]), float(values[1]))
    raise ConfigError(f"scale={scale!r} must be {allowed}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects in a text, in order; those inside another one are not looked for."""
    found, at = [], 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
