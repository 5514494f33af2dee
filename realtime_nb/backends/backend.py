"""`rt.Backend`: any server that speaks the Realtime API, as a user describes it.

Owns the checks of its options, and how it is shown and pickled without its key. Must not know how it is connected to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from realtime_nb.conversation import Prices
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address, refuse_wrong_address
from realtime_nb.keys.secret import (
    ApiKey,
    Headers,
    Secret,
    check_headers,
    check_key,
    concealed,
    concealed_by_mistake,
    concealed_subprotocols,
    refuse_pickled_secret,
)
from realtime_nb.redact import HIDDEN, safe_url

Key: TypeAlias = Secret | Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Any server that speaks the Realtime API.

    Attributes:
        url: `ws://` or `wss://`; a query, such as `?model=`, is kept.
        api_key: sent as `Authorization: Bearer`; or a function that returns it for each connection, such as
            `rt.EnvKey("MY_KEY")`; kept as a value that shows it nowhere.
        headers: further headers of the handshake; their values are never shown.
        subprotocols: offered in the handshake, in this order.
        allow_insecure: whether a key may travel over `ws://` to another machine, where everyone on the way reads it.
        prices: what a response costs, as `rt.Prices(...)`; None: what the model's public prices say. Needed for
            `max_cost_usd` with a model whose prices this package does not have.

    A pickle never holds a key. It holds the name of a key's function; for a key given as text, the name of an
    environment variable with the same text, which is read where the pickle is used; where there is none, pickling
    raises `ConfigError`.

    Raises:
        ConfigError: a key or a header of another type, or with characters that no header can carry.
    """

    url: str
    api_key: Key | None = None
    headers: Headers = field(default_factory=Headers)
    subprotocols: Sequence[Any] = ()
    allow_insecure: bool = False
    prices: Prices | None = None

    def __init__(
        self,
        *,
        url: str,
        api_key: ApiKey | None = None,
        headers: Mapping[str, str] | Headers | None = None,
        subprotocols: Sequence[str] = (),
        allow_insecure: bool = False,
        prices: Prices | None = None,
    ) -> None:
        # First of all: a verbose traceback shows the variables of this call.
        api_key, headers, url = concealed(api_key), Headers(headers), concealed_address(concealed_by_mistake(url))
        subprotocols = concealed_subprotocols(subprotocols)
        refuse_wrong_address(url)
        check_key(api_key)
        check_headers(headers)
        if not isinstance(url, str):
            raise ConfigError(f"url={url!r} must be a ws:// or wss:// address; a key is api_key=")
        if prices is not None and not isinstance(prices, Prices):
            raise ConfigError(
                f"prices={prices!r} must be an rt.Prices(...), in US dollars for a million tokens, or None."
            )
        values = {
            "url": url,
            "api_key": api_key,
            "headers": headers,
            "subprotocols": subprotocols,
            "allow_insecure": allow_insecure,
            "prices": prices,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        if "url" not in vars(self):
            return "Backend(...)"  # not made: a verbose traceback shows it where an option was refused
        key = HIDDEN if isinstance(self.api_key, Secret) else self.api_key
        words = [f"url={safe_url(self.url)!r}", f"api_key={key!r}", f"headers={self.headers!r}"]
        # Those with a key are kept as a `Secret`, which shows nothing.
        words += [f"subprotocols={self.subprotocols!r}"] if self.subprotocols else []
        words += ["allow_insecure=True"] if self.allow_insecure else []
        words += [f"prices={self.prices!r}"] if self.prices is not None else []
        return f"Backend({', '.join(words)})"

    def __copy__(self) -> Backend:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Backend:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled; raises `ConfigError` where that would hold a key (see `Secret`)."""
        if callable(self.api_key):
            refuse_pickled_secret(self.api_key)
        return dict(vars(self))
