"""The kernel's end of a page's socket loses no frame unnoticed and keeps the order of the page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_nb.backends import Endpoint
from realtime_nb.client.transport.base import Transport, TransportClosed
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.keys.secret import Headers, Secret
from realtime_nb.notebook.browser.transport import PageConnector, PageSockets, PageTransport
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages

SECRET = "ek_0123456789"


class Stage:
    """The sockets of a widget with one page in front of them."""

    def __init__(self, *, page: str | None = "p") -> None:
        self.sent: list[tuple[dict[str, Any], bytes]] = []
        self.pages = Pages()
        self.channel = Channel(lambda c, b: self.sent.append((c, b[0] if b else b"")))
        self.sockets = PageSockets(self.channel, self.pages)
        if page is not None:
            self.pages.claim(page, 0.0)

    def start(self) -> asyncio.Task[PageTransport]:
        secret: asyncio.Future[Secret] = asyncio.get_running_loop().create_future()
        secret.set_result(Secret(SECRET))
        return asyncio.ensure_future(self.sockets.open("wss://voice.example/v1/realtime", lambda: secret))

    async def opened(self) -> PageTransport:
        opening = self.start()
        await self.until("socket.open")
        self.sockets.receive(m.SocketOpened(seq=1, page="p", socket=self.sent[-1][0]["socket"]))
        transport = await opening
        self.sockets.adopt(page=True)
        return transport

    async def until(self, kind: str) -> None:
        while not self.sent or self.sent[-1][0]["kind"] != kind:  # noqa: ASYNC110 - a turn of the loop, and no time
            await asyncio.sleep(0)

    def frame(self, part: int, data: bytes, *, last: bool = True, socket: int = 1, page: str = "p") -> None:
        self.sockets.receive(m.SocketFrame(seq=1, page=page, socket=socket, part=part, last=last, data=data))


async def test_page_opens_the_socket_with_a_secret_that_no_repr_shows() -> None:
    stage = Stage()
    transport = await stage.opened()
    assert isinstance(transport, Transport)
    assert transport.carries_audio
    content, _ = stage.sent[0]
    assert (content["to"], content["secret"]) == ("p", SECRET)
    assert SECRET not in repr(m.SocketOpen(to="p", socket=1, url="wss://voice.example", secret=SECRET))


async def test_recv_returns_frames_whole_that_came_in_parts() -> None:
    stage = Stage()
    transport = await stage.opened()
    stage.frame(0, b'{"a":')
    stage.frame(1, b'{"b"', last=False)
    stage.frame(2, b":1}")
    assert [await transport.recv(), await transport.recv()] == [b'{"a":', b'{"b":1}']


async def test_messages_and_frames_of_a_page_keep_their_order() -> None:
    stage = Stage()
    transport = await stage.opened()
    done: list[str] = []
    stage.frame(0, b"1")
    stage.sockets.in_order("p", lambda: done.append("report"))
    stage.sockets.in_order("other page", lambda: done.append("other"))
    stage.frame(1, b"2")
    assert done == ["other"]
    await transport.recv()
    assert done == ["other"]
    assert await transport.recv() == b"2"
    assert done == ["other", "report"]


async def test_message_whose_handling_raises_stops_no_later_frame(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    transport = await stage.opened()
    stage.sockets.in_order("p", lambda: 1 / 0)  # type: ignore[arg-type]
    stage.frame(0, b"1")
    assert await transport.recv() == b"1"
    assert "could not be acted upon" in caplog.text


async def test_missing_part_ends_the_transport_after_the_frames_before_it() -> None:
    stage = Stage()
    transport = await stage.opened()
    stage.frame(0, b"1")
    stage.frame(2, b"3")
    stage.frame(3, b"4")
    assert await transport.recv() == b"1"
    with pytest.raises(TransportClosed, match="1 messages with frames were lost") as ended:
        await transport.recv()
    assert ended.value.code == 1006
    assert stage.sent[-1][0]["kind"] == "socket.close"
    with pytest.raises(TransportClosed):
        await transport.send("{}")


async def test_frame_that_is_too_large_ends_the_transport() -> None:
    stage = Stage()
    transport = await stage.opened()
    for part in range(33):
        stage.frame(part, b"x" * m.PART_BYTES, last=False)
    with pytest.raises(TransportClosed) as ended:
        await transport.recv()
    assert ended.value.code == 1009


async def test_messages_of_another_socket_or_page_are_ignored() -> None:
    stage = Stage()
    transport = await stage.opened()
    stage.frame(0, b"1", socket=7)
    stage.frame(0, b"1", page="q")
    stage.sockets.receive(m.SocketClosed(seq=1, page="p", socket=7, code=1000, reason=""))
    stage.frame(0, b"2")
    assert await transport.recv() == b"2"


async def test_cancelled_recv_loses_no_frame() -> None:
    stage = Stage()
    transport = await stage.opened()
    waiting = asyncio.ensure_future(transport.recv())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stage.frame(0, b"1")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await transport.recv() == b"1"


async def test_long_frame_is_sent_in_parts() -> None:
    stage = Stage()
    transport = await stage.opened()
    del stage.sent[:]
    frame = "é" * m.PART_BYTES
    await transport.send("{}")
    await transport.send(frame)
    assert [(c["part"], c["last"]) for c, _ in stage.sent] == [(0, True), (1, False), (2, True)]
    assert b"".join(data for _, data in stage.sent[1:]).decode() == frame


async def test_transport_ends_with_the_code_and_reason_of_the_page() -> None:
    stage = Stage()
    transport = await stage.opened()
    stage.frame(0, b"1")
    stage.sockets.receive(m.SocketClosed(seq=1, page="p", socket=1, code=4001, reason="over"))
    assert await transport.recv() == b"1"
    with pytest.raises(TransportClosed, match="over") as ended:
        await transport.recv()
    assert ended.value.code == 4001


async def test_close_twice_keeps_the_messages_that_wait() -> None:
    stage = Stage()
    transport = await stage.opened()
    done: list[int] = []
    stage.frame(0, b"1")
    stage.sockets.in_order("p", lambda: done.append(1))
    await transport.close()
    await transport.close()
    assert done == [1]
    assert [c["kind"] for c, _ in stage.sent].count("socket.close") == 1
    with pytest.raises(TransportClosed):
        await transport.recv()


async def test_transport_ends_when_its_page_leaves_or_loses_the_lease() -> None:
    for leaves in (True, False):
        stage = Stage()
        transport = await stage.opened()
        stage.sockets.follow_lease()
        assert not transport.closed
        if leaves:
            stage.pages.leave("p")
        else:
            stage.pages.claim("q", 1.0)
        stage.sockets.follow_lease()
        with pytest.raises(TransportClosed, match="page that held the connection is gone") as ended:
            await transport.recv()
        assert ended.value.code == 1006
        assert stage.sent[-1][0]["kind"] == "socket.close"


async def test_page_that_cannot_open_a_socket_gives_the_reason() -> None:
    stage = Stage()
    opening = stage.start()
    await stage.until("socket.open")
    stage.sockets.receive(m.SocketClosed(seq=1, page="p", socket=1, code=1006, reason="a policy forbids it"))
    with pytest.raises(ConnectError, match="a policy forbids it"):
        await opening


async def test_open_waits_for_a_page_that_comes_later() -> None:
    stage = Stage(page=None)
    opening = stage.start()
    await asyncio.sleep(0)
    assert stage.sent == []
    stage.pages.claim("p", 0.0)
    stage.sockets.follow_lease()
    await stage.until("socket.open")
    stage.sockets.receive(m.SocketOpened(seq=1, page="p", socket=1))
    assert (await opening).page == "p"


async def test_pages_are_excused_for_the_time_the_kernel_was_busy() -> None:
    stage = Stage()
    stage.pages.excuse(9.0)
    assert not stage.pages.settle(88.0)
    assert stage.pages.settle(90.0)


def test_address_that_holds_a_secret_is_never_sent_to_a_page() -> None:
    stage = Stage()
    for url in ("wss://me:hunter2@voice.example/v1", "wss://voice.example/v1?token=hunter2"):
        with pytest.raises(ConfigError) as refused:
            PageConnector(stage.sockets, Endpoint(name="url", label="", url=url))
        assert "hunter2" not in str(refused.value)
    headers = Headers({"Authorization": "Bearer hunter2"})
    connector = PageConnector(
        stage.sockets, Endpoint(name="url", label="", url="wss://voice.example/v1?model=m", headers=headers)
    )
    assert "hunter2" not in repr(connector) + connector.describe()
