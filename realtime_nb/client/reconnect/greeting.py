"""The first words of a server: `session.created`, or why there will be no session.

Owns what an open transport must say before it counts as a connection. Must not know which transport it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from realtime_nb.client.events.pending_requests import server_error
from realtime_nb.client.transport.base import Transport, TransportClosed
from realtime_nb.errors import ConnectError
from realtime_nb.wire.realtime import ErrorEvent, SessionCreated, decode_server

__all__ = ["greeted"]


async def greeted(transport: Transport, where: str, deliver: Callable[[Any], None]) -> None:
    """Deliver events up to and with `session.created`.

    Raises:
        ConnectError: the server closed, refused, or speaks something else; says what to do.
    """
    while True:
        try:
            event = decode_server(await transport.recv())
        except TransportClosed as closed:
            reason = f", {closed.reason}" if closed.reason else ""
            raise ConnectError(
                f"{where} closed the connection at once (code {closed.code}{reason}). Check the model and the key, and "
                "the server's own log."
            ) from None
        if isinstance(event, ErrorEvent):
            raise _refused(event, where)
        deliver(event)  # a server that says something else first is odd, not wrong
        if isinstance(event, SessionCreated):
            return


def _refused(event: ErrorEvent, where: str) -> ConnectError:
    if event.error.code == "malformed_frame":
        return ConnectError(
            f"{where} is a websocket server, but does not speak the Realtime API: {event.error.message} "
            "Check the address (it usually ends in /v1/realtime).",
            retryable=False,
        )
    return ConnectError(f"{where} refused the session: {server_error(event.error)}", retryable=False)
