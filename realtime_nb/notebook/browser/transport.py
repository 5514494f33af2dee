"""The websocket that a page holds, as a `Transport` of the client: sound goes on while the kernel is busy.

Owns the kernel's end of that socket: opening it with a client secret, the frames that the page mirrors to the kernel,
the frames that the page shall send, and its end with the page. Must not know events, sessions or traits. Runs on the
loop only.

The page plays sound and sends the microphone by itself. The kernel receives the same frames as from a socket of its
own, only later when it was busy. Two invariants make the late frames as good as punctual ones:

- The kernel acts on the page's messages and frames in the order in which the page sent them: a report of what was
  played must not overtake the sound that it is about. So `in_order` queues every other message of this page behind the
  frames that `recv` has not returned yet.
- A lost frame never goes unnoticed. The comm can lose a message for good (docs/notebook.md 5); the parts of frames are
  counted, and a missing part ends the transport.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from realtime_nb.client.transport.base import Transport, TransportClosed
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.redact import safe_url

if TYPE_CHECKING:
    from realtime_nb.backends import Endpoint
    from realtime_nb.keys.secret import Secret

_log = logging.getLogger("realtime_nb")
_MAX_FRAME = 16 * 2**20
"""Bytes of one frame; the page's messages are not trusted to end."""
_PAGE_S = 3.0
"""How long to wait for a page: the cell that makes the widget runs before a page shows it."""
_OPENED_S = 8.0
"""A page reports after 5 s that the service did not answer; this is for a page that reports nothing."""
_SECRET_S = 60
"""A client secret only has to open one socket; the session continues after it has expired."""
_PAGE_GONE = "the page that held the connection is gone, or another one has the sound now"


class PageTransport:
    """A websocket to the service that one page holds, as a transport of the client.

    Args:
        channel: the comm.
        page: the page that holds it.
        number: of the socket, in messages to and from the page.

    Attributes:
        live: the page sends its microphone on the socket.
        opened: done when the page has opened the socket; fails when it could not.
    """

    carries_audio = True

    def __init__(self, channel: Channel, page: str, number: int) -> None:
        self.page = page
        self.number = number
        self.live = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opened.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._channel = channel
        self._stream: deque[bytes | Callable[[], None]] = deque()
        self._ready = asyncio.Event()
        self._end: TransportClosed | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._received = 0
        self._sent = 0

    @property
    def closed(self) -> bool:
        """Whether the transport has ended; frames that came before may still wait to be received."""
        return self._end is not None

    async def send(self, frame: bytes | str) -> None:
        """Let the page send one frame, in parts of a size that the comm can carry (docs/notebook.md 6)."""
        if self._end is not None:
            raise self._end
        data = memoryview(frame.encode() if isinstance(frame, str) else frame)
        for start in range(0, len(data), m.PART_BYTES):
            part = bytes(data[start : start + m.PART_BYTES])
            last = start + m.PART_BYTES >= len(data)
            self._channel.send(m.SocketSend(to=self.page, socket=self.number, part=self._sent, last=last), sound=part)
            self._sent += 1

    async def recv(self) -> bytes | str:
        """Return the next frame that the page has received."""
        while True:
            # One turn of the loop between any two frames: tasks that one frame started run before the next counts.
            await asyncio.sleep(0)
            if self._stream:
                item = self._stream.popleft()
                if isinstance(item, bytes):
                    return item
                _act(item)
            elif self._end is not None:
                raise self._end
            else:
                self._ready.clear()
                await self._ready.wait()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Let the page close its socket."""
        if self._end is None:
            self._break_off(code, reason)
            self._drop()

    def hold(self, on: bool, since: int = 0) -> None:
        """Keep the page's microphone from the socket, or let it in from its frame `since` on; in order with frames."""
        if self._end is None:
            self.live = not on
            self._channel.send(m.SocketHold(to=self.page, socket=self.number, on=on, since=since))

    def receive(self, message: m.SocketMessage) -> None:
        """Act on a message of the page about this socket."""
        if self._end is not None:
            return
        if isinstance(message, m.SocketOpened):
            if not self.opened.done():
                self.opened.set_result(None)
        elif isinstance(message, m.SocketClosed):
            self.end(message.code, message.reason)
        else:
            self._part(message)

    def in_order(self, act: Callable[[], None]) -> None:
        """Call `act` when all frames have been received that the page mirrored before."""
        self._stream.append(act)
        self._ready.set()

    def end(self, code: int, reason: str) -> None:
        """End the transport; frames that came before can still be received."""
        if self._end is not None:
            return
        self._end = TransportClosed(code, reason)
        self.live = False
        self._ready.set()
        if not self.opened.done():
            self.opened.set_exception(self._end)

    def _drop(self) -> None:
        """Discard the frames that wait, and act on the page's other messages."""
        while self._stream:
            item = self._stream.popleft()
            if not isinstance(item, bytes):
                _act(item)

    def _part(self, message: m.SocketFrame) -> None:
        if message.part != self._received:
            return self._break_off(
                1006, f"{message.part - self._received} messages with frames were lost between the page and the kernel"
            )
        self._received += 1
        self._parts.append(message.data)
        self._size += len(message.data)
        if self._size > _MAX_FRAME:
            return self._break_off(1009, f"a frame was larger than {_MAX_FRAME} bytes")
        if message.last:
            self._stream.append(b"".join(self._parts))
            self._parts, self._size = [], 0
            self._ready.set()
        return None

    def _break_off(self, code: int, reason: str) -> None:
        self._channel.send(m.SocketClose(to=self.page, socket=self.number))
        self.end(code, reason)


