"""`TrialView`: one user turn of a trial as a grader sees it.

Owns how a row's columns become attributes. Must not know files, but for the functions that read sound and events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .gradable import CallLike

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip
    from realtime_nb.client.replay.trace import TrialTrace


class _Call:
    """A function call in a row."""

    def __init__(self, call: Mapping[str, Any]) -> None:
        self.name: str = call.get("name") or ""
        self.arguments: Any = call.get("arguments")

    def __repr__(self) -> str:
        return f"{self.name}({self.arguments!r})"


class TrialView:
    """One user turn of a trial: every column of its row is an attribute, such as `trial.text` or `trial.total_ms`.

    Attributes:
        row: all columns, by name.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        audio: Callable[[], AudioClip | None] | None = None,
        *,
        user_audio: Callable[[], AudioClip | None] | None = None,
        trace: Callable[[], TrialTrace | None] | None = None,
    ) -> None:
        self.row = row
        self._audio, self._user_audio, self._trace = audio, user_audio, trace

    @property
    def text(self) -> str:
        """The answer's text, or the transcript of its sound; empty where there is none."""
        return self.row.get("text") or ""

    @property
    def heard(self) -> str:
        """The server's transcript of the user's speech; empty where there is none."""
        return self.row.get("heard") or ""

    @property
    def said(self) -> str | None:
        """The user's words, where the utterance states them."""
        return self.row.get("said")

    @property
    def tool_calls(self) -> tuple[CallLike, ...]:
        """The model's function calls, in order: each has a `name` and parsed `arguments`."""
        return tuple(map(_Call, self.row.get("tool_calls") or ()))

    @property
    def audio(self) -> AudioClip | None:
        """The answer's sound; None where it was not kept."""
        return self._audio() if self._audio is not None else None

    @property
    def user_audio(self) -> AudioClip | None:
        """The recording that was said; None for typed words, or where it was not kept."""
        return self._user_audio() if self._user_audio is not None else None

    @property
    def trace(self) -> TrialTrace | None:
        """The server's events of this user turn with their times of arrival; None where they were not kept."""
        return self._trace() if self._trace is not None else None

    def __getattr__(self, name: str) -> Any:
        # Not for `row` itself: a view that is being unpickled has none yet.
        if name != "row" and name in self.row:
            return self.row[name]
        raise AttributeError(
            f"this trial has no column {name!r}; it has {', '.join(map(str, self.__dict__.get('row', ())))}"
        )

    def __repr__(self) -> str:
        return f"<trial {self.row.get('trial_id')}: {self.row.get('utterance')!r}, {self.row.get('variant')!r}>"
