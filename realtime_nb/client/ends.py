"""How a connection ended, and what that is for whoever still wants something of it.

Owns the close event and the exceptions of an end. Must not know sockets.
"""

from __future__ import annotations

import msgspec

from realtime_nb.client.transport import TransportClosed
from realtime_nb.errors import ConnectError, RealtimeError, SessionExpired

__all__ = ["POLITE_CODES", "CloseEvent", "PoliteEnd", "ending"]

POLITE_CODES = frozenset({1000, 1001})


class CloseEvent(msgspec.Struct, frozen=True):
    """The connection has ended; `error` is None when it ended politely."""

    code: int
    reason: str
    error: Exception | None = None
    type: str = "close"


class PoliteEnd(ConnectError):  # noqa: N818 - an end
    """The end that iteration treats as an end, and everything else as an error."""


def ending(where: str, end: TransportClosed, *, polite: bool, expired: bool) -> RealtimeError:
    """The exception for whoever reads, waits or sends after the end.

    Args:
        where: the address, for people.
        end: how the transport ended.
        polite: whether we closed it, or the server did so in peace.
        expired: whether the server said that the session's time is over.
    """
    if expired or (end.code == 1001 and "maximum duration" in end.reason.lower()):
        return SessionExpired(f"the session with {where} reached its time limit; open a new one to go on")
    said = f" ({end.reason})" if end.reason else ""
    if polite:
        return PoliteEnd(f"the connection to {where} is closed{said}; open a new one")
    return ConnectError(f"the connection to {where} was lost: code {end.code}{said}. Open a new one to go on.")
