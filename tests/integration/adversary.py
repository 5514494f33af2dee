"""A scripted server that follows the service's rules about responses, with unfavourable timing.

Owns one active response, refusals, cancels, and responses that the server starts by itself; a seed makes every choice.
Asserts nothing: it records which events it accepted and refused. Must not know the client.
"""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from realtime_nb.testing import Script


@dataclass
class Adversary:
    """A step of a script that plays the server until the client disconnects.

    Attributes:
        seed: of the random choices.
        echoes: whether a response returns the metadata of its request.
        names: whether an error has the id of the event that it answers.
        answered: the response to each accepted `response.create`, by that event's id.
        busy: the number of creates that were refused because a response was active.
        late: the number of cancels that came after the end of their response.
        unknown: cancels that named no known response.
        over: when set, the server starts no more responses by itself.
    """

    seed: int
    echoes: bool = True
    names: bool = True
    answered: dict[str, str] = field(default_factory=dict)
    busy: int = 0
    late: int = 0
    unknown: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _responses: int = 0
    _active: str | None = None
    _running: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def __call__(self, script: Script) -> None:
        """Play until the client goes."""
        dice = random.Random(self.seed)
        receiving = asyncio.ensure_future(script.receive())
        try:
            while True:
                await asyncio.wait({receiving}, timeout=dice.choice([0, 0.001, 0.003]))
                if receiving.done():
                    event = receiving.result()
                    receiving = asyncio.ensure_future(script.receive())
                    await self._received(script, event)
                await self._whim(script, dice)
        finally:
            receiving.cancel()

    async def _whim(self, script: Script, dice: random.Random) -> None:
        if self._active is None and not self.over.is_set() and dice.random() < 0.15:
            await self._begin(script, {}, None)  # voice activity
        elif self._running and dice.random() < 0.4:
            await self._end(script, dice.choice(list(self._running)), "completed")

    async def _received(self, script: Script, event: dict[str, Any]) -> None:
        if event["type"] == "response.create":
            params = event.get("response") or {}
            if self._active is not None and params.get("conversation") != "none":
                self.busy += 1
                words = f"Conversation already has an active response in progress: {self._active}."
                await self._refuse(script, event, "conversation_already_has_active_response", words)
            else:
                await self._begin(script, params, event["event_id"])
        elif event["type"] == "response.cancel":
            response_id = event.get("response_id")
            if response_id is None:
                self.unknown += 1
            if response_id in self._running:
                await self._end(script, response_id, "cancelled")
            else:
                self.late += 1
                await self._refuse(script, event, "response_cancel_not_active", "Cancellation failed.")

    async def _begin(self, script: Script, params: dict[str, Any], event_id: str | None) -> None:
        self._responses += 1
        response_id = f"resp_{self._responses}"
        aside = params.get("conversation") == "none"
        response: dict[str, Any] = {
            "id": response_id,
            "metadata": params.get("metadata") if self.echoes else None,
            "conversation_id": None if aside else "conv_1",
            "output": [],
        }
        self._running[response_id] = response
        if not aside:
            self._active = response_id
        if event_id is not None:
            self.answered[event_id] = response_id
        await script.send({"type": "response.created", "response": {**response, "status": "in_progress"}})

    async def _end(self, script: Script, response_id: str, status: str) -> None:
        response = self._running.pop(response_id)
        if self._active == response_id:
            self._active = None
        item = {"type": "message", "id": f"item_of_{response_id}", "role": "assistant", "status": "completed"}
        spoken = {**item, "content": [{"type": "output_text", "text": response_id}]}
        where = {"response_id": response_id, "output_index": 0, "item": spoken}
        await script.send({"type": "response.output_item.done", **where})
        await script.send({"type": "response.done", "response": {**response, "status": status, "output": [spoken]}})

    async def _refuse(self, script: Script, event: dict[str, Any], code: str, words: str) -> None:
        event_id = event["event_id"] if self.names else None
        error = {"type": "invalid_request_error", "code": code, "message": words, "event_id": event_id}
        await script.send({"type": "error", "error": error})
