"""Resolves a backend, which is `"auto"`, `"openai"`, `"azure"`, `"local"` or a URL, to an address with credentials.

Owns endpoints (address, headers, label, and a notice for the user), the choice of `"auto"`, and `connect()`. Must not
know widgets or comms.

Each key goes to one host only: `OPENAI_API_KEY` to OpenAI, or to `OPENAI_BASE_URL` if that is set; the keys of Azure's
variables to the Azure endpoint; the keys of local models to the servers of these models, from the local server's
process; any other address receives only a key that was passed for it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, cast
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from realtime_nb.client.auth.client_secrets import ClientSecret, mint
from realtime_nb.client.auth.credentials import bearer
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.events.handlers import OnHandlerError
from realtime_nb.client.reconnect.policy import Reconnect
from realtime_nb.client.settings import DEFAULT_MODEL, check_address, check_backend, is_local_models
from realtime_nb.client.transport.base import Transport
from realtime_nb.client.transport.connector import (
    DEFAULT_MAX_SIZE,
    DEFAULT_PING_INTERVAL_S,
    DEFAULT_PING_TIMEOUT_S,
    WebSocketConnector,
)
from realtime_nb.conversation import FREE, Billing, Prices
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address, refuse_key_in_url, refuse_wrong_address
from realtime_nb.keys.current import current_key
from realtime_nb.keys.secret import (
    ApiKey,
    Headers,
    Secret,
    check_headers,
    check_key,
    concealed,
    concealed_by_mistake,
    concealed_proxy,
    concealed_subprotocols,
    refuse_pickled_secret,
)
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import HIDDEN, safe_url, secrets_of
from realtime_nb.wire.realtime.validate import refuse_half_character

if TYPE_CHECKING:
    from realtime_nb.client.variant import Variant
    from realtime_nb.local import LocalServer
    from realtime_nb.local.models import LocalModels, ModelOptions

OPENAI_URL = "wss://api.openai.com/v1/realtime"
_SESSION_QUERY = ("model", "call_id", "intent")
_Key: TypeAlias = Secret | Callable[[], Any]


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
    api_key: _Key | None = None
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


def resolve(
    backend: str | Backend | ModelOptions = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    *,
    headers: Mapping[str, str] | Headers | None = None,
    call_id: str | None = None,
    intent: str | None = None,
) -> Endpoint:
    """Returns the endpoint of a backend; starts the local backend if it is chosen, which may take a second.

    Args:
        backend: `"auto"` (OpenAI if `OPENAI_API_KEY` is set or `api_key` given, else the local models that
            `REALTIME_NB_CHAT_URL` and its sisters name, else local), `"openai"`, `"azure"`, `"local"` (the practice
            backend), a `ws://` or `wss://` URL, a `Backend`, or an `rt.LocalModels`.
        model: the model; the hosted default is `DEFAULT_MODEL`, on Azure it is the deployment's name, and with local
            models it replaces `chat_model`.
        api_key: replaces the environment's key; or a function, synchronous or not, that returns a key or token and is
            called for every connection.
        headers: further headers.
        call_id: follows the session of a call (WebRTC or SIP), instead of a model's own session.
        intent: `"transcription"` for a session that transcribes, instead of a conversation with a model.

    Raises:
        ConfigError: an unknown backend, an invalid address, or a missing key; the message says how to give one.
    """
    headers, backend = Headers(headers), concealed_address(concealed_by_mistake(backend), "backend")
    key: Any = concealed(api_key)
    del api_key
    model, call_id, intent = map(concealed_by_mistake, (model, call_id, intent))
    check_headers(headers)
    check_key(key)
    refuse_wrong_address(backend)
    session = _session_query(model, call_id, intent)
    if isinstance(backend, Backend):
        return _at(backend, session, key or backend.api_key, Headers({**backend.headers, **headers}))
    if is_local_models(backend):
        if key:
            raise ConfigError("api_key= is for a Realtime service: give the keys of rt.LocalModels as chat_key=.")
        return _with_models(cast("ModelOptions", backend), session)
    check_backend(backend)
    backend = cast("str", backend)
    if "://" in backend:
        return _at(Backend(url=backend), session, key, headers)
    if backend == "auto":
        hosted = bool(key or os.environ.get("OPENAI_API_KEY", "").strip())
        return _openai(session, key, headers) if hosted else _without_key(session)
    if backend == "openai":
        return _openai(session, key, headers)
    if backend == "azure":
        return _azure(session, key, headers)
    return _local(session, chosen=True)


def _openai(session: Mapping[str, str], api_key: _Key | None, extra: Headers) -> Endpoint:
    key = _given(api_key, "OPENAI_API_KEY")
    if not key:
        raise ConfigError(
            "backend='openai' needs a key: set the environment variable OPENAI_API_KEY before the kernel starts, or "
            "pass api_key=. Without a key, backend='local' is a practice backend."
        )
    plain = {
        name: os.environ[variable]
        for variable, name in (("OPENAI_ORG_ID", "OpenAI-Organization"), ("OPENAI_PROJECT_ID", "OpenAI-Project"))
        if os.environ.get(variable)
    }
    label, url = _openai_session(session)
    return _with_key(key, bearer, {**plain, **extra}, name="openai", label=label, url=url)


def _openai_session(session: Mapping[str, str]) -> tuple[str, str]:
    """Returns the label and the whole address of a session."""
    address, label = _openai_address()
    _refuse_in_the_clear(address)
    if not session and not any(name in parse_qs(urlsplit(address).query) for name in _SESSION_QUERY):
        session = {"model": DEFAULT_MODEL}
    return label, _with_session(address, session)


def _openai_address() -> tuple[str, str]:
    """Returns the address and label; as in the official SDK, `OPENAI_BASE_URL` names another server for the key."""
    base = os.environ.get("OPENAI_BASE_URL", "").strip()
    if not base:
        return OPENAI_URL, "OpenAI"
    refuse_key_in_url(base, option="OPENAI_BASE_URL")
    parts = urlsplit(base)
    scheme = {"https": "wss", "http": "ws", "wss": "wss", "ws": "ws"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ConfigError(f"OPENAI_BASE_URL={safe_url(base)!r} is not an address such as https://host/v1")
    path = parts.path.rstrip("/")
    url = urlunsplit(
        (scheme, parts.netloc, path if path.endswith("/realtime") else f"{path}/realtime", parts.query, "")
    )
    return url, "OpenAI" if parts.hostname == urlsplit(OPENAI_URL).hostname else f"{parts.netloc} (OPENAI_BASE_URL)"


def _azure(session: Mapping[str, str], api_key: _Key | None, extra: Headers) -> Endpoint:
    base = os.environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    # A token in the environment has priority over a key there, as in the official SDK.
    token = None if api_key else _given(None, "AZURE_OPENAI_AD_TOKEN")
    key = token or _given(api_key, "AZURE_OPENAI_API_KEY")
    missing = [
        name
        for name, value in (
            ("AZURE_OPENAI_ENDPOINT", base),
            ("AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN (or api_key=)", key),
        )
        if not value
    ]
    if missing or not key:
        raise ConfigError(f"backend='azure' needs {' and '.join(missing)}")
    if not session:
        raise ConfigError("backend='azure' needs model=, the name of your deployment")
    base = base if "://" in base else f"https://{base}"
    refuse_key_in_url(base, option="AZURE_OPENAI_ENDPOINT")
    parts = urlsplit(base)
    if parts.scheme not in {"https", "wss"}:
        raise ConfigError(
            f"AZURE_OPENAI_ENDPOINT={safe_url(base)!r} must begin with https://, so that the key is not sent in the "
            "clear"
        )
    path = parts.path.rstrip("/")  # of a gateway before the service
    if not path.endswith("/realtime"):
        path = f"{path.removesuffix('/openai/v1').removesuffix('/openai')}/openai/v1/realtime"
    url = _with_session(urlunsplit(("wss", parts.netloc, path, parts.query, "")), session)
    return _with_key(
        key,
        bearer if token else _azure_headers,
        extra,
        name="azure",
        label=f"Azure OpenAI ({parts.hostname})",
        url=url,
    )


def _azure_headers(key: Secret) -> Headers:
    """Returns the header for a key, or for a token of Microsoft Entra, which is recognised as a JSON web token."""
    if key.reveal().startswith("eyJ") and key.reveal().count(".") == 2:
        return bearer(key)
    return Headers({"api-key": key.reveal()})


def _given(api_key: _Key | None, variable: str) -> _Key | None:
    """Returns the key that was passed, else the environment's, without the line end that a copied key often has."""
    if callable(api_key):
        return api_key
    key = (api_key or Secret(os.environ.get(variable, ""))).stripped()
    check_key(key, "api_key" if api_key else variable)
    return key or None


