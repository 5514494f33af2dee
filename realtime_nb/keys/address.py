"""Refuse a credential in an address: proxies and servers log addresses.

Owns what counts as one, and how the address is kept out of the variables of our frames. Must not know backends.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from realtime_nb.errors import ConfigError
from realtime_nb.redact import holds_a_long_key, looks_like_a_key, redact, safe_url

_KEY_NAMES = frozenset({"api_key", "api-key", "apikey", "authorization", "access_token"})


class WrongAddress:
    """Stands for an address that holds a credential, so that no variable holds what was given.

    Attributes:
        why: the words of the refusal.
    """

    def __init__(self, why: str) -> None:
        self.why = why


_INSTEAD = "api_key=, or headers={'Authorization': ...}"


def concealed_address(value: Any, option: str = "url", *, instead: str = _INSTEAD) -> Any:
    """Return an address that holds a credential as a `WrongAddress`, and any other value as it is; never raises.

    A caller assigns the result to the variable that held the address, before anything can raise. `instead` are the
    options that take a credential.
    """
    if not isinstance(value, str) or "://" not in value:
        return value
    try:
        refuse_key_in_url(value, option=option, instead=instead)
    except ConfigError as error:
        return WrongAddress(str(error))
    except ValueError:  # no address at all: its check names the cause
        return value
    return value


def refuse_wrong_address(value: Any) -> None:
    """Raise `ConfigError` where an address held a credential."""
    if isinstance(value, WrongAddress):
        raise ConfigError(value.why)


def refuse_key_in_url(url: str, *, option: str = "url", instead: str = _INSTEAD) -> None:
    """Raise `ConfigError` if an address holds a credential: proxies and servers log addresses."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ConfigError(
            f"{option}={safe_url(url)!r} holds a user name or password before its host. Addresses end up in logs: pass "
            f"{instead}."
        )
    try:
        _ = parts.port
    except ValueError:
        odd = True
    else:
        odd = False
    if odd:  # raised outside of `except`: the context would show the port, which may be half a password
        raise ConfigError(
            f"{option}={safe_url(url)!r} has a port that is no number. If a user name and a password stand before the "
            f"host, pass {instead} instead."
        )
    if holds_a_long_key(parts.netloc + parts.path):
        raise ConfigError(
            f"{option}={redact(safe_url(url))!r} holds what looks like a key. Addresses end up in logs: pass {instead}."
        )
    for name, value in parse_qsl(parts.query):
        if name.lower() in _KEY_NAMES or looks_like_a_key(value):
            raise ConfigError(
                f"{option}={safe_url(url)!r} holds a key, in its {name if name.lower() in _KEY_NAMES else 'query'!r} "
                f"parameter. Addresses end up in logs: pass {instead}."
            )
