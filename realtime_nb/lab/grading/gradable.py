"""What a grader gets, and how a grader describes itself.

Owns both forms. Must not know trials on disk or sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from realtime_nb.wire.realtime.validate import refuse_long_name

RENAME_GRADER = "give one another name, a function with `def`, one of rt.graders with name="
"""What to do about two graders of one name."""


class CallLike(Protocol):
    """A function call that the model made."""

    @property
    def name(self) -> str:
        """The function's name."""

    @property
    def arguments(self) -> Any:
        """The parsed arguments; the text itself where it was no JSON."""


class Gradable(Protocol):
    """The parts of a trial that the graders here read; a trial has more."""

    @property
    def text(self) -> str:
        """What the model answered, as text."""

    @property
    def heard(self) -> str:
        """The server's transcript of the user's speech."""

    @property
    def said(self) -> str | None:
        """The user's words, where the utterance states them."""

    @property
    def tool_calls(self) -> Sequence[CallLike]:
        """The model's function calls, in order."""


@dataclass(frozen=True)
class Missing:
    """A grade that is missing, as a grader returns it instead of raising: other columns of its dict stay.

    Attributes:
        reason: one line.
    """

    reason: str


@dataclass(frozen=True)
class Grader:
    """A grader with the name of its column.

    Attributes:
        name: of the column.
        function: from a trial to a value; may be `async def`.
        about: versions and options that could change a grade; kept with the results, because numbers of another
            normaliser cannot be compared.
        bound_usd: of a grader that costs money: from a trial to the most that its grade can cost, and from None to that
            of a usual one; raises `ConfigError` where nothing bounds it. Such a grade says `name.cost_usd`.
    """

    name: str
    function: Callable[[Any], Any]
    about: str = ""
    bound_usd: Callable[[Any], float] | None = None

    def __call__(self, trial: Any) -> Any:
        """Return the grade of a trial."""
        return self.function(trial)


def as_grader(function: Callable[[Any], Any] | Grader) -> Grader:
    """Return a function as a grader named like it; raises ConfigError for a name that is too long."""
    if not isinstance(function, Grader):
        function = Grader(getattr(function, "__name__", type(function).__name__), function)
    refuse_long_name("a grader's name", function.name)
    return function
