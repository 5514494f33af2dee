"""What `"auto"`, `"openai"`, `"azure"`, `"local"` or a URL means.

Owns endpoints: address, credentials, label, and the notice that a person should see; starts the local backend when
one is wanted; `connect()`. Must not know widgets or comms.

A key goes only where it belongs: `OPENAI_API_KEY` to OpenAI's host, or where `OPENAI_BASE_URL` says; the keys of
Azure's variables to the Azure endpoint; and to any other address only a key that was given for it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from realtime_nb.client.auth.client_secrets import ClientSecret, mint
from realtime_nb.client.auth.credentials import (
    ApiKey,
    Headers,
    Secret,
    bearer,
    concealed,
    current_key,
    refuse_key_in_url,
)
from realtime_nb.client.auth.redact import HIDDEN, redacted_headers, safe_url
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.events.handlers import OnHandlerError
from realtime_nb.client.reconnect.policy import Reconnect
from realtime_nb.client.settings import DEFAULT_MODEL
from realtime_nb.client.transport.base import Transport
from realtime_nb.client.transport.connector import (
    DEFAULT_MAX_SIZE,
    DEFAULT_PING_INTERVAL_S,
    DEFAULT_PING_TIMEOUT_S,
    WebSocketConnector,
)
from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime import nearest

if TYPE_CHECKING:
    from realtime_nb.local import LocalServer

OPENAI_URL = "wss://api.openai.com/v1/realtime"
_NAMES = ["auto", "openai", "azure", "local"]


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A server of one's own choice.

    Attributes:
        url: `ws://` or `wss://`; a query, such as `?model=`, is kept.
        api_key: sent as `Authorization: Bearer`; or a function that returns it for each connection; never shown.
        headers: further headers of the handshake; their values are never shown.
    """

    url: str
    api_key: ApiKey | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        key = HIDDEN if self.api_key else None
        return f"Backend(url={safe_url(self.url)!r}, api_key={key!r}, headers={redacted_headers(self.headers)!r})"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where to connect, and what to tell people about it.

    Attributes:
        name: `"openai"`, `"azure"`, `"local"` or `"url"`.
        label: for people.
        url: the whole address, with its query.
        headers: for the handshake, credentials among them; never shown.
        notice: what a person should know, or None.
        late: makes the headers that are known only when a connection is opened; None where all are known.
    """

    name: str
    label: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    notice: str | None = None
    late: Callable[[], Awaitable[Mapping[str, str]]] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return (
            f"Endpoint(name={self.name!r}, label={self.label!r}, url={safe_url(self.url)!r}, "
            f"headers={redacted_headers(self.headers)!r})"
        )

    def connector(self, **options: Any) -> WebSocketConnector:
        """How to open a websocket there; options as `WebSocketConnector` takes them."""
        return WebSocketConnector(self.url, self.headers, late=self.late, **options)

    async def all_headers(self) -> Mapping[str, str]:
        """The headers of a request that is made now."""
        return self.headers if self.late is None else Headers({**await self.late(), **self.headers})


def resolve(
    backend: str | Backend = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Endpoint:
    """The endpoint that `backend` means. Starts the local backend if it is the one: that may take a second.

    Args:
        backend: `"auto"` (OpenAI if `OPENAI_API_KEY` is set or `api_key` given, else local), `"openai"`, `"azure"`,
            `"local"`, a `ws://` or `wss://` URL, or a `Backend`.
        model: the model; the hosted default is `DEFAULT_MODEL`, on Azure it is the deployment's name.
        api_key: instead of the environment's; or a function, synchronous or not, that returns a key or token and is
            called for every connection.
        headers: further headers.

    Raises:
        ConfigError: an unknown backend, a bad address, or a missing key; says how to give one.
    """
    extra = Headers(headers or {})
    api_key = concealed(api_key)
    if isinstance(backend, Backend):
        key = api_key or concealed(backend.api_key)
        return _at(backend.url, model, key, {**backend.headers, **extra})
    if not isinstance(backend, str):
        raise ConfigError(f"backend={backend!r} must be a name, a ws:// or wss:// URL, or an rt.Backend")
    if "://" in backend:
        return _at(backend, model, api_key, extra)
    if backend == "auto":
        hosted = bool(api_key or os.environ.get("OPENAI_API_KEY", "").strip())
        return _openai(model, api_key, extra) if hosted else _local(model, chosen=False)
    if backend == "openai":
        return _openai(model, api_key, extra)
    if backend == "azure":
        return _azure(model, api_key, extra)
    if backend == "local":
        return _local(model, chosen=True)
    raise ConfigError(
        f"backend={backend!r} is unknown.{nearest(backend, _NAMES)} Use 'auto', 'openai', 'azure', 'local', "
        "a ws:// or wss:// URL, or rt.Backend(url=...)."
    )


def _openai(model: str | None, api_key: ApiKey | None, extra: Headers) -> Endpoint:
    key = _given(api_key, "OPENAI_API_KEY")
    if not key:
        raise ConfigError(
            "backend='openai' needs a key: set the environment variable OPENAI_API_KEY before the kernel starts, or "
            "pass "
            "api_key=. Without one, backend='local' is a practice backend that needs nothing."
        )
    plain = {
        name: os.environ[variable]
        for variable, name in (("OPENAI_ORG_ID", "OpenAI-Organization"), ("OPENAI_PROJECT_ID", "OpenAI-Project"))
        if os.environ.get(variable)
    }
    address, label = _openai_address()
    return _with_key(
        key, bearer, {**plain, **extra}, name="openai", label=label, url=_with_model(address, model or DEFAULT_MODEL)
    )


def _openai_address() -> tuple[str, str]:
    """Address and label; `OPENAI_BASE_URL` is the official SDK's way to say that the key is for another server."""
    base = os.environ.get("OPENAI_BASE_URL", "").strip()
    if not base:
        return OPENAI_URL, "OpenAI"
    refuse_key_in_url(base, option="OPENAI_BASE_URL")
    parts = urlsplit(base)
    scheme = {"https": "wss", "http": "ws", "wss": "wss", "ws": "ws"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ConfigError(f"OPENAI_BASE_URL={safe_url(base)!r} is no address such as https://host/v1")
    path = parts.path.rstrip("/")
    url = urlunsplit(
        (scheme, parts.netloc, path if path.endswith("/realtime") else f"{path}/realtime", parts.query, "")
    )
    return url, "OpenAI" if parts.hostname == urlsplit(OPENAI_URL).hostname else f"{parts.netloc} (OPENAI_BASE_URL)"


def _azure(model: str | None, api_key: ApiKey | None, extra: Headers) -> Endpoint:
    base = os.environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    # A token of the environment counts before a key of it, as in the official SDK.
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
    if not model:
        raise ConfigError("backend='azure' needs model=, the name of your deployment")
    base = base if "://" in base else f"https://{base}"
    refuse_key_in_url(base, option="AZURE_OPENAI_ENDPOINT")
    parts = urlsplit(base)
    if parts.scheme not in {"https", "wss"}:
        raise ConfigError(
            f"AZURE_OPENAI_ENDPOINT={safe_url(base)!r} must begin with https://, so that the key is not sent in the "
            "clear"
        )
    url = _with_model(urlunsplit(("wss", parts.netloc, "/openai/v1/realtime", "", "")), model)
    return _with_key(
        key,
        bearer if token else _azure_headers,
        extra,
        name="azure",
        label=f"Azure OpenAI ({parts.hostname})",
        url=url,
    )


def _azure_headers(key: str) -> Headers:
    """A key, or a token of Microsoft Entra: those are JSON web tokens, and keys never look like one."""
    if key.startswith("eyJ") and key.count(".") == 2:
        return bearer(key)
    return Headers({"api-key": key})


def _given(api_key: ApiKey | None, variable: str) -> ApiKey | None:
    """The key that was passed, else the environment's; without the line's end that copying one often brings."""
    if callable(api_key):
        return api_key
    return Secret((api_key or os.environ.get(variable, "")).strip()) or None


def _with_key(key: ApiKey, headers_of: Callable[[str], Headers], more: Mapping[str, str], **endpoint: Any) -> Endpoint:
    """An endpoint whose headers hold the key: now, or, where a function makes it, when a connection is opened."""
    if not callable(key):
        return Endpoint(headers=Headers({**headers_of(key), **more}), **endpoint)

    async def late() -> Headers:
        return headers_of(await current_key(key))

    return Endpoint(headers=Headers(more), late=late, **endpoint)


def _at(url: str, model: str | None, api_key: ApiKey | None, headers: Mapping[str, str]) -> Endpoint:
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        hint = ""
        if parts.scheme in {"http", "https"}:
            hint = f" Did you mean {safe_url(url).replace('http', 'ws', 1)!r}?"
        raise ConfigError(f"{safe_url(url)!r} is not a websocket address: it must begin with ws:// or wss://.{hint}")
    refuse_key_in_url(url)
    where: dict[str, Any] = {"name": "url", "label": parts.netloc, "url": _with_model(url, model)}
    key = (api_key if callable(api_key) else Secret(api_key.strip())) if api_key else None
    return _with_key(key, bearer, headers, **where) if key else Endpoint(headers=Headers(headers), **where)


def _with_model(url: str, model: str | None) -> str:
    """`url` with `?model=`, where exactly one of model, call_id and intent may stand."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    named = [name for name in ("model", "call_id", "intent") if name in query or (name == "model" and model)]
    if len(named) > 1:
        raise ConfigError(
            f"{' and '.join(f'{name}=' for name in named)} exclude each other in an address: a session is one with a "
            "model, one beside a call, or one that transcribes. Give one of them."
        )
    if not model:
        return url
    if query.get("model", [model])[0] != model:
        raise ConfigError(f"model={model!r}, but the URL names the model {query['model'][0]!r}: give it once")
    if "model" in query:
        return url
    joined = "&".join(filter(None, [parts.query, urlencode({"model": model})]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


# The local backend: one a process, started at first use, gone when the process goes.

_local_lock = threading.Lock()
_local_server: LocalServer | None = None
_local_pid = 0


def _local(model: str | None, *, chosen: bool) -> Endpoint:
    server = _running_local()
    why = (
        ""
        if chosen
        else "No OPENAI_API_KEY is set, so this is the local practice backend; set it to talk with a model. "
    )
    notice = f"{why}{server.notice or ''}".strip() or None
    headers = bearer(server.token) if server.token else Headers()
    return Endpoint(
        name="local", label=server.label, url=_with_model(server.url, model), headers=headers, notice=notice
    )


def _running_local() -> LocalServer:
    global _local_server, _local_pid
    from realtime_nb.local import LocalServer  # imported when wanted: nobody else pays for it

    with _local_lock:
        # A forked child must not share its parent's server, nor stop it.
        if _local_server is None or _local_pid != os.getpid() or not _local_server.running:
            import secrets

            _local_server = LocalServer(token=secrets.token_urlsafe(24)).start()
            _local_pid = os.getpid()
        return _local_server


@atexit.register
def stop_local() -> None:
    """Stop the local backend of this process, if it runs; the next use starts another."""
    global _local_server
    with _local_lock:
        if _local_server is not None and _local_pid == os.getpid():
            with contextlib.suppress(Exception):
                _local_server.close()
        _local_server = None


class BackendConnector:
    """Opens websockets to a backend, which is looked up anew each time.

    A local backend that died has another port when it is started again, and a key may have been replaced.

    Args:
        backend: as `resolve` takes it; or an `Endpoint`, which is where the first one leads.
        model: as `resolve` takes it.
        api_key: as `resolve` takes it.
        headers: as `resolve` takes them.
        **options: as `WebSocketConnector` takes them.
    """

    def __init__(
        self,
        backend: str | Backend | Endpoint = "auto",
        model: str | None = None,
        api_key: ApiKey | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._endpoint = backend if isinstance(backend, Endpoint) else None
        self._backend = backend
        self._rest = (model, api_key)
        self._headers = headers
        self._options = options
        self._used = False

    def describe(self) -> str:
        """Where it leads."""
        if self._endpoint is not None:
            return safe_url(self._endpoint.url)
        named = self._backend.url if isinstance(self._backend, Backend) else str(self._backend)
        return safe_url(named) if "://" in named else f"the backend {named!r}"

    async def connect(self) -> Transport:
        """Look the backend up, starting the local one if need be, and open a websocket there."""
        if self._endpoint is None or self._used:
            # In a thread: the local backend may have to be started.
            self._endpoint = await asyncio.to_thread(self._look_up)
        self._used = True
        return await self._endpoint.connector(**self._options).connect()

    def _look_up(self) -> Endpoint:
        backend = self._backend
        if isinstance(backend, Endpoint):
            if backend.name == "url":
                return backend
            backend = backend.name  # not "auto" again: a conversation does not change its backend midway
        model, api_key = self._rest
        return resolve(backend, model, api_key, headers=self._headers)


def connect(
    *,
    backend: str | Backend = "auto",
    model: str | None = None,
    url: str | None = None,
    api_key: ApiKey | None = None,
    headers: Mapping[str, str] | None = None,
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
    """A connection to a Realtime server, without a widget: open it with `async with`, or by awaiting it.

    Before it is open, it takes handlers, and events to send, which wait.

    Args:
        backend: as `resolve` takes it.
        model: as `resolve` takes it.
        api_key: as `resolve` takes it.
        headers: as `resolve` takes them.
        url: a `ws://` or `wss://` address, instead of `backend`.
        max_size: bytes of the largest frame accepted.
        proxy: True for the system's, None for none, or an address.
        user_agent: the header of that name.
        open_timeout_s: how long the handshake, and then `session.created`, may take.
        ping_interval_s: seconds between two questions whether the server is still there; None asks none.
        ping_timeout_s: how long it may take to answer one; then the connection counts as lost. None waits for ever.
        executor: where synchronous handlers run.
        on_handler_error: told what a handler raised.
        buffer: events kept for `recv` and `async for`.
        reconnect: True or an `rt.Reconnect` to go on after the connection was lost: what was said and set is restored
            in a new session, what is sent meanwhile waits, and `"reconnecting"` and `"reconnected"` tell of it.

    Example:
        >>> async with rt.connect(backend="local") as conn:  # doctest: +SKIP
        ...     await conn.conversation.item.create(item=rt.user_message("Say hello!"))
        ...     await conn.response.create()
        ...     async for event in conn:
        ...         if event.type == "response.done":
        ...             break

    Raises:
        ConfigError: a bad option.
        ConnectError: no connection; says which host, which status, and what to do.
    """
    api_key, proxy = concealed(api_key), concealed(proxy)
    if url is not None and backend != "auto":
        raise ConfigError(f"url={safe_url(url)!r} and backend={backend!r} exclude each other: give one")
    connector = BackendConnector(
        url if url is not None else backend,
        model,
        api_key,
        headers,
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
    backend: str | Backend = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
) -> ClientSecret:
    """A short-lived key that a browser may hold; it can open sessions until `expires_at`.

    Args:
        session: the configuration that sessions opened with it start from.
        ttl_s: 10 to 7200 seconds.
        backend: as `resolve` takes it.
        model: as `resolve` takes it.
        api_key: as `resolve` takes it.

    Raises:
        ConfigError: a bad option.
        ConnectError: the server could not be reached, or refused.
    """
    api_key = concealed(api_key)
    endpoint = await asyncio.to_thread(resolve, backend, model, api_key)
    return await mint(endpoint.url, await endpoint.all_headers(), session or {}, ttl_s)
