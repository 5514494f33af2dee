"""The socket that a page holds, as a `Transport`: the same conversation, with sound that a busy kernel cannot stop.

Owns the kernel's end of it: opening it with a client secret, the frames that the page mirrors, the frames that it shall
send, and its end with the page. Must not know events, sessions or traits. Runs on the loop only.

The page decodes sound and sends the microphone by itself; here arrives the same stream of frames as on a socket of the
kernel's own, only later when the kernel was busy. Two invariants make that late stream as good as a punctual one:

- What a page says is acted upon in the order in which it said it, frames included: a report of what was played must
  not overtake the sound that it is about. So `in_order` puts everything else that this page says into the same queue
  that `recv` empties.
- No frame is lost unseen. The comm gives up a message that never comes; parts are counted, and a hole ends the
  transport.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping

from realtime_nb.client.auth.redact import safe_url
from realtime_nb.client.transport.base import Transport, TransportClosed
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.lease import Pages

__all__ = ["PageConnector", "PageSockets", "PageTransport"]

_log = logging.getLogger("realtime_nb")
_MAX_FRAME = 16 * 2**20
_PAGE_S = 3.0
"""How long to wait for a page: the cell that makes the widget runs before the page shows it."""
_OPENED_S = 8.0
"""A page says after 5 s that nobody answered; this is for a page that says nothing."""
_SECRET_S = 60
"""A client secret only has to open one socket; the session goes on when it has expired."""
_PAGE_GONE = "the page that held the connection is gone, or another one has the sound now"


class PageTransport:
    """One socket of one page.

    Args:
        channel: the comm.
        page: the page that holds it.
        number: of the socket; the page knows it by that.

    Attributes:
        live: the page puts its microphone on the socket.
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
        """Whether it has ended; frames that came before may still wait to be received."""
        return self._end is not None

    async def send(self, frame: bytes | str) -> None:
        """Let the page send one frame."""
        if self._end is not None:
            raise self._end
        data = memoryview(frame.encode() if isinstance(frame, str) else frame)
        for start in range(0, len(data), m.PART_BYTES):
            part = bytes(data[start : start + m.PART_BYTES])
            last = start + m.PART_BYTES >= len(data)
            self._channel.send(m.SocketSend(to=self.page, socket=self.number, part=self._sent, last=last), sound=part)
            self._sent += 1

    async def recv(self) -> bytes | str:
        """The next frame that came to the page."""
        while True:
            # A turn of the loop between any two: what one frame set going has begun before the next one counts.
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
            self._channel.send(m.SocketClose(to=self.page, socket=self.number))
            self.end(code, reason)
            self._drop()

    def hold(self, on: bool, since: int = 0) -> None:
        """Keep the page's microphone from the socket, or let it in from its frame `since` on; in order with frames."""
        if self._end is None:
            self.live = not on
            self._channel.send(m.SocketHold(to=self.page, socket=self.number, on=on, since=since))

    def take(self, message: m.SocketMessage) -> None:
        """What the page says of the socket."""
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
        """Do something when all frames were received that the page mirrored before."""
        self._stream.append(act)
        self._ready.set()

    def end(self, code: int, reason: str) -> None:
        """Nothing more comes or goes."""
        if self._end is not None:
            return
        self._end = TransportClosed(code, reason)
        self.live = False
        self._ready.set()
        if not self.opened.done():
            self.opened.set_exception(self._end)

    def _drop(self) -> None:
        """Nobody wants the frames any more; what else the page said still counts."""
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
    """The sockets of a widget's pages: the one in use, and for moments one that shall take its place.

    Args:
        channel: the comm.
        pages: who is there.

    Attributes:
        current: the one in use, or None; it may be closed. What pages say is put in order with its frames, and a new
            one is not read before it is adopted.
    """

    def __init__(self, channel: Channel, pages: Pages) -> None:
        self.current: PageTransport | None = None
        self._channel = channel
        self._pages = pages
        pages.holder = lambda: self.page
        self._count = 0
        self._newest: PageTransport | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def page(self) -> str | None:
        """The page that holds an open socket."""
        return self.current.page if self.current is not None and not self.current.closed else None

    def live(self, page: str | None) -> bool:
        """Whether a page puts its microphone on its own socket."""
        return self.current is not None and self.current.live and self.current.page == page

    def adopt(self, *, page: bool) -> None:
        """The conversation goes over the newest socket from now on; or, where no page carries it, over none."""
        self.current = self._newest if page else None

    def take(self, message: m.SocketMessage) -> None:
        """A page's message about a socket; one of a socket that is over falls on the floor."""
        for transport in self._known():
            if (transport.page, transport.number) == (message.page, message.socket):
                transport.take(message)

    def _known(self) -> list[PageTransport]:
        known = [self.current] if self._newest is self.current else [self.current, self._newest]
        return [transport for transport in known if transport is not None]

    def in_order(self, page: str, act: Callable[[], None]) -> None:
        """Do what a page wants, after the frames that it mirrored before."""
        if self.current is not None and self.page == page:
            self.current.in_order(act)
        else:
            act()

    def look(self) -> None:
        """Pages came, went or took the sound: the socket ends with its page's lease."""
        if self._pages.lease is not None:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()
        for transport in self._known():
            if transport.page != self._pages.lease and not transport.closed:
                # If it still lives, it shall not go on listening for nobody.
                self._channel.send(m.SocketClose(to=transport.page, socket=transport.number))
                transport.end(1006, _PAGE_GONE)

    async def open(self, url: str, secret: Callable[[], asyncio.Future[str]]) -> PageTransport:
        """Let the page that has the sound open a socket.

        Raises:
            ConnectError: there is no page, or it could not; says why.
        """
        page = await self._page()
        value = await secret()
        if self._pages.lease != page:
            raise ConnectError("the page that shows the card went away")
        if self._newest is not None and self._newest is not self.current:
            await self._newest.close()
        self._count += 1
        transport = self._newest = PageTransport(self._channel, page, self._count)
        self._channel.send(m.SocketOpen(to=page, socket=transport.number, url=url, secret=value))
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
            came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(came)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAGE_S):
                    await came
        if self._pages.lease is None:
            raise ConnectError("no page shows the card")
        return self._pages.lease


