"""`on`, `once` and `off`: how a user hears of events.

Owns the registration of handlers, also as a decorator. Must not know when or where they run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from realtime_nb.client.events.handlers import EventHandler, Handlers

__all__ = ["Emitter"]

_Handler = TypeVar("_Handler", bound=EventHandler)


class Emitter:
    """Something that emits events to handlers."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    @overload
    def on(self, kind: str) -> Callable[[_Handler], _Handler]: ...
    @overload
    def on(self, kind: str, handler: _Handler) -> _Handler: ...
    def on(self, kind: str, handler: EventHandler | None = None) -> Any:
        """Call `handler` with every event of type `kind`; also a decorator.

        `"event"` hears all server events; `"error"` also a lost connection; `"close"` the end, once.
        """
        return self._register(kind, handler, once=False)

    @overload
    def once(self, kind: str) -> Callable[[_Handler], _Handler]: ...
    @overload
    def once(self, kind: str, handler: _Handler) -> _Handler: ...
    def once(self, kind: str, handler: EventHandler | None = None) -> Any:
        """As `on`, for the next event only."""
        return self._register(kind, handler, once=True)

    def off(self, kind: str, handler: EventHandler | None = None) -> None:
        """Forget a handler, or all of `kind`."""
        self._handlers.remove(kind, handler)

    def announce(self, event: Any) -> bool:
        """Emit an event of our own, which is not one of the wire; returns whether a handler of its type is there."""
        self._handlers.emit(event.type, event, wildcard=False)
        return self._handlers.hears(event.type)

    def _register(self, kind: str, handler: EventHandler | None, *, once: bool) -> Any:
        if handler is not None:
            self._handlers.add(kind, handler, once=once)
            return handler

        def decorate(function: EventHandler) -> EventHandler:
            self._handlers.add(kind, function, once=once)
            return function

        return decorate
