"""Somebody interrupts: silence, the cut, and what is void from now on.

Owns the epoch, the responses whose late sound falls on the floor, the truncations, and the marker that says whether the
user has taken the turn. Must not know sockets, or who plays the sound.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from realtime_nb.client.turns.audio_sink import AudioSink, Heard
from realtime_nb.client.turns.interruption import PlaybackLedger
from realtime_nb.conversation import LocalEvent, LocalInterrupt

__all__ = ["BargeIn"]

_log = logging.getLogger(__name__)
_REMEMBERED = 64
_SILENCE_S = 2.0
"""How long a player may take to say how much it played; then its last report counts."""


class BargeIn:
    """The state of interruption of one session.

    Args:
        sink: what plays, looked up when it must fall silent.
        send: takes a client event, at once and in order.
        new_id: makes ids for client events.
        feed: told where the conversation was cut.
    """

    def __init__(
        self,
        sink: Callable[[], AudioSink],
        send: Callable[[dict[str, Any]], None],
        new_id: Callable[[], str],
        feed: Callable[[LocalEvent], None],
    ) -> None:
        self.ledger = PlaybackLedger()
        self.epoch = 0
        self.turn_marker = 0
        self._sink = sink
        self._send = send
        self._new_id = new_id
        self._feed = feed
        self._dead: deque[str] = deque(maxlen=_REMEMBERED)
        self._truncations: deque[str] = deque(maxlen=_REMEMBERED)
        self._unknown_there: set[str] = set()

    def interrupt(self, response_id: str | None, heard: Sequence[Heard] | None) -> Coroutine[Any, Any, None]:
        """Begin a new epoch now, before anything else can arrive; the silence and the cut are in what is returned.

        Args:
            response_id: the response that runs.
            heard: what was played, where the player is silent already; None asks it to be.
        """
        self.epoch += 1
        self.user_took_turn()
        if response_id:
            self.kill(response_id)
        epoch = self.epoch
        return self._cut(lambda: self._sink().flush(epoch), heard)

    def interrupted(self, response_id: str | None) -> Coroutine[Any, Any, None]:
        """As `interrupt`, where the player heard of it first and has fallen silent by itself.

        It may play the next answer already: that must neither be silenced in turn, nor counted to what was cut. So the
        sink begins its new epoch in this call, and not when the loop comes to what is returned.
        """
        self.epoch += 1
        self.user_took_turn()
        if response_id:
            self.kill(response_id)
        silence = self._sink().silenced(self.epoch)
        return self._cut(lambda: silence, None)

    async def _cut(self, silence: Callable[[], Awaitable[Sequence[Heard]]], heard: Sequence[Heard] | None) -> None:
        for cut in self.ledger.cuts(heard if heard is not None else await self._silence(silence)):
            if cut.item_id in self._unknown_there:
                self._feed(LocalInterrupt(cut.item_id, cut.content_index, cut.samples))
                continue
            event_id = self._new_id()
            self._truncations.append(event_id)
            self._send(
                {
                    "type": "conversation.item.truncate",
                    "event_id": event_id,
                    "item_id": cut.item_id,
                    "content_index": cut.content_index,
                    "audio_end_ms": cut.audio_end_ms,
                }
            )
            self._feed(LocalInterrupt(cut.item_id, cut.content_index, cut.samples))

    async def _silence(self, silence: Callable[[], Awaitable[Sequence[Heard]]]) -> Sequence[Heard] | None:
        """What the player played; None where it does not say, and its last report counts."""
        try:
            async with asyncio.timeout(_SILENCE_S):
                return await silence()
        except builtins.TimeoutError:
            _log.warning("the player did not say in %g s how much it played", _SILENCE_S)
        except Exception:
            _log.exception("the player failed to fall silent")
        return None

    def parted(self) -> None:
        """The session is another: it has no sound of what still plays, and so none to cut."""
        self._unknown_there = self.ledger.item_ids()

    def kill(self, response_id: str) -> None:
        """No more of its sound counts."""
        self._dead.append(response_id)

    def is_dead(self, response_id: str) -> bool:
        """Whether a response was interrupted."""
        return response_id in self._dead

    def user_took_turn(self) -> None:
        """What was begun for the turn before asks for no response any more."""
        self.turn_marker += 1

    def expected(self, event_id: str | None) -> bool:
        """Whether an error answers one of our truncations: the service may refuse one, and that harms nobody."""
        return event_id in self._truncations
