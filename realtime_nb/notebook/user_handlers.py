"""The user's handlers of wire events, as `w.on` and `w.once` register them: for this connection and every one to come.

Owns the list of them. Must not know sessions. Runs on the loop only.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from realtime_nb.errors import MicrophoneError

if TYPE_CHECKING:
    from realtime_nb.client.events.handlers import Handlers, Registration

_logger = logging.getLogger("realtime_nb")


class UserHandlers:
    """The handlers of one widget."""

    def __init__(self) -> None:
        self._handlers: list[_UserHandler] = []
        self._registered_with: Handlers | None = None  # of the newest connection

    def add(self, kind: str, handler: Callable[..., Any], *, once: bool) -> None:
        """Register a handler with this connection, and with every one to come."""
        added = _UserHandler(kind, handler, once)
        self._handlers.append(added)
        if self._registered_with is not None:
            added.register(self._registered_with)

    def remove(self, kind: str, handler: Callable[..., Any]) -> None:
        """Remove one registration of a handler, the oldest."""
        for known in self._handlers:
            if known.kind == kind and known.function == handler and not known.over:
                self._handlers.remove(known)
                known.remove()
                return

    def follow(self, handlers: Handlers) -> None:
        """Register all with the handlers of another connection."""
        self._registered_with = handlers
        self._handlers = [handler for handler in self._handlers if not handler.over]
        for handler in self._handlers:
            handler.register(handlers)

    def calls_for(self, error: MicrophoneError) -> list[tuple[Coroutine[Any, Any, None], contextvars.Context]]:
        """Return the calls of `"error"` handlers, each with the context of its cell: no wire event has this error."""
        calls = []
        for handler in [known for known in self._handlers if known.kind == "error" and not known.over]:
            if handler.once:
                self._handlers.remove(handler)
                handler.remove()
            calls.append((_call(handler.function, error), handler.context.copy()))
        return calls


class _UserHandler:
    """A user's handler of wire events, which is registered with every connection of the widget."""

    def __init__(self, kind: str, function: Callable[..., Any], once: bool) -> None:
        self.kind = kind
        self.function = function
        self.once = once
        self.context = contextvars.copy_context()  # of the cell: the call came here by `call_soon`, which copies it
        self._handlers: Handlers | None = None
        self._registration: Registration | None = None

    @property
    def over(self) -> bool:
        """Whether it was for one event, and got it."""
        return self.once and self._registration is not None and self._registration.over

    def register(self, handlers: Handlers) -> None:
        """Register it with the handlers of a connection."""
        self._handlers = handlers
        self._registration = handlers.add(self.kind, self.function, once=self.once, context=self.context)

    def remove(self) -> None:
        """Remove it from the connection that it was registered with last."""
        if self._handlers is not None and self._registration is not None:
            self._handlers.discard(self._registration)


async def _call(handler: Callable[..., Any], error: MicrophoneError) -> None:
    try:
        result = handler(error) if asyncio.iscoroutinefunction(handler) else await asyncio.to_thread(handler, error)
        if asyncio.iscoroutine(result):
            await result
    except Exception:
        _logger.exception("A handler of 'error' raised.")
