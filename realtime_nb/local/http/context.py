"""The parts that all sessions of one server share.

Owns the bundle only. Must not know tornado.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from realtime_nb.local.http.auth import AccessControl
from realtime_nb.local.job_runner import Workers
from realtime_nb.local.session.config import PRACTICE, SessionDefaults
from realtime_nb.local.voice.load import Voice


class OpenSession(Protocol):
    """A session's socket, for the server that stops."""

    closed: asyncio.Event

    def shut_down(self) -> None:
        """Close the socket because the server stops."""
        ...


@dataclass(frozen=True, slots=True)
class ServerContext:
    """The objects that the handlers of one server share.

    Attributes:
        access: decides which requests are allowed.
        voice: the four parts of the voice.
        workers: the recogniser and the threads.
        session_s: the lifetime of a session.
        pace: how many times faster than real time sound is sent.
        defaults: what a new session has where its client says nothing.
        sessions: the sockets that are open.
    """

    access: AccessControl
    voice: Voice
    workers: Workers
    session_s: float
    pace: float
    defaults: SessionDefaults = PRACTICE
    sessions: set[OpenSession] = field(default_factory=set)
