"""The exception tree: what can go wrong, each with the value, the cause and the next step in its message.

Owns the public exception types. Must not know anything else of the package.
"""

from __future__ import annotations

import builtins
from typing import Literal

MicrophoneReason = Literal["denied", "missing", "busy", "insecure", "blocked", "unsupported"]


class RealtimeError(Exception):
    """The root of every error that this package raises on purpose."""


class ConfigError(RealtimeError, ValueError):
    """A bad option; the message names the option, the value and what is allowed."""


class ConnectError(RealtimeError, ConnectionError):
    """No connection; the message says which host, which status, and what to do.

    Attributes:
        status: the HTTP status of a refused handshake, or None.
        retryable: whether trying again, unchanged, may help.
    """

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable


class ServerError(RealtimeError):
    """An `error` event of the server.

    Attributes:
        code: the server's machine-readable code, or None.
        param: the dotted field that it refers to, or None.
        event_id: the id of the *client* event that it answers, or None.
    """

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, event_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id = event_id


class SessionExpired(RealtimeError):  # noqa: N818 - the contract's name
    """The session reached its time limit and could not be renewed."""


class TimeoutError(RealtimeError, builtins.TimeoutError):  # noqa: A001 - also the built-in, so both `except` clauses work
    """Something awaited did not come in time; the message says what."""


class AudioError(RealtimeError, ValueError):
    """Sound that is not PCM16 mono, has a wrong rate, an odd byte count, or is empty."""


class MicrophoneError(RealtimeError):
    """The page has no microphone to give.

    Attributes:
        reason: `"denied" "missing" "busy" "insecure" "blocked"` or `"unsupported"`.
    """

    def __init__(self, message: str, *, reason: MicrophoneReason) -> None:
        super().__init__(message)
        self.reason: MicrophoneReason = reason
