"""The address of a session: `?model=`, `?call_id=` or `?intent=`, and whether a key may travel to it.

Owns the query that says what a session is of, and the refusal of unencrypted addresses. Must not know backends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from realtime_nb.errors import ConfigError
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import safe_url
from realtime_nb.wire.realtime.validate import refuse_half_character

QUERY = ("model", "call_id", "intent")


def with_session(url: str, session: Mapping[str, str]) -> str:
    """Adds the one of `?model=`, `?call_id=` and `?intent=` to an address that it names (docs/protocol.md 5)."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    _refuse_two([name for name in QUERY if name in query or name in session])
    for name, value in session.items():
        if query.get(name, [value])[0] != value:
            raise ConfigError(f"{name}={value!r}, but the URL says {name}={query[name][0]!r}: give it once")
    missing = {name: value for name, value in session.items() if name not in query}
    if not missing:
        return url
    joined = "&".join(filter(None, [parts.query, urlencode(missing)]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


def session_query(model: str | None, call_id: str | None, intent: str | None) -> dict[str, str]:
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


def refuse_in_the_clear(url: str) -> None:
    """Raise `ConfigError` where a key would travel unencrypted to another machine."""
    if urlsplit(url).scheme == "ws" and not is_loopback(urlsplit(url).hostname or ""):
        raise ConfigError(
            f"{safe_url(url)!r} is not encrypted, and the key would travel in the clear to another machine. Use "
            "wss://, or rt.Backend(url=..., api_key=..., allow_insecure=True) where you trust the network."
        )
