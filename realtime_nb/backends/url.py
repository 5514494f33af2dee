"""A backend by its address: a `ws://` or `wss://` URL, or an `rt.Backend`.

Owns which key and prices belong to it: only a key that was passed for it goes there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from realtime_nb.client.auth.credentials import bearer
from realtime_nb.client.settings import check_address
from realtime_nb.conversation import FREE
from realtime_nb.keys.secret import Headers, Secret
from realtime_nb.redact import secrets_of

from .address import refuse_in_the_clear, with_session
from .backend import Backend, Key
from .endpoint import Endpoint
from .key_headers import with_key
from .local import is_free_at


def url_endpoint(backend: Backend, session: Mapping[str, str], api_key: Key | None, headers: Headers) -> Endpoint:
    """Returns the endpoint of a server by its address, with a key and headers that were passed for it."""
    url = backend.url
    check_address(url)
    in_protocol = any(isinstance(name, Secret) for name in backend.subprotocols)
    if (api_key or in_protocol or len(secrets_of(headers))) and not backend.allow_insecure:
        refuse_in_the_clear(url)
    where: dict[str, Any] = {
        "name": "url",
        "label": urlsplit(url).netloc,
        "url": with_session(url, session),
        "subprotocols": tuple(backend.subprotocols),
        "prices": FREE if backend.prices is None and is_free_at(url) else backend.prices,
    }
    key = api_key.stripped() if isinstance(api_key, Secret) else api_key
    return with_key(key, bearer, headers, **where) if key else Endpoint(headers=headers, **where)
