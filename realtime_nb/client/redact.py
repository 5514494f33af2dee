"""Keeps keys out of everything that a person or a log may see.

Owns what counts as a secret in a text, a header set or a URL. Must not know sockets or events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

__all__ = ["redact", "redacted_headers", "safe_url", "secrets_of"]

HIDDEN = "***"
# Standard keys, client secrets and bearer tokens, wherever they stand in a text.
_KEYS = re.compile(r"\b(?:sk-|ek_)[A-Za-z0-9_\-]{4,}|(?<=[Bb]earer )[^\s\"',]+")
# Headers that say nothing secret; every other value is hidden, since a gateway may call its key anything.
_PLAIN_HEADERS = frozenset({"user-agent", "openai-organization", "openai-project", "openai-beta", "origin"})


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without anything that looks like a key, nor any of `secrets`."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    return _KEYS.sub(HIDDEN, text)


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with every value hidden that may be a credential."""
    return {name: value if name.lower() in _PLAIN_HEADERS else HIDDEN for name, value in headers.items()}


def secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The values in `headers` that must not be seen: whole, and without their scheme."""
    found: list[str] = []
    for name, value in headers.items():
        if name.lower() not in _PLAIN_HEADERS:
            found += [value, value.rpartition(" ")[2]]
    return tuple(found)


def safe_url(url: str) -> str:
    """The URL without user, password and query values other than the model: they may hold a key."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    kept = [pair for pair in parts.query.split("&") if pair.split("=")[0] in {"model", "intent", "call_id"}]
    return urlunsplit((parts.scheme, host, parts.path, "&".join(kept), ""))