def _with_key(
    key: _Key, headers_of: Callable[[Secret], Headers], more: Mapping[str, str] | Headers, **endpoint: Any
) -> Endpoint:
    """Returns an endpoint whose headers hold the key; a function is called for it when a connection is opened."""
    if not callable(key):
        return Endpoint(headers=Headers({**headers_of(key), **more}), **endpoint)

    async def late() -> Headers:
        return headers_of(await current_key(key))

    return Endpoint(headers=Headers(more), late=late, **endpoint)


def _at(backend: Backend, session: Mapping[str, str], api_key: _Key | None, headers: Headers) -> Endpoint:
    url = backend.url
    check_address(url)
    in_protocol = any(isinstance(name, Secret) for name in backend.subprotocols)
    if (api_key or in_protocol or len(secrets_of(headers))) and not backend.allow_insecure:
        _refuse_in_the_clear(url)
    where: dict[str, Any] = {
        "name": "url",
        "label": urlsplit(url).netloc,
        "url": _with_session(url, session),
        "subprotocols": tuple(backend.subprotocols),
        "prices": FREE if backend.prices is None and _is_free(url) else backend.prices,
    }
    key = api_key.stripped() if isinstance(api_key, Secret) else api_key
    return _with_key(key, bearer, headers, **where) if key else Endpoint(headers=headers, **where)


