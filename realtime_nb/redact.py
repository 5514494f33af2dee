"""Hide keys in texts, headers, frames and addresses before a person, a model or a log sees them.

Owns which secrets this process holds, what looks like a key, and the escapes in which one may be written. Must not know
sockets or events. The exceptions of the package pass their messages through `redact`, so that no check of an option
needs to think of a key in the wrong place.
"""

from __future__ import annotations

import os
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit, urlunsplit

HIDDEN = "***"
# Keys of the service, client secrets, and keys of others that speak its protocol; bearer tokens and web tokens.
_KEY = r"(?:sk-|ek_)[A-Za-z0-9_\-]{4,}|(?:xai-|gsk_|hf_|AIza)[A-Za-z0-9_\-]{16,}|eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*"
_KEYS = re.compile(rf"(?<![A-Za-z0-9])(?:{_KEY})|(?<=[Bb][Ee][Aa][Rr][Ee][Rr] )[^\s\"',]+")
_WHOLE_KEY = re.compile(rf"\s*(?:[Bb]earer\s+)?(?:{_KEY})\s*")
# User and password in an address, most often of a proxy.
_USER_INFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")
# `user:pass/word@host` is split at its slash: the port is then half of a password.
_ODD_PORT = re.compile(r":(?!\d*$)[^:\]]*$")
# One printable ASCII character as JSON, Python, a URL or HTML may write it, also where one was put into another.
_ESCAPE = re.compile(
    r"""\\+u00([2-7][0-9a-f])|\\+x([2-7][0-9a-f])|%(?:25)*([2-7][0-9a-f])|&\#x0*([2-7][0-9a-f]);"""
    r"""|&\#0*(\d{2,3});|\\+([/_\-+=."])""",
    re.IGNORECASE,
)
_DECIMAL, _ITSELF = 5, 6  # groups of `_ESCAPE`; the others are hexadecimal
_ODD_FRAME = re.compile(rb"\\+(?:u00[2-7]|[/_\-+=.x])|%[2-7]|&#")
# Headers without secrets; every other value is hidden, since a gateway may use any header name for its key.
_PLAIN_HEADERS = frozenset({"user-agent", "openai-organization", "openai-project", "openai-beta", "origin"})
_PLAIN_QUERY = frozenset({"model", "intent", "call_id"})

_SHORTEST_HELD = 8  # a shorter one might occur in a text by chance
_SHORTEST_GIVEN = 4
_SHORTEST_IN_ADDRESS = 20
_MOST_HELD = 256  # a token that expires is replaced every hour, for as long as a process lives
KEY_VARIABLES = (
    "OPENAI_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "REALTIME_NB_CHAT_KEY",
    "REALTIME_NB_STT_KEY",
    "REALTIME_NB_TTS_KEY",
)
"""The environment variables that hold keys of ours."""


class _Items(Protocol):
    def items(self) -> Iterable[tuple[str, str]]: ...


class _Held:
    """The newest secrets that this process was given, for texts that leave it."""

    def __init__(self) -> None:
        self._values: dict[str, None] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    def add(self, secret: str) -> None:
        with self._lock:
            self._values.pop(secret, None)
            self._values[secret] = None
            if len(self._values) > _MOST_HELD:
                del self._values[next(iter(self._values))]

    def values(self) -> list[str]:
        """Return the secrets, those of the environment included."""
        with self._lock:
            found = list(self._values)
        found += [os.environ.get(name, "").strip() for name in KEY_VARIABLES]
        return [secret for secret in found if len(secret) >= _SHORTEST_HELD]


_held = _Held()