class PageConnector:
    """Opens a socket in the page that has the sound, with a client secret of its own each time.

    Args:
        sockets: the widget's.
        url: the service's address.
        headers: with the key; used to mint the secret, and for nothing else.

    Raises:
        ConfigError: an address that would carry a secret of its own into the page.
    """

    def __init__(self, sockets: PageSockets, url: str, headers: Mapping[str, str]) -> None:
        if safe_url(url) != url:
            raise ConfigError(
                f"{safe_url(url)!r} holds a user, a password or a query that may be secret, and a page would see it: "
                "use transport='kernel'"
            )
        self._sockets = sockets
        self._url = url
        self._headers = dict(headers)

    def __repr__(self) -> str:
        return f"PageConnector({self._url!r})"

    def describe(self) -> str:
        """The address."""
        return self._url

    async def connect(self) -> Transport:
        """Open it; raises `ConnectError`, which says what the page said."""
        return await self._sockets.open(self._url, lambda: asyncio.ensure_future(self._mint()))

    async def _mint(self) -> str:
        from realtime_nb.client.auth.client_secrets import mint  # with it comes the client, which nobody needs before

        made = await mint(self._url, self._headers, {}, _SECRET_S)
        if not made.value.startswith("ek_"):
            raise ConnectError(
                f"{self._url} made a client secret that does not begin with 'ek_': maybe a key, which no page gets",
                retryable=False,
            )
        return made.value


def _act(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:
        _log.exception("a page's message could not be acted upon; the conversation goes on")
