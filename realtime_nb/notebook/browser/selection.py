"""Which transport carries the conversation: the one that was asked for, or the other, and why.

Owns the choice, the fallback, and what is said of it. Must not know sessions or how frames move.

Both are `Connector`s of the client, made anew for each endpoint: whoever opens another connection of the conversation
asks for one here, and gets the page that has the sound then, or the kernel's own socket where no page can.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.notebook.browser.transport import PageConnector, PageSockets

if TYPE_CHECKING:
    from realtime_nb.backends import Endpoint
    from realtime_nb.client.transport.base import Connector, Transport

__all__ = ["TransportName", "Transports", "check_transport"]

TransportName: TypeAlias = Literal["kernel", "browser"]
_log = logging.getLogger("realtime_nb")


def check_transport(value: object) -> TransportName:
    """`"kernel"` or `"browser"`; anything else raises `ConfigError`."""
    if value == "kernel" or value == "browser":
        return value
    raise ConfigError(
        f"transport={value!r} must be 'kernel' (the microphone goes over the comm to a websocket in the kernel) or "
        "'browser' (the page holds the websocket)."
    )


class Transports:
    """The choice of one widget.

    Args:
        sockets: of its pages.
        changed: called when `used` or `why` is another.
        kernel: makes the connector of the kernel's own socket.
        wanted: what the user asked for.

    Attributes:
        wanted: what the next connection begins with.
        used: what carries the conversation; before there is one, what is wanted.
        why: why it is not what was wanted, in a sentence; None where it is.
    """

    def __init__(
        self,
        sockets: PageSockets,
        changed: Callable[[], None],
        kernel: Callable[[Endpoint], Connector],
        wanted: TransportName,
    ) -> None:
        self.wanted: TransportName = wanted
        self.used: TransportName = wanted
        self.why: str | None = None
        self._sockets = sockets
        self._changed = changed
        self._kernel = kernel
        self._warned = False

    def connector(self, endpoint: Endpoint, wanted: TransportName | None = None) -> Connector:
        """How to open the next connection to `endpoint`.

        Raises:
            ConfigError: a service that gives no page a connection; nothing was sent.
        """
        kernel = self._kernel(endpoint)
        if (wanted or self.wanted) == "kernel":
            return _Said(kernel, lambda: self.use("kernel"))
        refuse_in_a_page(endpoint)
        return _PageOrKernel(PageConnector(self._sockets, endpoint.url, endpoint.headers), kernel, self)

    def use(self, name: TransportName, why: str | None = None) -> None:
        """Note what carries the conversation now, and say it once where it is not what was wanted."""
        if why is not None and not self._warned:
            self._warned = True
            _log.warning("transport='browser' is not possible here: %s The kernel's own connection is used.", why)
        if (name, why) != (self.used, self.why):
            self.used, self.why = name, why
            self._changed()

    def want(self, name: TransportName) -> None:
        """The user's choice for the next connection."""
        self.wanted = name
        self._warned = False
        self.use(name)


def refuse_in_a_page(endpoint: Endpoint) -> None:
    """Raise `ConfigError` for Azure: its documentation supports no browser, and its key opens more than a session."""
    host = urlsplit(endpoint.url).hostname or ""
    if (
        endpoint.name == "azure"
        or host.endswith(".azure.com")
        or "api-key" in {name.lower() for name in endpoint.headers}
    ):
        raise ConfigError(
            "transport='browser' is not possible with Azure OpenAI, whose websockets no page may open: use "
            "transport='kernel'."
        )


class _Said:
    """A connector that says when it has connected."""

    def __init__(self, connector: Connector, connected: Callable[[], None]) -> None:
        self._connector = connector
        self._connected = connected

    def __repr__(self) -> str:
        return repr(self._connector)

    def describe(self) -> str:
        return self._connector.describe()

    async def connect(self) -> Transport:
        transport = await self._connector.connect()
        self._connected()
        return transport


class _PageOrKernel:
    """The page's socket, or the kernel's where the page cannot: then it is said, and why."""

    def __init__(self, page: Connector, kernel: Connector, transports: Transports) -> None:
        self._page = page
        self._kernel = kernel
        self._transports = transports

    def __repr__(self) -> str:
        return repr(self._page)

    def describe(self) -> str:
        return self._kernel.describe()

    async def connect(self) -> Transport:
        try:
            transport = await self._page.connect()
        except ConnectError as error:
            why = str(error)
        else:
            self._transports.use("browser")
            return transport
        transport = await self._kernel.connect()
        self._transports.use("kernel", f"{why[:1].upper()}{why[1:].rstrip('.')}.")
        return transport
