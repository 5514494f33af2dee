"""What all sessions of one server share.

Owns nothing but the bundle. Must not know tornado.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime_nb.local.http.auth import Gate
from realtime_nb.local.job_runner import Workers
from realtime_nb.local.voice import Voice

if TYPE_CHECKING:
    from realtime_nb.local.http.websocket import SessionSocket

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """One server's common ground.

    Attributes:
        gate: who may come in.
        voice: who listens, answers and speaks.
        workers: the threads that they work on.
        session_s: the lifetime of a session.
        pace: how many times faster than real time sound is sent.
        sessions: the sockets that are open.
    """

    gate: Gate
    voice: Voice
    workers: Workers
    session_s: float
    pace: float
    sessions: set[SessionSocket] = field(default_factory=set)
