"""The jobs that a session hands out because it cannot do them itself: recognition, responses, preparation.

Owns the values only. Must not know how a job is done: `job_runner` does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime_nb.local.session.items import StoredItem


@dataclass(frozen=True, slots=True)
class Recognize:
    """Recognise a user's item; the result goes to `SessionMachine.recognized`."""

    stored: StoredItem
    tools: list[dict[str, Any]]
    phrases: list[str]
    transcription: dict[str, Any] | None

    @property
    def language(self) -> str | None:
        """The language that the client expects, such as `"en"`."""
        return (self.transcription or {}).get("language") or None


@dataclass(frozen=True, slots=True)
class Perform:
    """Make a response: think, then write, speak or call. `SessionMachine.writer` returns its writer."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the work on a response that has ended early."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """Prepare recognition for new tools, before the user speaks."""

    tools: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PrepareReply:
    """Prepare the responder for these settings, before the user asks."""

    instructions: str
    tools: list[dict[str, Any]]


Job = Recognize | Perform | Stop | Prepare | PrepareReply
