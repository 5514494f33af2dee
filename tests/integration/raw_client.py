"""A minimal Realtime client on the `websockets` library: JSON in, JSON out.

Owns a websocket. Must not know this package's client or wire types, so that it tests the local backend independently.
Both directions are validated with the official SDK's types, except for what `send_raw` sends.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from websockets.asyncio.client import ClientConnection, connect

from realtime_nb.audio.sound_file import load_24k
from tests.sdk_validator import check_client, check_server

PATIENCE_S = 30.0

Event = dict[str, Any]
Pcm = npt.NDArray[np.int16]


class RawClient:
    """One session; `log` has every event that came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.log: list[Event] = []

    async def send(self, event_type: str, **fields: Any) -> None:
        event = {"type": event_type, **fields}
        check_client(event)
        await self.socket.send(json.dumps(event))

    async def send_raw(self, frame: str | bytes | Event) -> None:
        await self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def receive(self) -> Event:
        async with asyncio.timeout(PATIENCE_S):
            event = check_server(await self.socket.recv())
        self.log.append(event)
        return event

    async def until(self, event_type: str) -> list[Event]:
        """Receive up to and including the next event of this type."""
        events = [await self.receive()]
        while events[-1]["type"] != event_type:
            events.append(await self.receive())
        return events

    async def update(self, **session: Any) -> Event:
        await self.send("session.update", session={"type": "realtime", **session})
        return (await self.until("session.updated"))[-1]["session"]  # type: ignore[no-any-return]

    async def user_says(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def ask(self, text: str, **response: Any) -> list[Event]:
        """Send a typed turn, and return all events up to `response.done`."""
        await self.user_says(text)
        await self.send("response.create", response=response)
        return await self.until("response.done")

    async def append(self, sound: Pcm, *, chunk_ms: int = 100) -> None:
        step = 24 * chunk_ms
        for start in range(0, sound.size, step):
            audio = base64.b64encode(sound[start : start + step].tobytes()).decode()
            await self.send("input_audio_buffer.append", audio=audio)


@asynccontextmanager
async def raw_client(url: str, **options: Any) -> AsyncIterator[RawClient]:
    """Connect, and wait for `session.created`."""
    async with connect(url, max_size=None, compression=None, **options) as socket:
        client = RawClient(socket)
        assert (await client.receive())["type"] == "session.created"
        yield client


def speech(text: str, *, before_ms: int = 300, after_ms: int = 900, voice: str = "en-us") -> Pcm:
    """Return a text as speech of the `espeak-ng` command, at 24 kHz, between two silences."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("the espeak-ng command is missing: apt-get install espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speech.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
        spoken = load_24k(path)
    return np.concatenate([np.zeros(24 * before_ms, np.int16), spoken, np.zeros(24 * after_ms, np.int16)])


def text_of(events: list[Event]) -> str:
    """Return the assistant's text or transcript in these events."""
    return "".join(
        str(event["delta"])
        for event in events
        if event["type"] in ("response.output_text.delta", "response.output_audio_transcript.delta")
    )


def sound_of(events: list[Event]) -> bytes:
    return b"".join(base64.b64decode(e["delta"]) for e in events if e["type"] == "response.output_audio.delta")


def http(url: str) -> str:
    """Return the HTTP address of a websocket's server."""
    return "http" + url.removeprefix("ws").removesuffix("/v1/realtime")


def wait_for_end(pid: int) -> bool:
    """Wait until a process that is not our child has ended; return False after a time limit."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE_S)[0])
    finally:
        os.close(descriptor)


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
