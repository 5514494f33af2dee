"""Hand each server event to everything that follows a connection.

Owns the order: configuration, listeners and pending requests (which get completed events), readers, handlers. Must not
know sockets. Runs in the receive loop, on the connection's event loop, and must stay quick: sound passes through here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from realtime_nb.client.events.handlers import Handlers
from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.client.events.pending_requests import PendingRequests, server_error
from realtime_nb.client.events.receive_buffer import ReceiveBuffer
from realtime_nb.client.events.unheard import UnheardErrors
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.close import EXPIRED, LOST, CloseEvent, lost_response
from realtime_nb.client.transport.link import Link
from realtime_nb.errors import ServerError
from realtime_nb.wire.realtime import (
    ErrorDetail,
    ErrorEvent,
    ResponseDone,
    ResponseOutputAudioDelta,
    SessionCreated,
    SessionUpdated,
)

_log = logging.getLogger(__name__)
_NOTED: frozenset[type] = frozenset((SessionUpdated, SessionCreated, ResponseDone, ErrorEvent))


class Dispatcher:
    """The receiving side of a connection.

    Args:
        link, config, normalizer, pending, buffer, handlers: the connection's own.

    Attributes:
        created: the last `session.created`.
    """

    def __init__(
        self,
        link: Link,
        config: SessionConfig,
        normalizer: EventNormalizer,
        pending: PendingRequests,
        buffer: ReceiveBuffer,
        handlers: Handlers,
    ) -> None:
        self.created: SessionCreated | None = None
        self._link = link
        self._config = config
        self._normalizer = normalizer
        self._pending = pending
        self._buffer = buffer
        self._handlers = handlers
        self._listeners: tuple[Callable[[Any], None], ...] = ()
        self._unheard = UnheardErrors()

    def add_listener(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Call `listener` with every server event; returns a function that removes it."""
        self._listeners = (*self._listeners, listener)

        def remove() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return remove

    def dispatch(self, event: Any) -> None:
        """Hand on a server event, also one of an unknown type (docs/protocol.md 4), in the order named above."""
        kind, told = type(event), event
        if kind is ResponseOutputAudioDelta:
            self._config.has_spoken = True
        elif kind in _NOTED:
            if kind is ErrorEvent:
                told = self._normalizer.about_ours(event)
            self._note(told)
        self._to_listeners(self._normalizer.received(told))
        if kind is ErrorEvent:
            self._on_error(told.error)
        self._buffer.put(event)
        if not self._handlers.idle:
            self._handlers.emit(event.type, event)

    def _on_error(self, detail: ErrorDetail) -> None:
        refused = [kind for kind in self._pending.events_refused(detail) if kind in self._buffer.awaited_kinds]
        if refused:
            self._buffer.fail_waiters(refused, server_error(detail))
        elif not self._listeners and not self._buffer.is_read:
            self.log_unheard(server_error(detail))  # else the session decides, which knows what is an expected race

    def log_unheard(self, error: ServerError, *, has_event: bool = True) -> None:
        """Log an error, unless a handler gets its event; one that was found on this side has none."""
        if not (has_event and self._handlers.takes("error")):
            self._unheard.log(error)

    def lose_response(self, response_id: str, why: str) -> None:
        """End a response whose end was lost with the connection."""
        self.dispatch(lost_response(self._normalizer.outward_response(response_id), why))

    def abandon_response(self, response_id: str, status: str, code: str, message: str) -> None:
        """End a response for the session that the server does not end; handlers and readers see the server's events."""
        self._to_listeners(self._normalizer.abandon(response_id, status, code, message))

    def _to_listeners(self, events: Sequence[Any]) -> None:
        for event in events:
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:
                    _log.exception("a listener raised on %r; the conversation goes on", event.type)
            self._pending.on_event(event)

    def _note(self, event: SessionUpdated | SessionCreated | ResponseDone | ErrorEvent) -> None:
        """Note what an event says of the connection and its configuration."""
        if isinstance(event, ResponseDone):
            self._link.proven = True
        elif isinstance(event, ErrorEvent):
            self._config.refused(event.error.event_id)
            self._link.expired = self._link.expired or event.error.code == EXPIRED
        else:
            self._on_echo(event)

    def _on_echo(self, event: SessionUpdated | SessionCreated) -> None:
        if isinstance(event, SessionCreated):
            self.created = event
            self._normalizer.restart()
            self._config.created(event.session)
        else:
            self._config.updated(event.session)
        self._pending.all_asked_for = self._config.answers_only_requests

    def notify(self, event: Any) -> None:
        """Hand on an event of our own, such as `reconnecting`: to `wait_for` and the handlers of its type."""
        self._buffer.notify_waiters(event)
        self._handlers.emit(event.type, event, wildcard=False)

    def end(self, ended: CloseEvent, error: Exception) -> None:
        """Emit `"error"` after a loss, then `"close"`; fail readers with `error` once the buffer is empty."""
        if ended.error is not None:
            lost = ErrorEvent(error=ErrorDetail(type="connection_error", code=LOST, message=str(error)))
            self._handlers.emit("error", lost, wildcard=False)
        self.notify(ended)
        self._buffer.close(error)
