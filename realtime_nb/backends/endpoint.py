"""`Endpoint`: the address of a resolved backend, with credentials, label and notice.

Owns what is known of a server before it is connected to. Must not know how a backend is chosen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs, urlsplit

from realtime_nb.client.transport.connector import WebSocketConnector
from realtime_nb.conversation import Billing, Prices
from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import Headers
from realtime_nb.redact import safe_url

if TYPE_CHECKING:
    from realtime_nb.local import LocalServer
    from realtime_nb.local.models import ModelOptions


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The address of a backend, with its credentials, label and notice.

    Attributes:
        name: `"openai"`, `"azure"`, `"local"` or `"url"`.
        label: the backend's name in the card.
        url: the whole address, with its query.
        headers: of the handshake, credentials included; never shown.
        notice: a sentence for the user, or None.
        late: returns the headers that are known only when a connection is opened; None if all are known.
        subprotocols: offered in the handshake.
        prices: what a response costs; None: what the model's public prices say.
        server: the local server of this process at this address, or None.
        models: the local models behind it, or None.
    """

    name: str
    label: str
    url: str
    headers: Headers = field(default_factory=Headers, repr=False)
    notice: str | None = None
    late: Callable[[], Awaitable[Headers]] | None = field(default=None, repr=False)
    subprotocols: Sequence[str] = ()
    prices: Prices | None = None
    server: LocalServer | None = field(default=None, repr=False)
    models: ModelOptions | None = None

    @property
    def whereabouts(self) -> str | None:
        """To which hosts beyond this machine the local models send words and sound, or None."""
        return self.models.whereabouts if self.models is not None else None

    @property
    def hearing(self) -> str | None:
        """Why the local server does not recognise free speech, with the next step; or None."""
        return self.server.hearing if self.server is not None else None

    @property
    def progress(self) -> str | None:
        """What the local server reports of downloads under way, or None."""
        return self.server.progress if self.server is not None else None

    @property
    def problem(self) -> str | None:
        """Why the local server's language model cannot answer, and which downloads failed, or None."""
        return self.server.problem if self.server is not None else None

    @property
    def billing(self) -> Billing:
        """How the responses of this backend are paid for."""
        # On Azure the address names a deployment, which may have any name: the server says which model it is.
        named = [] if self.name == "azure" else parse_qs(urlsplit(self.url).query).get("model", [])
        return Billing(self.prices, named[0] if named else None)

    def __repr__(self) -> str:
        return (
            f"Endpoint(name={self.name!r}, label={self.label!r}, url={safe_url(self.url)!r}, headers={self.headers!r})"
        )

    def __copy__(self) -> Endpoint:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Endpoint:
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigError("An endpoint is not pickled, since it holds credentials: pickle its rt.Backend.")

    def connector(self, **options: Any) -> WebSocketConnector:
        """Returns a connector that opens a websocket to this address; options as for `WebSocketConnector`."""
        return WebSocketConnector(self.url, self.headers, late=self.late, subprotocols=self.subprotocols, **options)

    async def all_headers(self) -> Headers:
        """Returns all headers for a request that is made now."""
        return self.headers if self.late is None else Headers({**await self.late(), **self.headers})
