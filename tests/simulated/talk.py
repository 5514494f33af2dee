"""A session with the simulated service, and a simulated user who types, speaks, interrupts and leaves the mic open.

Owns the user's actions, and the record of problems that the connection reported. Must not assert anything.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.reconnect.policy import Reconnect
from realtime_nb.client.session import RealtimeSession
from tests.simulated.clock import wall
from tests.simulated.service import Service

CONFIG: dict[str, Any] = {"output": "text", "turn_detection": "server_vad", "transcription": True}
_FRAME, _FRAME_S = 960, 0.04
_LOUD = (8000 * np.sin(np.arange(_FRAME) * 0.1)).astype(np.int16).tobytes()
_QUIET = bytes(2 * _FRAME)
_SPEECH = [_LOUD] * 15 + [_QUIET] * 5
"""Words, and the gaps between them: what never pauses is noise to a detector."""


@dataclass
class User:
    """A simulated user.

    Attributes:
        session: the user's session.
        troubles: errors of the server, and losses that the connection reported.
        calls: how often the tool ran.
        tool_s: how long the tool takes.
    """

    session: RealtimeSession
    service: Service
    troubles: list[Any] = field(default_factory=list)
    calls: int = 0
    tool_s: float = 0.1
    _microphone: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def heard_of(self) -> list[str]:
        """The types of the troubles, in order."""
        return [str(getattr(trouble, "type", trouble)) for trouble in self.troubles]

    @property
    def seams(self) -> list[str]:
        """The texts of the system turns between two sessions."""
        return [turn.text for turn in self.session.conversation.turns if turn.role == "system"]

    @property
    def told(self) -> list[str]:
        """The ids of the messages that every session must have.

        An answer that was lost with its session is not among them: it is requested again.
        """
        turns = self.session.conversation.turns
        whole = (turn for turn in turns if turn.role != "system" and turn.status in ("completed", "interrupted"))
        return [turn.item_id for turn in whole if turn.heard_text]

    @property
    def known(self) -> list[str]:
        """The ids of the messages that the newest session has, in order."""
        messages = (stored.item for stored in self.service.current.items if stored.item.type == "message")
        return [str(message.id) for message in messages]

    async def until(self, moment_s: float) -> None:
        """Wait until a moment of the simulation."""
        await asyncio.sleep(moment_s - asyncio.get_running_loop().time())

    async def types(self, text: str) -> str:
        """Type a question and return its answer."""
        return (await self.session.ask(text)).text

    async def speaks(self, seconds: float = 1.2) -> None:
        """Speak, and then be silent until the server has detected the end of speech."""
        async with self._microphone:
            await self._append(_SPEECH, seconds)
            await self._append([_QUIET], 1.2)

    async def is_silent(self, seconds: float) -> None:
        """Send silence from the open microphone."""
        async with self._microphone:
            await self._append([_QUIET], seconds)

    async def _append(self, frames: Sequence[bytes], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end, endless = loop.time() + seconds, itertools.cycle(frames)
        while loop.time() < end:
            await self.session.append(next(endless))
            await asyncio.sleep(_FRAME_S)

    async def interrupts(self, first: str, second: str) -> None:
        """Ask a question, and interrupt its answer with another."""
        await self.session.send_text(f"{first} {'and so on ' * 10}")
        await asyncio.sleep(0.5)
        assert self.session.response_active
        await self.session.send_text(second)
        await self.session.between_turns()

    async def get_weather(self, city: str) -> str:
        """Tell the weather.

        Args:
            city: where.
        """
        self.calls += 1
        await asyncio.sleep(self.tool_s)
        return "fine"


@asynccontextmanager
async def talking(
    service: Service | None = None, *, reconnect: bool | Reconnect = True, **config: Any
) -> AsyncIterator[User]:
    service = service or Service(wall)
    connection = await RealtimeConnection(service, reconnect=reconnect)
    session = RealtimeSession(connection, {**CONFIG, **config}, clock=asyncio.get_running_loop().time, wall=wall)
    user = User(session, service)
    session.on_error = user.troubles.append

    async def note(event: Any) -> None:
        user.troubles.append(event)

    for kind in ("reconnecting", "reconnected", "close"):
        connection.on(kind, note)
    async with session:
        await session.update(tools=[user.get_weather])
        yield user
    for kind in ("reconnecting", "reconnected", "close"):
        connection.off(kind)
    await connection.close()
