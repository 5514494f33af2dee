"""`FlakyProxy` causes exactly the faults that it is commanded to cause, seen with plain sockets at both ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator

import pytest

from realtime_nb import backends, errors
from realtime_nb.testing import ScriptedServer, send
from tests.integration.flaky_proxy import FlakyProxy, How

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def between() -> AsyncIterator[tuple[FlakyProxy, Ends, Ends]]:
    """Yield a proxy, and the client's and the server's end of one connection through it."""
    came: asyncio.Queue[Ends] = asyncio.Queue()
    async with await asyncio.start_server(lambda *ends: came.put_nowait(ends), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with FlakyProxy(f"ws://127.0.0.1:{port}/v1") as proxy:
            client = await dial(proxy)
            there = await came.get()
            await proxy.connected()
            try:
                yield proxy, client, there
            finally:
                while not came.empty():
                    came.get_nowait()[1].close()
                for _, writer in (client, there):
                    writer.close()


async def dial(proxy: FlakyProxy) -> Ends:
    host, port = proxy.url.removeprefix("ws://").split("/")[0].split(":")
    return await asyncio.open_connection(host, int(port))


async def test_bytes_pass_both_ways_and_a_half_close_passes_too() -> None:
    async with between() as (proxy, client, there):
        client[1].write(b"up")
        client[1].write_eof()
        assert await there[0].read() == b"up"
        there[1].write(b"down")
        there[1].write_eof()
        assert await client[0].read() == b"down"
        assert (proxy.accepted, proxy.url.endswith("/v1")) == (1, True)


async def test_a_reset_is_seen_as_one_at_both_ends() -> None:
    async with between() as (proxy, client, there):
        assert proxy.kill("reset") == 1
        for reader, _ in (client, there):
            with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is what is judged
                await reader.read()
            assert caught.value.errno == errno.ECONNRESET


async def test_ended_connection_is_seen_by_a_peer_that_keeps_sending() -> None:
    async with between() as (proxy, client, there):
        proxy.kill("end")
        assert await client[0].read() == b""
        assert await there[0].read() == b""
        client[1].write(b"still here")
        await client[1].drain()


@pytest.mark.parametrize("how", ["reset", "end"])
async def test_kill_after_forwards_the_exact_number_of_bytes(how: How) -> None:
    async with between() as (proxy, client, there):
        proxy.kill_after(down=1000, how=how)
        there[1].write(b"x" * 5000)
        await proxy.killed()
        passed = bytearray()
        with contextlib.suppress(OSError):
            while data := await client[0].read(100):
                passed += data
        # An end waits behind the bytes; a reset may overtake those that the client has not read yet.
        assert len(passed) == 1000 if how == "end" else len(passed) <= 1000


async def test_a_stall_closes_nothing_and_loses_nothing() -> None:
    async with between() as (proxy, client, there):
        proxy.stall("down")
        there[1].write(b"late")
        client[1].write(b"up")
        assert await there[0].readexactly(2) == b"up"
        assert proxy.open == 1
        proxy.resume()
        assert await client[0].readexactly(4) == b"late"


async def test_a_stalled_connection_can_be_killed() -> None:
    async with between() as (proxy, client, there):
        proxy.stall()
        there[1].write(b"never")
        client[1].write(b"never")
        proxy.kill("end")
        assert await client[0].read() == b""
        assert await there[0].read() == b""


async def test_refusing_new_connections_keeps_open_ones() -> None:
    async with between() as (proxy, client, there):
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await dial(proxy)
        client[1].write(b"on")
        assert await there[0].readexactly(2) == b"on"
        proxy.accept()
        _, writer = await dial(proxy)
        await proxy.connected(2)
        writer.close()


async def test_bytes_pass_one_by_one() -> None:
    async with between() as (proxy, client, there):
        proxy.chunk_bytes = 1
        there[1].write(b"abcdef")
        assert await client[0].readexactly(6) == b"abcdef"
        client[1].write(b"ghi")
        assert await there[0].readexactly(3) == b"ghi"


async def test_unreachable_server_resets_the_client() -> None:
    async with between() as (gone, _, _), FlakyProxy(gone.url) as proxy:
        gone.refuse()
        with pytest.raises(ConnectionResetError):  # while it connects, or when it reads
            await read_all(proxy)


async def read_all(proxy: FlakyProxy) -> bytes:
    reader, writer = await dial(proxy)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_a_conversation_passes_until_it_is_reset() -> None:
    async with (
        ScriptedServer([send("session.created")]) as server,
        FlakyProxy(server.url) as proxy,
        backends.connect(url=proxy.url) as conn,
    ):
        closed = conn.wait_for("close", timeout=10)
        proxy.kill("reset")
        error = (await closed).error
    assert isinstance(error, errors.ConnectError)
    assert "broke off" in str(error)
