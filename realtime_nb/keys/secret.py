"""`Secret`, `Headers` and `EnvKey`: a key as a value that no repr, copy, pickle or verbose traceback shows.

Owns how a key is kept, and when it becomes text again: `reveal()`, at the last moment. Must not know which server it is
for. None of them is a `str` or a `dict`: tools that show variables (rich, Sentry, a debugger) print the content of
those, whatever their repr says.
"""

from __future__ import annotations

import hmac
import os
import pickle
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self, TypeAlias

from realtime_nb.errors import ConfigError
from realtime_nb.redact import (
    HIDDEN,
    hold,
    holds_a_secret,
    is_like_a_key,
    looks_like_a_key,
    redacted_headers,
    secrets_of,
)

ApiKey: TypeAlias = "str | Secret | Callable[[], str | Secret | Awaitable[str]]"
"""A key, or a function (synchronous or not) that returns one and is called for every connection."""

_HOW_TO_PICKLE = (
    "Give the place of the key instead: api_key=rt.EnvKey('MY_KEY') reads an environment variable where the key is "
    "used, and a function of a module is pickled by its name."
)


# `openai-insecure-api-key.KEY` and its kin: the key after the point may have any form.
_KEY_IN_PROTOCOL = re.compile(r".*(?:key|token|secret|bearer|auth\w*)\.\S{8,}", re.IGNORECASE)


class Secret:
    """A key whose text only `reveal()` returns.

    Copies are the same object. A pickle holds the name of the environment variable that has the same text here, as an
    `EnvKey`; where there is none, pickling raises `ConfigError`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        hold(value.strip())  # for texts that leave this process
        self._value = value

    def reveal(self) -> str:
        """Return the text."""
        return self._value

    def stripped(self) -> Secret:
        """Return the key without the line end that a copied one often has."""
        return Secret(self._value.strip())

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return repr(HIDDEN)

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        name = _variable_of(self)
        if name is None:
            raise ConfigError(
                "A key that was given as text is not pickled: it would be in files and on other machines. "
                f"{_HOW_TO_PICKLE}"
            )
        return EnvKey, (name,)


def _variable_of(secret: Secret) -> str | None:
    """Return the name of an environment variable that holds a key; None where none does."""
    text = secret.reveal().strip()
    return next((name for name in sorted(os.environ) if text and os.environ[name].strip() == text), None)


@dataclass(frozen=True)
class EnvKey:
    """A key in an environment variable, which is read where a connection is opened.

    A pickle holds the name only: on a Dask worker, or in a process of joblib, it is the variable of that process.

    Attributes:
        name: of the variable.
    """

    name: str

    def __init__(self, name: str) -> None:
        name = concealed_by_mistake(name)
        if isinstance(name, Secret):
            raise ConfigError("EnvKey() was given what looks like a key: it takes the name of an environment variable")
        if not isinstance(name, str) or not name:
            raise ConfigError(f"EnvKey({name!r}) must name an environment variable, such as 'OPENAI_API_KEY'")
        object.__setattr__(self, "name", name)

    def __call__(self) -> str:
        """Return the key.

        Raises:
            ConfigError: the variable is not set in this process.
        """
        if not os.environ.get(self.name, "").strip():
            raise ConfigError(
                f"the environment variable {self.name} is not set in this process, which needs it as a key. Set it "
                "before the process starts; a worker of Dask has an environment of its own."
            )
        return os.environ[self.name].strip()


class WrongKey:
    """Stands for a key that is neither text nor a function, so that no variable holds what was given."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Headers:
    """Headers whose values only the request gets.

    It has `keys()` and `[]`, so that `dict(headers)` and the websockets package can read it. It is no `Mapping`.
    """

    __slots__ = ("_values", "wrong")

    def __init__(self, given: Mapping[str, str] | Headers | None = None) -> None:
        # Raises nothing: the variable of the caller still holds what was given. `check_headers` raises.
        self._values: dict[str, Secret] = {}
        self.wrong: str | None = given.wrong if isinstance(given, Headers) else None
        try:
            pairs = [] if given is None else [(name, given[name]) for name in given.keys()]  # noqa: SIM118
        except Exception:
            pairs, self.wrong = [], f"headers= must be a dict of names and values, and not {type(given).__name__}"
        for name, value in pairs:
            if not isinstance(name, str) or not isinstance(value, str):
                self.wrong = f"headers[{name!r}] must be text, and not {type(value).__name__}"
            elif any(letter in name + value for letter in "\r\n\0"):
                self.wrong = f"headers[{name!r}] holds a line end, which no header has"
            else:
                self._values[name] = Secret(value)
        for secret in secrets_of(self):
            hold(secret)

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._values)

    def items(self) -> list[tuple[str, str]]:
        """Return names and values."""
        return [(name, value.reveal()) for name, value in self._values.items()]

    def add_to(self, request: Any) -> Any:
        """Add these headers to a request of httpx; its `auth=` calls this when the request is sent."""
        request.headers.update(self.items())
        return request

    def __getitem__(self, name: str) -> str:
        return self._values[name].reveal()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, (Headers, Mapping)) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(redacted_headers(self))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if len(secrets_of(self)):
            raise ConfigError(
                "Headers with a credential are not pickled: they would be in files and on other machines. "
                f"{_HOW_TO_PICKLE}"
            )
        return Headers, (dict(self),)


