"""The exceptions of the package; each message names the value, the cause and the next step.

Owns the public exception types, and that no message holds a key. Must not know anything else of the package.
"""

from __future__ import annotations

import builtins
from typing import Any, Literal

from realtime_nb.redact import redact

MicrophoneReason = Literal["denied", "missing", "busy", "insecure", "blocked", "unsupported"]


class RealtimeError(Exception):
    """The base class of every error that this package raises on purpose.

    Its message is redacted: it may repeat a wrong value, or what a server said, and either may be a key. It can be
    pickled.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*(redact(arg) if isinstance(arg, str) else arg for arg in args))

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with the message alone, which a class with further arguments refuses.
        return _unpickled, (type(self), self.args, vars(self))


class ConfigError(RealtimeError, ValueError):
    """An option is invalid; the message names the option, the value and what is allowed."""


class ConnectError(RealtimeError, ConnectionError):
    """A connection could not be made or was lost; the message names the host, the status and the remedy.

    Attributes:
        status: the HTTP status of a refused handshake, or None.
        retryable: whether an unchanged second attempt may succeed.
        retry_after_s: how many seconds the server asked to wait before that, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = True,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class ServerError(RealtimeError):
    """The server sent an `error` event.

    Attributes:
        code: the server's machine-readable code, or None.
        param: the dotted path of the field in error, or None.
        event_id: the id of the *client's* event that it answers, or None (docs/protocol.md 40).
    """

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, event_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id = event_id


class BudgetError(RealtimeError):
    """A limit of the user's is reached: nothing that costs is sent, and no session opens, until it is raised.

    Attributes:
        limit: `"max_cost_usd"` or `"max_session_minutes"` of a conversation, `"budget_usd"` or `"max_minutes"` of
            a sweep.
        value: the limit, in US dollars or minutes.
        used: what was used, in the same unit; None where the server does not report it.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: Literal["max_cost_usd", "max_session_minutes", "budget_usd", "max_minutes"] = "max_cost_usd",
        value: float | None = None,
        used: float | None = None,
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.value = value
        self.used = used


class SessionExpired(RealtimeError):  # noqa: N818 - the contract's name
    """The session reached its time limit and could not be renewed."""


class TimeoutError(RealtimeError, builtins.TimeoutError):  # noqa: A001 - also the built-in, so both `except` clauses work
    """An awaited event did not come in time; the message names it."""


class AudioError(RealtimeError, ValueError):
    """Audio is not PCM16 mono, has a wrong rate or an odd number of bytes, or is empty."""


class MicrophoneError(RealtimeError):
    """The page cannot open a microphone.

    Attributes:
        reason: `"denied" "missing" "busy" "insecure" "blocked"` or `"unsupported"`.
    """

    def __init__(self, message: str, *, reason: MicrophoneReason) -> None:
        super().__init__(message)
        self.reason: MicrophoneReason = reason


def _unpickled(kind: type[RealtimeError], args: tuple[Any, ...], state: dict[str, Any]) -> RealtimeError:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(state)
    return error
