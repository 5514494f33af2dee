"""Frees the response slot when the server does not end its response.

Owns the watch over a response that another request waits for, or that was told to stop: silence is ended by a cancel,
and a cancel without an answer by giving the response up. What it has said stays in its turn. A response that no
other request waits for may be silent for long (high reasoning effort); the timeout of `ask` bounds it.
Must not know sockets.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from realtime_nb.client.turns.audio_sink import PlayingState
from realtime_nb.client.turns.response_queue import CANCEL_ANSWER_S, ResponseQueue, ResponseRequest
from realtime_nb.client.turns.tool_runner import ToolRunner
from realtime_nb.errors import ServerError

__all__ = ["ResponseWatch"]

_POLL_S = 0.1
_CODE = "response_abandoned"


class ResponseEnder(Protocol):
    """What ends a response on this side."""

    def abandon_response(self, response_id: str, status: str, code: str, message: str) -> None:
        """Deliver a `response.done` of our own for it."""


class ResponseWatch:
    """Watches over the response slot of one session.

    Args:
        responses: the slot.
        calls: a tool or MCP call under way is a sign of life.
        sound: so is sound of the response that is still playing.
        ender: delivers the end of a response that is given up.
        idle_s: how long a response may be silent while another request waits.
    """

    def __init__(
        self, responses: ResponseQueue, calls: ToolRunner, sound: PlayingState, ender: ResponseEnder, idle_s: float
    ) -> None:
        self._responses = responses
        self._calls = calls
        self._sound = sound
        self._ender = ender
        self._idle_s = idle_s

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._responses.contended.wait()
            busy = bool(self._calls.pending()) or self._sound.playing
            overdue = self._responses.overdue(loop.time(), self._idle_s, busy=busy)
            if overdue is not None:
                self._free(overdue)
            await asyncio.sleep(_POLL_S)

    def _free(self, overdue: str | ResponseRequest) -> None:
        why = f"the server did not end this response within {CANCEL_ANSWER_S:g} s of its cancellation; it was given up"
        if isinstance(overdue, str) and overdue:
            self._ender.abandon_response(overdue, "failed", _CODE, why)
        # Also after that: a response that the server never announced has no end that could be delivered.
        error = ServerError(
            "the server did not answer a request for a response; it was given up. Ask again.", code=_CODE
        )
        self._responses.give_up(overdue, error)