class Secrets:
    """The secrets of one connection; the repr hides them, since tracebacks may show local variables.

    It is no tuple: tools that print variables print the elements of a tuple, whatever its repr.
    """

    __slots__ = ("_needles", "_values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = tuple(dict.fromkeys(value for value in values if value))
        long = [value for value in self._values if len(value) >= _SHORTEST_HELD]
        # One that contains another is found by the other: a frame of sound is searched once for each.
        self._needles = tuple(
            value.encode() for value in long if not any(other in value for other in long if other != value)
        )

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def hide_in_frame(self, frame: bytes) -> bytes:
        """Return a frame without these secrets, also where the server wrote their characters as escapes."""
        for needle in self._needles:
            if needle in frame:
                break
        else:
            # The hot path of sound: base64 has none of these characters.
            if not (self._needles and (b"\\" in frame or b"%" in frame or b"&" in frame) and _ODD_FRAME.search(frame)):
                return frame
        long = [value for value in self._values if len(value) >= _SHORTEST_HELD]
        text = frame.decode("utf-8", "surrogateescape")
        return _without(text, long).encode("utf-8", "surrogateescape")


def hold(secret: str) -> None:
    """Note a secret of this process, so that `hide_held` finds it."""
    if len(secret) >= _SHORTEST_HELD:
        _held.add(secret)


def hide_held(text: str) -> str:
    """Return `text` without the secrets that this process holds, and otherwise unchanged.

    For texts that a model or a page gets, such as the results of tools: what merely looks like a key stays.
    """
    return _without(text, _held.values())


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without `secrets`, without those that this process holds, and without what looks like a key."""
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_GIVEN]
    return _USER_INFO.sub(HIDDEN, _without(text, [*known, *_held.values()], _KEYS))


def holds_a_secret(data: bytes) -> bool:
    """Whether a pickle or the like has a secret of this process in it, or what looks like a key."""
    if any(secret.encode() in data for secret in _held.values()):
        return True
    return _KEYS.search(data.decode("latin-1")) is not None


def looks_like_a_key(text: str) -> bool:
    """Whether a text holds something that looks like a key of the service."""
    return _KEYS.search(text) is not None


def holds_a_long_key(text: str) -> bool:
    """Whether a part of an address holds a key: a short match, such as `sk-learn`, may be a name."""
    matches = (match[0] for match in _KEYS.finditer(text))
    return any(len(match) >= _SHORTEST_IN_ADDRESS and any(map(str.isdigit, match)) for match in matches)


def is_like_a_key(text: str) -> bool:
    """Whether a text as a whole looks like a key."""
    return _WHOLE_KEY.fullmatch(text) is not None


def redacted_headers(headers: _Items) -> dict[str, str]:
    """Return the headers with every value hidden that may be a credential."""
    return {name: value if name.lower() in _PLAIN_HEADERS else HIDDEN for name, value in headers.items()}


def secrets_of(headers: _Items, url: str = "") -> Secrets:
    """Return the secrets of a handshake: header values, whole and without their scheme, and values of the query."""
    found: list[str] = []
    for name, value in headers.items():
        if name.lower() not in _PLAIN_HEADERS:
            found += [value, value.rpartition(" ")[2]]
    found += [value for name, value in parse_qsl(urlsplit(url).query) if name not in _PLAIN_QUERY]
    return Secrets(found)


def safe_url(url: str) -> str:
    """Return the URL without user, password and query values that may hold a key."""
    parts = urlsplit(url)
    host = _ODD_PORT.sub(f":{HIDDEN}", parts.netloc.rpartition("@")[2])
    kept = [pair for pair in parts.query.split("&") if pair.split("=")[0] in _PLAIN_QUERY]
    path = f"/{HIDDEN}@{parts.path.rpartition('@')[2]}" if "@" in parts.path else parts.path
    return urlunsplit((parts.scheme, host, path, "&".join(kept), ""))


def without_credentials(backend: Any) -> Any:
    """Return a backend as a user may see it: an address without credentials; any other value shows none itself."""
    return safe_url(backend) if isinstance(backend, str) and "://" in backend else backend


def _without(text: str, secrets: list[str], pattern: re.Pattern[str] | None = None) -> str:
    """Return `text` with secrets and matches hidden, as it is written and as it reads once its escapes are decoded."""
    found = _spans(text, secrets, pattern)
    if ("\\" in text or "%" in text or "&" in text) and _ESCAPE.search(text):
        plain, source = _decoded(text)
        # Together, and not one after the other: a key may begin with another one, and go on with an escape.
        found += [(source(start), source(end)) for start, end in _spans(plain, secrets, pattern)]
    return _cut(text, found) if found else text


def _spans(text: str, secrets: list[str], pattern: re.Pattern[str] | None) -> list[tuple[int, int]]:
    found = [match.span() for match in pattern.finditer(text)] if pattern is not None else []
    for secret in secrets:
        at = text.find(secret)
        while at >= 0:
            found.append((at, at + len(secret)))
            at = text.find(secret, at + 1)
    return found


def _cut(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace the spans; those that overlap become one, since a key may begin with another one."""
    pieces, done, hidden_to = [], 0, -1
    for start, end in sorted(spans):
        if start > hidden_to:
            pieces += [text[done:start], HIDDEN]
        done = hidden_to = max(end, hidden_to)
    return "".join([*pieces, text[done:]])


class _Places:
    """Finds the place in a text with escapes for a place in the decoded text."""

    def __init__(self) -> None:
        self.decoded = [0]
        self.written = [0]

    def __call__(self, place: int) -> int:
        index = bisect_right(self.decoded, place) - 1
        return self.written[index] + place - self.decoded[index]


def _decoded(text: str) -> tuple[str, _Places]:
    places, pieces, length, done = _Places(), [], 0, 0
    for match in _ESCAPE.finditer(text):
        kind = match.lastindex or 0
        letter = match[kind]
        if kind != _ITSELF:
            number = int(letter, 10 if kind == _DECIMAL else 16)
            if not 32 <= number < 127:
                continue
            letter = chr(number)
        start = match.start()
        pieces += [text[done:start], letter]
        length += start - done + 1
        done = match.end()
        places.decoded.append(length)
        places.written.append(done)
    return "".join([*pieces, text[done:]]), places
