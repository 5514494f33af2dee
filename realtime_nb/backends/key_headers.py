"""The key of a backend as headers: of the environment or given, as a text or a function.

Owns which key is used, and that a function is called for each connection. Must not know addresses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from realtime_nb.keys.current import current_key
from realtime_nb.keys.secret import Headers, Secret, check_key

from .backend import Key
from .endpoint import Endpoint


def given_key(api_key: Key | None, variable: str) -> Key | None:
    """Returns the key that was passed, else the environment's, without the line end that a copied key often has."""
    if callable(api_key):
        return api_key
    key = (api_key or Secret(os.environ.get(variable, ""))).stripped()
    check_key(key, "api_key" if api_key else variable)
    return key or None


def with_key(
    key: Key, headers_of: Callable[[Secret], Headers], more: Mapping[str, str] | Headers, **endpoint: Any
) -> Endpoint:
    """Returns an endpoint whose headers hold the key; a function is called for it when a connection is opened."""
    if not callable(key):
        return Endpoint(headers=Headers({**headers_of(key), **more}), **endpoint)

    async def late() -> Headers:
        return headers_of(await current_key(key))

    return Endpoint(headers=Headers(more), late=late, **endpoint)
