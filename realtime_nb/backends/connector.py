"""`BackendConnector`: opens websockets to a backend, which is resolved again for each connection.

Owns which backend, model and key a variant's sessions get. Must not know sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from realtime_nb.client.settings import check_backend, is_local_models
from realtime_nb.client.transport.base import Transport
from realtime_nb.conversation import Billing
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
)
from realtime_nb.redact import safe_url

from .address import session_query
from .backend import Backend
from .endpoint import Endpoint
from .selection import resolve

if TYPE_CHECKING:
    from realtime_nb.client.variant import Variant
    from realtime_nb.local.models import ModelOptions


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
            session_query(model, call_id, intent)  # refuses what cannot be before any connection
        self._headers = headers
        self._options = options
        self._used = False

    @property
    def billing(self) -> Billing | None:
        """How responses are paid for; None while the backend is not resolved."""
        return self._endpoint.billing if self._endpoint is not None else None

    @property
    def hearing(self) -> str | None:
        """Why the backend does not recognise free speech; None where it does, and while it is not resolved."""
        return self._endpoint.hearing if self._endpoint is not None else None

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