def _refuse_in_the_clear(url: str) -> None:
    """Raise `ConfigError` where a key would travel unencrypted to another machine."""
    if urlsplit(url).scheme == "ws" and not is_loopback(urlsplit(url).hostname or ""):
        raise ConfigError(
            f"{safe_url(url)!r} is not encrypted, and the key would travel in the clear to another machine. Use "
            "wss://, or rt.Backend(url=..., api_key=..., allow_insecure=True) where you trust the network."
        )


def _with_session(url: str, session: Mapping[str, str]) -> str:
    """Adds the one of `?model=`, `?call_id=` and `?intent=` to an address that it names (docs/protocol.md 5)."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    _refuse_two([name for name in _SESSION_QUERY if name in query or name in session])
    for name, value in session.items():
        if query.get(name, [value])[0] != value:
            raise ConfigError(f"{name}={value!r}, but the URL says {name}={query[name][0]!r}: give it once")
    missing = {name: value for name, value in session.items() if name not in query}
    if not missing:
        return url
    joined = "&".join(filter(None, [parts.query, urlencode(missing)]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


def _session_query(model: str | None, call_id: str | None, intent: str | None) -> dict[str, str]:
    """The part of an address that says what the session is of."""
    if intent is not None and intent != "transcription":
        raise ConfigError(f"intent={intent!r} must be 'transcription', or None for a conversation")
    given = {"model": model, "call_id": call_id, "intent": intent}
    for name, value in given.items():
        if value is not None and (not isinstance(value, str) or not value):
            raise ConfigError(f"{name}={value!r} must be a text that is not empty, or None")
        if value is not None:
            refuse_half_character(name, value)
    session = {name: value for name, value in given.items() if value is not None}
    _refuse_two(list(session))
    return session


def _refuse_two(named: Sequence[str]) -> None:
    if len(named) > 1:
        raise ConfigError(
            f"{' and '.join(f'{name}=' for name in named)} exclude each other in an address: a session has a model, "
            "belongs to a call, or transcribes. Give one of them."
        )


def local_backend(
    backend: str | Backend | ModelOptions = "auto", api_key: ApiKey | None = None
) -> ModelOptions | Literal["local"] | None:
    """Returns which local backend would answer: its models, `"local"` for practice, or None for another server.

    It starts no backend.
    """
    key: Any = concealed(api_key)
    del api_key
    if backend == "auto" and not key and not os.environ.get("OPENAI_API_KEY", "").strip():
        from realtime_nb.local.models import LocalModels

        return LocalModels.from_environment() or "local"
    if is_local_models(backend):
        return cast("ModelOptions", backend)
    return "local" if backend == "local" else None


def address_and_billing(
    backend: str | Backend | ModelOptions = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    *,
    needs_key: bool = True,
) -> tuple[str, Billing]:
    """Returns which server would answer, without credentials, and how it is paid for.

    Unlike `resolve` it starts no local backend, whose address would be another one each time: it is named by what
    answers there.

    Args:
        backend: as for `resolve`.
        model: as for `resolve`.
        api_key: as for `resolve`.
        needs_key: whether a missing key of OpenAI's is refused. A price can be told without one.

    Raises:
        ConfigError: as for `resolve`.
    """
    key: Any = concealed(api_key)
    del api_key
    backend = concealed_address(concealed_by_mistake(backend), "backend")
    local = local_backend(backend, key)
    if local == "local":
        return "local", Billing(FREE, model)
    if local is not None:
        return repr(local), Billing(FREE if local.whereabouts is None else None, model)
    if backend == "openai" and not needs_key:
        label, url = _openai_session(_session_query(model, None, None))
        endpoint = Endpoint(name="openai", label=label, url=url)
    else:
        endpoint = resolve(backend, model, key)
    return safe_url(endpoint.url), endpoint.billing


# The local backend: a process for each set of models, which `realtime_nb/local/servers.py` starts and stops. It is
# imported at first use, because most sessions do not need it.


def _without_key(session: Mapping[str, str]) -> Endpoint:
    from realtime_nb.local.models import LocalModels

    models = LocalModels.from_environment()
    return _local(session, chosen=False) if models is None else _with_models(models, session)


def _local(session: Mapping[str, str], *, chosen: bool) -> Endpoint:
    why = (
        ""
        if chosen
        else "Neither OPENAI_API_KEY nor REALTIME_NB_CHAT_URL is set, so this is the local practice backend; set one "
        "to talk with a model. "
    )
    return _served(session, None, why)


def _with_models(models: ModelOptions, session: Mapping[str, str]) -> Endpoint:
    # Each chat model has a server of its own: the address of a session names none.
    others = {name: value for name, value in session.items() if name != "model"}
    return _served(others, models.resolved(chat_model=session.get("model")), "")


def _served(session: Mapping[str, str], models: ModelOptions | None, why: str) -> Endpoint:
    from realtime_nb.local import servers

    server = servers.running(models)
    return Endpoint(
        name="local",
        label=server.label,
        url=_with_session(server.url, session),
        headers=bearer(Secret(server.token)) if server.token else Headers(),
        notice=f"{why}{server.notice or ''}".strip() or None,
        prices=FREE if server.is_free else None,
        server=server,
        models=models,
    )


def _is_free(url: str) -> bool:
    """Whether an address is that of a server that this process runs, and whose answers cost nothing."""
    addresses = sys.modules.get("realtime_nb.local.free_addresses")  # where it is not loaded, no server runs
    return addresses is not None and addresses.is_free_at(url)


def identity_at(address: str) -> str | None:
    """Returns what is the same for all servers of this process that answer as the one at an address; None: nothing."""
    addresses = sys.modules.get("realtime_nb.local.free_addresses")
    found: str | None = addresses.identity_at(address) if addresses is not None and "://" in address else None
    return found


def stop_local() -> None:
    """Stops the local servers of this process; the next use starts another."""
    servers = sys.modules.get("realtime_nb.local.servers")
    if servers is not None:
        servers.stop_all()


class BackendConnector:
    """Opens websockets to a backend, which is resolved again for each connection.

    A local backend that died has another port when it is started again, and a key may have been replaced.

    Args:
        backend: as for `resolve`; or an `Endpoint`, which is used for the first connection.
        model: as for `resolve`.
        api_key: as for `resolve`.
        headers: as for `resolve`.
        call_id: as for `resolve`.
        intent: as for `resolve`.
        **options: as for `WebSocketConnector`.
    """

    def __init__(
        self,
        backend: str | Backend | ModelOptions | Endpoint = "auto",
        model: str | None = None,
        api_key: ApiKey | None = None,
        headers: Mapping[str, str] | Headers | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        **options: Any,
    ) -> None:
        headers = Headers(headers)
        self._endpoint = backend if isinstance(backend, Endpoint) else None
        model, api_key = concealed_by_mistake(model), concealed(api_key)
        backend = concealed_address(concealed_by_mistake(backend), "backend")
        check_headers(headers)
        check_key(api_key)
        refuse_wrong_address(backend)
        if isinstance(backend, (str, Secret)):
            check_backend(backend)
        elif is_local_models(backend) and api_key:
            raise ConfigError("api_key= is for a Realtime service: give the keys of rt.LocalModels as chat_key=.")
        self._backend = backend
        self._rest = (model, api_key)
        self._session = {"call_id": call_id, "intent": intent}
        if not isinstance(backend, Endpoint):
            _session_query(model, call_id, intent)  # refuses what cannot be before any connection
        self._headers = headers
        self._options = options
        self._used = False

    @property
    def billing(self) -> Billing | None:
        """How responses are paid for; None while the backend is not resolved."""
        return self._endpoint.billing if self._endpoint is not None else None

    def describe(self) -> str:
        """Returns the address without credentials, or the backend's name while it is not resolved."""
        if self._endpoint is not None:
            return safe_url(self._endpoint.url)
        if isinstance(self._backend, Backend):
            named = self._backend.url
        else:
            named = self._backend if isinstance(self._backend, str) else getattr(self._backend, "chat_url", "")
        return safe_url(named) if "://" in named else f"the backend {named!r}"

    async def connect(self) -> Transport:
        """Resolves the backend, which may start the local one, and opens a websocket to it."""
        if self._endpoint is None or self._used:
            # In a thread, because starting the local backend blocks.
            self._endpoint = await asyncio.to_thread(self._look_up)
        self._used = True
        return await self._endpoint.connector(**self._options).connect()

    def _look_up(self) -> Endpoint:
        backend = self._backend
        if isinstance(backend, Endpoint):
            if backend.name == "url":
                return backend
            backend = backend.models or backend.name  # not "auto" again: a conversation keeps its backend
        model, api_key = self._rest
        return resolve(backend, model, api_key, headers=self._headers, **self._session)


