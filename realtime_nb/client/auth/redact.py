"""Hide keys in texts, headers and URLs before a person or a log sees them.

Owns what counts as a secret. Must not know sockets or events.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

HIDDEN = "***"
# Standard keys, client secrets and bearer tokens, anywhere in a text.
_KEYS = re.compile(r"\b(?:sk-|ek_)[A-Za-z0-9_\-]{4,}|(?<=[Bb]earer )[^\s\"',]+")
# User and password in an address, most often of a proxy.
_USER_INFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")
# `user:pass/word@host` is split at its slash: the port is then half of a password.
_ODD_PORT = re.compile(r":(?!\d*$)[^:\]]*$")
# Headers without secrets; every other value is hidden, since a gateway may use any header name for its key.
_PLAIN_HEADERS = frozenset({"user-agent", "openai-organization", "openai-project", "openai-beta", "origin"})
_PLAIN_QUERY = frozenset({"model", "intent", "call_id"})


# Every key, token and credential header that this process was given, for texts that leave it (`hide_held`).
_held: set[str] = set()
_SHORTEST_HELD = 8  # a shorter one might occur in a text by chance
_KEY_VARIABLES = (
    "OPENAI_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "REALTIME_NB_CHAT_KEY",
    "REALTIME_NB_STT_KEY",
    "REALTIME_NB_TTS_KEY",
)


def hold(secret: str) -> None:
    """Note a secret of this process, so that `hide_held` finds it."""
    if len(secret) >= _SHORTEST_HELD:
        _held.add(secret)


def hide_held(text: str) -> str:
    """Return `text` without the secrets that this process holds, and otherwise unchanged.

    For texts that a model or a page gets, such as the results of tools: what merely looks like a key stays.
    """
    for secret in (*_held, *(os.environ.get(name, "") for name in _KEY_VARIABLES)):
        if len(secret) >= _SHORTEST_HELD and secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def hide_escaped(frame: bytes, secrets: Iterable[str]) -> bytes:
    """Return a JSON frame without `secrets`, also where a server wrote their characters as JSON escapes."""
    try:
        value = json.loads(frame)
    except (ValueError, RecursionError):
        return frame
    found = False

    def hidden(inner: Any) -> Any:
        nonlocal found
        if isinstance(inner, str):
            for secret in secrets:
                if secret in inner:
                    inner, found = inner.replace(secret, HIDDEN), True
            return inner
        if isinstance(inner, dict):
            return {hidden(key): hidden(item) for key, item in inner.items()}
        return [hidden(item) for item in inner] if isinstance(inner, list) else inner

    value = hidden(value)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") if found else frame


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with `secrets` and everything that looks like a key hidden."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    return _USER_INFO.sub(HIDDEN, _KEYS.sub(HIDDEN, text))


def looks_like_a_key(text: str) -> bool:
    """Whether a text holds something that looks like a key of the service."""
    return _KEYS.search(text) is not None


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with every value hidden that may be a credential."""
    return {name: value if name.lower() in _PLAIN_HEADERS else HIDDEN for name, value in headers.items()}


class _Secrets(tuple[str, ...]):
    """Secrets whose repr hides them, since tracebacks may show local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"


def secrets_of(headers: Mapping[str, str], url: str = "") -> tuple[str, ...]:
    """Return the secrets of a handshake: header values, whole and without their scheme, and values of the query."""
    found: list[str] = []
    for name, value in headers.items():
        if name.lower() not in _PLAIN_HEADERS:
            found += [value, value.rpartition(" ")[2]]
    found += [value for name, value in parse_qsl(urlsplit(url).query) if name not in _PLAIN_QUERY]
    return _Secrets(dict.fromkeys(found))


def safe_url(url: str) -> str:
    """Return the URL without user, password and query values that may hold a key."""
    parts = urlsplit(url)
    host = _ODD_PORT.sub(f":{HIDDEN}", parts.netloc.rpartition("@")[2])
    kept = [pair for pair in parts.query.split("&") if pair.split("=")[0] in _PLAIN_QUERY]
    path = f"/{HIDDEN}@{parts.path.rpartition('@')[2]}" if "@" in parts.path else parts.path
    return urlunsplit((parts.scheme, host, path, "&".join(kept), ""))
