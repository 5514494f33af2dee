"""`rt.create_client_secret`: a short-lived key for a browser, from the service that a backend names.

Owns the options that a user gives; `client/auth/client_secrets.py` asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from realtime_nb.client.auth.client_secrets import ClientSecret, mint
from realtime_nb.keys.address import concealed_address
from realtime_nb.keys.secret import ApiKey, concealed, concealed_by_mistake

from .backend import Backend
from .selection import resolve

if TYPE_CHECKING:
    from realtime_nb.local.models import LocalModels


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