def connector_of(
    variant: Variant,
    *,
    backend: str | Backend | ModelOptions = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    **options: Any,
) -> BackendConnector:
    """Returns the connector for the sessions of a variant; resolves nothing yet.

    Args:
        variant: its own backend and model replace the others. Its own backend gets no `api_key` of another, and its
            own `rt.LocalModels` keep their chat model.
        backend: as for `resolve`, for variants without one.
        model: as for `resolve`, for variants without one.
        api_key: as for `resolve`, for `backend` only.
        **options: as for `WebSocketConnector`.

    Raises:
        ConfigError: a backend, model or key that cannot be.
    """
    api_key = concealed(api_key)
    own = variant.backend
    if own is None:
        return BackendConnector(backend, variant.model or model, api_key, **options)
    if own != backend:
        api_key = None
    named = variant.model or (None if is_local_models(own) else model)
    return BackendConnector(own, named, api_key, **options)


def connect(
    *,
    backend: str | Backend | LocalModels = "auto",
    model: str | None = None,
    call_id: str | None = None,
    intent: str | None = None,
    url: str | None = None,
    api_key: ApiKey | None = None,
    headers: Mapping[str, str] | Headers | None = None,
    max_size: int = DEFAULT_MAX_SIZE,
    proxy: str | Literal[True] | None = True,
    user_agent: str | None = None,
    open_timeout_s: float = 15.0,
    ping_interval_s: float | None = DEFAULT_PING_INTERVAL_S,
    ping_timeout_s: float | None = DEFAULT_PING_TIMEOUT_S,
    executor: Executor | None = None,
    on_handler_error: OnHandlerError | None = None,
    buffer: int = 4096,
    reconnect: bool | Reconnect = False,
) -> RealtimeConnection:
    """Returns a connection to a Realtime server, without a widget; `async with` or `await` opens it.

    Before it is open, handlers can be registered, and events that are sent wait.

    Args:
        backend: as for `resolve`.
        model: as for `resolve`.
        call_id: as for `resolve`; follows a call's session beside it.
        intent: as for `resolve`.
        api_key: as for `resolve`.
        headers: as for `resolve`.
        url: a `ws://` or `wss://` address, instead of `backend`.
        max_size: the size in bytes of the largest frame accepted (docs/protocol.md 6).
        proxy: True for the system's proxy, None for no proxy, or an address.
        user_agent: the header of that name.
        open_timeout_s: the time limit of the handshake, and then of `session.created`.
        ping_interval_s: seconds between two websocket pings; None sends none.
        ping_timeout_s: a connection that has not answered a ping after this time is lost; None waits for ever.
        executor: runs synchronous handlers.
        on_handler_error: is called with the exceptions of handlers.
        buffer: the number of events kept for `recv` and `async for`.
        reconnect: True or an `rt.Reconnect` to go on after a lost connection: the conversation and the settings are
            restored in a new session, events sent meanwhile wait, and `"reconnecting"` and `"reconnected"` report it.

    Example:
        >>> async with rt.connect(backend="local") as conn:  # doctest: +SKIP
        ...     await conn.conversation.item.create(item=rt.user_message("Say hello!"))
        ...     await conn.response.create()
        ...     async for event in conn:
        ...         if event.type == "response.done":
        ...             break

    Raises:
        ConfigError: an option is invalid.
        ConnectError: the connection failed; the message names the host, the status and the remedy.
    """
    # First of all: a verbose traceback shows the variables of this call.
    api_key, proxy, headers = concealed(api_key), concealed_proxy(proxy), Headers(headers)
    backend, url, model, call_id, intent = map(concealed_by_mistake, (backend, url, model, call_id, intent))
    backend, url = concealed_address(backend, "backend"), concealed_address(url)
    refuse_wrong_address(url)
    refuse_wrong_address(backend)
    if isinstance(url, Secret):
        raise ConfigError(f"url={url!r} must be a ws:// or wss:// address; a key is api_key=")
    if url is not None and backend != "auto":
        raise ConfigError(f"url={safe_url(url)!r} and backend={backend!r} exclude each other: give one")
    connector = BackendConnector(
        url if url is not None else backend,
        model,
        api_key,
        headers,
        call_id,
        intent,
        max_size=max_size,
        proxy=proxy,
        user_agent=user_agent,
        open_timeout_s=open_timeout_s,
        ping_interval_s=ping_interval_s,
        ping_timeout_s=ping_timeout_s,
    )
    return RealtimeConnection(
        connector,
        executor=executor,
        on_handler_error=on_handler_error,
        session_timeout_s=open_timeout_s,
        buffer=buffer,
        reconnect=reconnect,
    )


async def create_client_secret(
    session: Mapping[str, Any] | None = None,
    ttl_s: int = 600,
    *,
    backend: str | Backend | LocalModels = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
) -> ClientSecret:
    """Makes a client secret: a short-lived key for a browser, which can open sessions until `expires_at`.

    Args:
        session: the initial configuration of the sessions that it opens.
        ttl_s: 10 to 7200 seconds.
        backend: as for `resolve`.
        model: as for `resolve`.
        api_key: as for `resolve`.

    Raises:
        ConfigError: an option is invalid.
        ConnectError: the server could not be reached, or refused.
    """
    api_key, model = concealed(api_key), concealed_by_mistake(model)
    backend = concealed_address(concealed_by_mistake(backend), "backend")
    endpoint = await asyncio.to_thread(resolve, backend, model, api_key)
    return await mint(endpoint.url, await endpoint.all_headers(), session or {}, ttl_s)
