"""Apply events to a session's conversation, and pass the changes to subscribers.

Owns the clock of the conversation and the list of subscribers. Must not know where events come from.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

from realtime_nb.conversation import Change, Conversation, LocalEvent, reduce

_log = logging.getLogger(__name__)
_COMPARE_S = 30.0
"""How often the two clocks are compared: they drift apart while a computer sleeps."""
Subscriber = Callable[[Sequence[Change]], None]


class ConversationFeed:
    """Applies events to a conversation. On the session's loop only.

    Args:
        conversation: the state that the events change.
        clock: seconds; for latencies.
        wall: seconds since 1970; for the time of day of a turn.
    """

    def __init__(self, conversation: Conversation, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self.conversation = conversation
        self._clock = clock
        self._wall = wall
        self._compare_at = -math.inf
        self._subscribers: tuple[Subscriber, ...] = ()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with the changes of each event, never with none; returns a function that removes it."""
        self._subscribers = (*self._subscribers, subscriber)

        def remove() -> None:
            self._subscribers = tuple(known for known in self._subscribers if known is not subscriber)

        return remove

    def reduce(self, event: Any) -> list[Change]:
        """Apply a server event, and return the changes for `publish`."""
        now = self._clock()
        if now >= self._compare_at:  # not for every event: one comes with each piece of sound
            self._compare_at = now + _COMPARE_S
            self.conversation.clock_offset_s = self._wall() - now
        return reduce(self.conversation, event, now)

    def add(self, event: LocalEvent) -> None:
        """Apply and publish something that happened on this side."""
        self.publish(self.reduce(event))

    def add_event(self, event: Any) -> None:
        """Apply and publish a server event that this side makes, as the server may not send it."""
        self.publish(self.reduce(event))

    def publish(self, changes: Sequence[Change]) -> None:
        """Call every subscriber; one that raises stops no other."""
        if not changes:
            return
        for subscriber in self._subscribers:
            try:
                subscriber(changes)
            except Exception:
                _log.exception("a subscriber raised; the conversation goes on")