def concealed(key: Any) -> Any:
    """Return a key as a `Secret`, a function as it is, and any other value as a `WrongKey`; never raises.

    A caller assigns the result to the variable that held the key, before anything can raise.
    """
    if isinstance(key, str):
        return Secret(key)
    return key if key is None or callable(key) or isinstance(key, (Secret, WrongKey)) else WrongKey(type(key).__name__)


def concealed_proxy(proxy: Any) -> Any:
    """Return the address of a proxy, which may hold a password, as a `Secret`; True and None as they are."""
    return proxy if proxy is True or proxy is None else concealed(proxy)


def concealed_subprotocols(given: Sequence[Any]) -> tuple[Any, ...]:
    """Return subprotocols, those that hold a key as a `Secret`: some servers take a browser's key there."""
    made = []
    for name in given:
        named = isinstance(name, str) and _KEY_IN_PROTOCOL.match(name) is not None
        holds_key = isinstance(name, str) and (named or looks_like_a_key(name))
        if holds_key:
            hold(name.rpartition(".")[2])
        made.append(Secret(name) if holds_key else name)
    return tuple(made)


def revealed(value: Any) -> Any:
    """Return the text of a `Secret`, and any other value as it is."""
    return value.reveal() if isinstance(value, Secret) else value


def concealed_by_mistake(value: Any) -> Any:
    """Return a text that looks like a key as a `Secret`, which no option but `api_key` accepts; never raises."""
    return Secret(value) if isinstance(value, str) and is_like_a_key(value) else value


def check_key(key: Any, option: str = "api_key") -> None:
    """Raise `ConfigError` where a concealed value is no key, or one that no header can carry; ask the user for it."""
    if isinstance(key, WrongKey):
        raise ConfigError(f"{option}= must be text, or a function that returns it, and not {key.kind}")
    if isinstance(key, Secret):
        _check_characters(key, option)
    elif (ask := getattr(key, "ask_at_once", None)) is not None:  # `prompt_for_key`: in the cell that gives the key
        ask()


def _check_characters(key: Secret, option: str) -> None:
    text = key.reveal().strip()
    place = next((place for place, letter in enumerate(text) if not "!" <= letter <= "~"), None)
    if place is not None:
        what = f"U+{ord(text[place]):04X}"
        del text
        raise ConfigError(
            f"{option}= has a character at position {place} that no key has ({what}). Copy the key again, without "
            "quotes, spaces or line ends."
        )


def check_headers(headers: Headers) -> None:
    """Raise `ConfigError` where headers were given that are none."""
    if headers.wrong is not None:
        raise ConfigError(headers.wrong)


def refuse_pickled_secret(provider: Any) -> None:
    """Raise `ConfigError` where the pickle of a key's function would hold the key, such as in a bound object."""
    cloudpickle = sys.modules.get("cloudpickle")  # pickles functions of a notebook with their code
    for dumps in (pickle.dumps, getattr(cloudpickle, "dumps", None)):
        if dumps is not None and _kept_by(dumps, provider):
            _refuse_pickle(provider)


def _kept_by(dumps: Callable[[Any], bytes], provider: Any) -> bool:
    try:
        return holds_a_secret(dumps(provider))
    except Exception:  # what cannot be pickled raises its own error later
        return False


def _refuse_pickle(provider: Any) -> NoReturn:
    name = getattr(provider, "__qualname__", type(provider).__qualname__)
    raise ConfigError(f"api_key={name} is not pickled, since its pickle would hold the key. {_HOW_TO_PICKLE}")
