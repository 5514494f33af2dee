"""Which transport carries the conversation: the one that the user asked for, or the other one and why.

Owns the choice, the fallback to the kernel's own socket, and the sentence about it. Must not know sessions or how
frames move.

`Transports.connector` makes a new `Connector` for each connection of the conversation: it leads to the page that has
the lease then, or to the kernel's own socket where no page can open one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.notebook.browser.transport import PageConnector, PageSockets

if TYPE_CHECKING:
    from realtime_nb.backends import Endpoint
    from realtime_nb.client.transport.base import Connector, Transport

TransportName: TypeAlias = Literal["kernel", "browser"]
_log = logging.getLogger("realtime_nb")


def check_transport(value: object) -> TransportName:
    """Return `"kernel"` or `"browser"`; raise `ConfigError` for any other value."""
    if value == "kernel" or value == "browser":
        return value
    raise ConfigError(
        f"transport={value!r} must be 'kernel' (the microphone goes over the comm to a websocket in the kernel) or "
        "'browser' (the page holds the websocket)."
    )


class TransportInUse:
    """Which transport carries the conversation, and why it is not the chosen one.

    Attributes:
        name: the transport; before there is a connection, the choice.
        why: why `name` is not the choice, in a sentence; None where it is.
    """

    def __init__(self, name: TransportName) -> None:
        self.name = name
        self.why: str | None = None
        self._warned = False

    def connected(self, name: TransportName, why: str | None = None) -> None:
        """Note which transport carries the conversation now, and warn once where the choice was not possible."""
        if why is not None and not self._warned:
            self._warned = True
            _log.warning("transport='browser' is not possible here: %s The kernel's own connection is used.", why)
        self.name, self.why = name, why

    def chosen(self, name: TransportName) -> None:
        """Note another choice, about which a warning may come again."""
        self._warned = False
        self.connected(name)


class Transports:
    """Chooses between the page's socket and the kernel's for each connection of one widget.

    Args:
        sockets: those of its pages.
        wanted: the user's choice.

    Attributes:
        wanted: the choice for the next connection.
    """

    def __init__(self, sockets: PageSockets, wanted: TransportName) -> None:
        self.wanted: TransportName = wanted
        self._sockets = sockets
        self._in_use = TransportInUse(wanted)

    @property
    def used(self) -> TransportName:
        """What carries the conversation; before there is a connection, the choice."""
        return self._in_use.name

    @property
    def why(self) -> str | None:
        """Why `used` is not the choice, in a sentence; None where it is."""
        return self._in_use.why

    def connector(
        self, endpoint: Endpoint, kernel: Connector, wanted: TransportName | None = None, why: str | None = None
    ) -> Connector:
        """Return how to open the next connection to `endpoint`.

        Args:
            endpoint: the service.
            kernel: opens the kernel's own socket to it.
            wanted: a choice other than `self.wanted`.
            why: why it is not `self.wanted`, in a sentence, where the user did not ask for the change.

        Raises:
            ConfigError: no page may connect to this service.
        """
        if (wanted or self.wanted) == "kernel":
            return _ChosenConnector(None, kernel, self._in_use, why)
        refuse_in_a_page(endpoint)
        return _ChosenConnector(PageConnector(self._sockets, endpoint), kernel, self._in_use)

    def choose(self, name: TransportName) -> None:
        """Set the user's choice for the next connection."""
        self.wanted = name
        self._in_use.chosen(name)


def refuse_in_a_page(endpoint: Endpoint) -> None:
    """Raise `ConfigError` for Azure: its websockets accept no browser, and its key opens more than one session."""
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
    if endpoint.subprotocols:
        raise ConfigError(
            f"transport='browser' is not possible with subprotocols={list(endpoint.subprotocols)!r}: a page offers its "
            "client secret as a subprotocol. Use transport='kernel'."
        )


class _ChosenConnector:
    """Opens the page's socket, or the kernel's where there is no page or it cannot, and notes which and why."""

    def __init__(
        self, page: Connector | None, kernel: Connector, in_use: TransportInUse, why: str | None = None
    ) -> None:
        self._why = why
        self._page = page
        self._kernel = kernel
        self._in_use = in_use

    def __repr__(self) -> str:
        return repr(self._page or self._kernel)

    def describe(self) -> str:
        return self._kernel.describe()

    async def connect(self) -> Transport:
        why = self._why
        if self._page is not None:
            try:
                transport = await self._page.connect()
            except ConnectError as error:
                why = str(error)
                why = f"{why[:1].upper()}{why[1:].rstrip('.')}."
            else:
                self._in_use.connected("browser")
                return transport
        transport = await self._kernel.connect()
        self._in_use.connected("kernel", why)
        return transport
