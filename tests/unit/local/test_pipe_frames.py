"""Messages arrive whole from the pipe, or not at all."""

from __future__ import annotations

import asyncio
import io

import pytest

from realtime_nb.local.pipe_frames import pack, read, read_async

MESSAGE = {"id": 1, "sound": b"\x00\xff" * 1_000, "tools": [{"name": "f"}], "phrases": [], "none": None}


def test_message_is_unchanged_after_the_pipe() -> None:
    stream = io.BytesIO(pack(MESSAGE) + pack({}))
    assert read(stream) == MESSAGE
    assert read(stream) == {}
    assert read(stream) is None


@pytest.mark.parametrize("kept", [0, 3, 4, 100])
async def test_incomplete_message_reads_as_end_of_stream(kept: int) -> None:
    torn = pack(MESSAGE)[:kept]
    assert read(io.BytesIO(torn)) is None
    stream = asyncio.StreamReader()
    stream.feed_data(torn)
    stream.feed_eof()
    assert await read_async(stream) is None


async def test_asynchronous_reader_reads_what_was_packed() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(pack(MESSAGE))
    assert await read_async(stream) == MESSAGE
