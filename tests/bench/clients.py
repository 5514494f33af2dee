"""One interface to both Python clients (ours and openai-python), for measurements with many connections.

Owns how each is opened, read and written. Must not know what is measured.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NAMES = ("ours", "openai")


class Client(Protocol):
    """One open connection."""

    async def ask(self, **metadata: str) -> None:
        """Tell the peer what to send."""

    async def next(self) -> Any:
        """The next event, after its sound, if it has any, was decoded."""

    async def append(self, pcm: bytes) -> None:
        """Send sound."""


class _Ours:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.append = connection.input_audio_buffer.append

    async def ask(self, **metadata: str) -> None:
        await self._connection.response.create(metadata=metadata)

    async def next(self) -> Any:
        event = await anext(self._connection)
        if event.type == "response.output_audio.delta":
            assert event.audio
        return event


class _OpenAI:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def ask(self, **metadata: str) -> None:
        await self._connection.response.create(response={"metadata": metadata})

    async def next(self) -> Any:
        event = await self._connection.recv()
        if event.type == "response.output_audio.delta":
            assert base64.b64decode(event.delta)
        return event

    async def append(self, pcm: bytes) -> None:
        await self._connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())


@asynccontextmanager
async def opened(name: str, address: str) -> AsyncIterator[Client]:
    """A connection of the kind `name`, past its `session.created`. Only what is used is imported."""
    if name == "ours":
        import realtime_nb as rt

        async with rt.connect(url=f"ws://{address}/realtime?model=m", proxy=None) as connection:
            await connection.recv()
            yield _Ours(connection)
        return
    async with _openai_client(address).realtime.connect(model="m") as theirs:
        await theirs.recv()
        yield _OpenAI(theirs)


@cache
def _openai_client(address: str) -> AsyncOpenAI:
    # One for all connections, as its documentation advises: most of its memory is the client's, not a connection's.
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key="none", base_url=f"http://{address}", websocket_base_url=f"ws://{address}")
