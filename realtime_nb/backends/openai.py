"""`backend="openai"`: the hosted service, or the server that `OPENAI_BASE_URL` names.

Owns its variables of the environment. `OPENAI_API_KEY` goes to no other host.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit, urlunsplit

from realtime_nb.client.auth.credentials import bearer
from realtime_nb.client.settings import DEFAULT_MODEL
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import refuse_key_in_url
from realtime_nb.keys.secret import Headers
from realtime_nb.redact import safe_url

from .address import QUERY, refuse_in_the_clear, with_session
from .backend import Key
from .endpoint import Endpoint
from .key_headers import given_key, with_key

OPENAI_URL = "wss://api.openai.com/v1/realtime"


def openai_endpoint(session: Mapping[str, str], api_key: Key | None, extra: Headers) -> Endpoint:
    """Returns the endpoint of the hosted service; raises `ConfigError` without a key."""
    key = given_key(api_key, "OPENAI_API_KEY")
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
    label, url = openai_session(session)
    return with_key(key, bearer, {**plain, **extra}, name="openai", label=label, url=url)


def openai_session(session: Mapping[str, str]) -> tuple[str, str]:
    """Returns the label and the whole address of a session."""
    address, label = _openai_address()
    refuse_in_the_clear(address)
    if not session and not any(name in parse_qs(urlsplit(address).query) for name in QUERY):
        session = {"model": DEFAULT_MODEL}
    return label, with_session(address, session)


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