class PageSockets:
    """The sockets of a widget's pages: the one in use, and during a handover the one that will replace it.

    Args:
        channel: the comm.
        pages: the pages, and which of them has the lease.

    Attributes:
        current: the one in use, or None; it may be closed. Messages of its page are put in order with its frames.
    """

    def __init__(self, channel: Channel, pages: Pages) -> None:
        self.current: PageTransport | None = None
        self._channel = channel
        self._pages = pages
        self._count = 0
        self._newest: PageTransport | None = None
        self._leased = asyncio.Event()

    @property
    def page(self) -> str | None:
        """The page that holds an open socket."""
        return self.current.page if self.current is not None and not self.current.closed else None

    def live(self, page: str | None) -> bool:
        """Whether a page sends its microphone on its own socket."""
        return self.current is not None and self.current.live and self.current.page == page

    def adopt(self, *, page: bool) -> None:
        """Use the newest socket for the conversation from now on; or none, where no page carries it."""
        self.current = self._newest if page else None

    def receive(self, message: m.SocketMessage) -> None:
        """Act on a page's message about a socket; ignore one about a socket that was replaced."""
        for transport in self._known():
            if (transport.page, transport.number) == (message.page, message.socket):
                transport.receive(message)

    def _known(self) -> list[PageTransport]:
        known = [self.current] if self._newest is self.current else [self.current, self._newest]
        return [transport for transport in known if transport is not None]

    def in_order(self, page: str, act: Callable[[], None]) -> None:
        """Call `act` after the frames that the page mirrored before."""
        if self.current is not None and self.page == page:
            self.current.in_order(act)
        else:
            act()

    def follow_lease(self) -> None:
        """End the socket of a page that lost the lease, and wake those who wait for a page."""
        if self._pages.lease is not None:
            self._leased.set()
        for transport in self._known():
            if transport.page != self._pages.lease and not transport.closed:
                # The page may still be there: it must stop listening.
                self._channel.send(m.SocketClose(to=transport.page, socket=transport.number))
                transport.end(1006, _PAGE_GONE)

    async def open(self, url: str, secret: Callable[[], Awaitable[Secret]]) -> PageTransport:
        """Let the page that has the lease open a socket.

        Raises:
            ConnectError: there is no page, or it could not open one; says why.
        """
        page = await self._page()
        value = await secret()
        if self._pages.lease != page:
            raise ConnectError("the page that shows the card went away")
        if self._newest is not None and self._newest is not self.current:
            await self._newest.close()
        self._count += 1
        transport = self._newest = PageTransport(self._channel, page, self._count)
        self._channel.send(m.SocketOpen(to=page, socket=transport.number, url=url, secret=value.reveal()))
        try:
            async with asyncio.timeout(_OPENED_S):
                await asyncio.shield(transport.opened)
        except TimeoutError:
            await transport.close()
            raise ConnectError("the page did not say whether it could open the connection") from None
        except TransportClosed as closed:
            raise ConnectError(closed.reason or f"the page's connection was refused (code {closed.code})") from None
        except BaseException:
            await transport.close()
            raise
        return transport

    async def _page(self) -> str:
        if self._pages.lease is None:
            self._leased.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAGE_S):
                    await self._leased.wait()
        if self._pages.lease is None:
            raise ConnectError("no page shows the card")
        return self._pages.lease


class PageConnector:
    """Opens a socket in the page that has the lease, with a new client secret each time.

    Args:
        sockets: those of the widget's pages.
        endpoint: the service; its key is used only to mint the secret.

    Raises:
        ConfigError: an address that would carry a secret of its own into the page.
    """

    def __init__(self, sockets: PageSockets, endpoint: Endpoint) -> None:
        if safe_url(endpoint.url) != endpoint.url:
            raise ConfigError(
                f"{safe_url(endpoint.url)!r} holds a user, a password or a query that may be secret, and a page would "
                "see it: use transport='kernel'"
            )
        self._sockets = sockets
        self._endpoint = endpoint

    def __repr__(self) -> str:
        return f"PageConnector({self._endpoint.url!r})"

    def describe(self) -> str:
        """Return the address."""
        return self._endpoint.url

    async def connect(self) -> Transport:
        """Open it; raises `ConnectError` with the page's reason."""
        return await self._sockets.open(self._endpoint.url, self._mint)

    async def _mint(self) -> Secret:
        from realtime_nb.client.auth.client_secrets import mint  # loads the client: not before it is needed

        made = await mint(self._endpoint.url, await self._endpoint.all_headers(), {}, _SECRET_S)
        if not made.value.startswith("ek_"):
            raise ConnectError(
                f"{self._endpoint.url} made a client secret that does not begin with 'ek_': maybe a key, which no page "
                "gets",
                retryable=False,
            )
        return made.secret


def _act(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:
        _log.exception("a page's message could not be acted upon; the conversation goes on")
