"""`LocalModels` and `ModelOptions`: which language model, recogniser and voice the local backend uses.

Owns the options, their checks, the environment variables that name them, and their form on the way to the server's
process. Must not know how a model is called.

A key is a `Secret`, or a function that returns it; `resolved()` calls the functions. A pickle, a copy and a repr hold
no key (see `realtime_nb/keys/secret.py`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address, refuse_wrong_address
from realtime_nb.keys.current import current_key
from realtime_nb.keys.secret import (
    ApiKey,
    Secret,
    check_key,
    concealed,
    concealed_by_mistake,
    refuse_pickled_secret,
)
from realtime_nb.local.voice.part_spec import recognizer_spec, synthesizer_spec
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import HIDDEN, safe_url

Key: TypeAlias = Secret | Callable[[], Any]

KEYS = ("chat_key", "stt_key", "tts_key")
"""The options that are keys."""

_NAMES = ("chat_url", "chat_model", "chat_key", "stt", "stt_key", "tts", "tts_key", "context_tokens", "options")
_VARIABLES = {name: f"REALTIME_NB_{name.upper()}" for name in _NAMES[:-2]}
_NEEDED = {
    "chat_url": "the address of a chat server, such as 'http://localhost:11434/v1' for Ollama",
    "chat_model": "the model's name, as its server lists it (for Ollama: `ollama list`)",
}
# Fields of a chat request that the responder writes itself, each with the place where its value belongs.
_RESERVED = {
    "messages": "they are the conversation",
    "stream": "an answer is always streamed",
    "stream_options": "an answer is always streamed",
    "model": "give chat_model=",
    "tools": "they are the session's tools",
    "tool_choice": "it is the session's tool_choice",
    "n": "one answer is spoken",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelOptions:
    """The models behind the local backend.

    Attributes:
        chat_url: the base address of a server with an OpenAI-compatible `/chat/completions`; no slash at its end.
        chat_model: the model's name there.
        chat_key: sent to the origin of `chat_url` only; None: no key.
        stt: the recogniser: `"auto"`, `"commands"`, `"whisper:NAME-OR-FOLDER"` or the URL of a server.
        stt_key: sent to the origin of `stt` only.
        tts: the voice: `"auto"`, `"espeak"`, `"piper:NAME-OR-FILE"` or the URL of a server.
        tts_key: sent to the origin of `tts` only.
        context_tokens: the model's context in tokens; None: the server's own limit counts.
        options: further fields of each chat request, such as `{"temperature": 0}`.

    Raises:
        ConfigError: an option is invalid; names the option, the value and what is allowed.
    """

    chat_url: str
    chat_model: str
    chat_key: Key | None = None
    stt: str = "auto"
    stt_key: Key | None = None
    tts: str = "auto"
    tts_key: Key | None = None
    context_tokens: int | None = None
    options: Mapping[str, Any] | None = None

    def __init__(
        self,
        *,
        chat_url: str | None = None,
        chat_model: str | None = None,
        chat_key: ApiKey | None = None,
        stt: str = "auto",
        stt_key: ApiKey | None = None,
        tts: str = "auto",
        tts_key: ApiKey | None = None,
        context_tokens: int | None = None,
        options: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> None:
        # First of all: a verbose traceback shows the variables of this call.
        chat_key, stt_key, tts_key = concealed(chat_key), concealed(stt_key), concealed(tts_key)
        chat_url = concealed_address(concealed_by_mistake(chat_url), "chat_url", instead="chat_key=")
        stt = concealed_address(concealed_by_mistake(stt), "stt", instead="stt_key=")
        tts = concealed_address(concealed_by_mistake(tts), "tts", instead="tts_key=")
        chat_model, context_tokens = concealed_by_mistake(chat_model), concealed_by_mistake(context_tokens)
        unknown = dict.fromkeys(unknown)  # a key may stand under a misspelt name
        if unknown:
            raise unknown_option(type(self).__name__, next(iter(unknown)), _NAMES)
        for name, value in (("chat_url", chat_url), ("chat_model", chat_model)):
            if value is None:
                raise ConfigError(f"{type(self).__name__}() needs {name}=, {_NEEDED[name]}.")
        for address in (chat_url, stt, tts):
            refuse_wrong_address(address)
        for name, key in zip(KEYS, (chat_key, stt_key, tts_key), strict=True):
            check_key(key, name)
        chat_url = checked_url("chat_url", chat_url, "http://localhost:11434/v1")
        values = {
            "chat_url": chat_url.removesuffix("/chat/completions").rstrip("/"),
            "chat_model": _checked_text("chat_model", chat_model, "the model's name, as its server lists it"),
            "chat_key": _stripped(chat_key),
            "stt": _checked_text("stt", stt, "such as 'auto', 'whisper:base.en' or 'http://localhost:8000/v1'"),
            "stt_key": _stripped(stt_key),
            "tts": _checked_text("tts", tts, "such as 'auto', 'espeak' or 'http://localhost:8000/v1'"),
            "tts_key": _stripped(tts_key),
            "context_tokens": _checked_tokens(context_tokens),
            "options": _checked_options(options),
        }
        recognizer_spec(str(values["stt"]))
        synthesizer_spec(str(values["tts"]))
        for name in KEYS:
            if values[name] is not None:
                _refuse_in_the_clear(name, values)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        kind = type(self).__name__
        if "chat_url" not in vars(self):
            return f"{kind}(...)"  # not made: a verbose traceback shows it where an option was refused
        shown = {name: getattr(self, name) for name in _NAMES}
        shown["chat_url"] = safe_url(self.chat_url)
        given = {name: HIDDEN if isinstance(value, Secret) else value for name, value in shown.items()}
        words = [f"{name}={value!r}" for name, value in given.items() if value is not None and value != "auto"]
        return f"{kind}({', '.join(words)})"

    def _compared(self) -> tuple[Any, ...]:
        fields = tuple(getattr(self, name) for name in _NAMES if name != "options")
        return (*fields, json.dumps(self.options, sort_keys=True))

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if isinstance(other, ModelOptions) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._compared())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled; raises `ConfigError` where that would hold a key (see `Secret`)."""
        for name in KEYS:
            if callable(getattr(self, name)):
                refuse_pickled_secret(getattr(self, name))
        return dict(vars(self))

    def resolved(self, *, chat_model: str | None = None) -> ModelOptions:
        """Return these options with each key as a `Secret` or None: functions are called, and variables read.

        A key that was not given comes from its variable (`REALTIME_NB_CHAT_KEY`, `REALTIME_NB_STT_KEY`,
        `REALTIME_NB_TTS_KEY`), unless a variable names another server for it. It may take as long as a key's function.

        Args:
            chat_model: another model of the same server.
        """
        values = {name: getattr(self, name) for name in _NAMES}
        for name in KEYS:
            value = values[name]
            values[name] = _called(value, name) if callable(value) else value or _variables_key(name, values)
        if chat_model is not None:
            values["chat_model"] = chat_model
        return ModelOptions(**values)

    @classmethod
    def from_environment(cls, given: Mapping[str, Any] | None = None) -> Self | None:
        """Return the options that the environment names, under those in `given`; None where no chat server is named.

        Raises:
            ConfigError: a server without a model, or a model without a server; or an invalid option.
        """
        named = {name: os.environ.get(variable, "").strip() for name, variable in _VARIABLES.items()}
        values: dict[str, Any] = {name: value for name, value in named.items() if value and name not in KEYS}
        values |= {name: value for name, value in (given or {}).items() if value is not None}
        if "chat_url" not in values:
            if left := sorted(set(values) & set(given or {})):
                raise ConfigError(f"{left[0]}={values[left[0]]!r} needs chat_url=, the address of a chat server.")
            return None
        if "chat_model" not in values:
            raise ConfigError(
                f"chat_url={_safe(values['chat_url'])!r} is set, but no model: set REALTIME_NB_CHAT_MODEL, or give "
                "chat_model= (--chat-model on the command line), a name that the server lists (for Ollama: "
                "`ollama list`)."
            )
        return cls(**values)

    def to_pipe(self) -> bytes:
        """Return a line of JSON for the server's process, keys included: for a pipe only, never a command line."""
        values = {name: getattr(self, name) for name in _NAMES}
        plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
        return json.dumps(plain).encode() + b"\n"

    @classmethod
    def from_pipe(cls, line: bytes) -> Self:
        """Return the options of a line that `to_pipe` wrote."""
        return cls(**json.loads(line))

    def host_of(self, part: str) -> str | None:
        """Return the host and port that `chat`, `stt` or `tts` sends to; None where the part runs on this machine."""
        url = self.chat_url if part == "chat" else str(getattr(self, part))
        parts = urlsplit(url)
        return parts.netloc if parts.scheme in ("http", "https") and not is_loopback(parts.hostname or "") else None

    @property
    def whereabouts(self) -> str | None:
        """A sentence that says what leaves this machine, and to which host; None where nothing does."""
        what = {"chat": "transcripts go to", "stt": "your voice goes to", "tts": "the answers' text goes to"}
        hosts = {part: self.host_of(part) for part in what}
        said = [f"{what[part]} {host}" for part, host in hosts.items() if host is not None]
        return f"Beyond this computer: {', '.join(said)}." if said else None


class LocalModels(ModelOptions):
    """A language model of yours behind the local backend, with speech recognition and a voice.

    The microphone's sound goes to a server on this machine, in a process of its own, which recognises the words, asks
    the language model, and speaks the answer. It speaks the Realtime protocol, so everything else of a widget is the
    same.

    Args:
        chat_url: the base address of an OpenAI-compatible server, such as `"http://localhost:11434/v1"` (Ollama). Only
            servers that you name are asked.
        chat_model: the model's name there, such as `"qwen3:4b"`.
        chat_key: for that server only: text, or a function such as `rt.EnvKey("MY_KEY")`, called when a connection is
            opened. None: `REALTIME_NB_CHAT_KEY`, unless `REALTIME_NB_CHAT_URL` names another server for it.
        stt: the recogniser: `"auto"` (Whisper where it is installed, else commands), `"commands"`,
            `"whisper:NAME-OR-FOLDER"`, or the URL of a server with `/audio/transcriptions`.
        stt_key: as `chat_key`, for the server of `stt`.
        tts: the voice: `"auto"`, `"espeak"`, `"piper:NAME-OR-FILE"`, or the URL of a server with `/audio/speech`.
        tts_key: as `chat_key`, for the server of `tts`.
        context_tokens: the length of the model's context, in tokens, if the server does not say it.
        options: further fields of each chat request, such as `{"temperature": 0}`.

    Raises:
        ConfigError: an option is invalid; names the option, the value and what is allowed.

    Example:
        >>> models = rt.LocalModels(chat_url="http://localhost:11434/v1", chat_model="qwen3:4b")  # doctest: +SKIP
        >>> w = rt.RealtimeWidget(backend=models)  # doctest: +SKIP
    """


# Python's own errors of a call, such as that for an argument without its name, show this name, which users know.
ModelOptions.__init__.__qualname__ = "LocalModels.__init__"


def unknown_option(callee: str, name: str, known: Sequence[str]) -> ConfigError:
    """Return the error for an option that does not exist; no message holds its value, which may be a key."""
    from realtime_nb.wire.realtime.validate import nearest  # late: `realtime_nb.local` imports quickly

    hint = nearest(name, list(known)) or f" It takes {', '.join(known)}."
    return ConfigError(f"{callee}() has no option {name!r}.{hint}")


def _stripped(key: Any) -> Key | None:
    return (key.stripped() or None) if isinstance(key, Secret) else key


def _called(provider: Callable[[], Any], option: str) -> Secret:
    """Return the key of a function, which may be a coroutine function: in a thread, where no event loop runs."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(asyncio.run(current_key(provider, option)))
        except Exception as error:
            answers.append(error)

    thread = threading.Thread(target=run, name="local model key", daemon=True)
    thread.start()
    thread.join()
    if isinstance(answers[0], Exception):
        raise answers[0]
    key: Secret = answers[0]
    return key


def _variables_key(name: str, values: Mapping[str, Any]) -> Secret | None:
    """Return the key in a variable, where it belongs to the server that these options name."""
    part = "chat_url" if name == "chat_key" else name.removesuffix("_key")
    named, used = os.environ.get(_VARIABLES[part], "").strip(), values[part]
    if named and _origin(named) != _origin(used):
        return None
    key = Secret(os.environ.get(_VARIABLES[name], "").strip())
    check_key(key, _VARIABLES[name])
    if not key or urlsplit(used).scheme not in ("http", "https"):
        return None
    return key


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # no number; its check names the cause
        port = -1
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)


def _safe(url: Any) -> Any:
    return safe_url(url) if isinstance(url, str) else url


def checked_url(option: str, url: Any, example: str) -> str:
    """Return the base address of a server over HTTP, without a slash at its end; raises `ConfigError`."""
    if not isinstance(url, str):
        raise ConfigError(f"{option}={url!r} must be an address such as {example!r}.")
    try:
        parts = urlsplit(url.strip())
    except ValueError as error:
        raise ConfigError(f"{option}={_safe(url)!r} is no address: {error}. Write it such as {example!r}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{option}={_safe(url)!r} must begin with http:// or https:// and name a host, such as {example!r}."
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"{option}={_safe(url)!r} ends with '?' or '#': give the base address, such as {example!r}.")
    return url.strip().rstrip("/")


def _checked_text(option: str, text: Any, allowed: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{option}={text!r} must be {allowed}.")
    from realtime_nb.wire.realtime.validate import refuse_half_character  # late: `realtime_nb.local` imports quickly

    refuse_half_character(option, text)
    return text.strip()


def _checked_tokens(tokens: Any) -> int | None:
    if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int) or tokens <= 0):
        raise ConfigError(f"context_tokens={tokens!r} must be the model's context in tokens, above 0, or None.")
    return None if tokens is None else int(tokens)


def _checked_options(options: Any) -> dict[str, Any] | None:
    if options is None:
        return None
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise ConfigError(f"options={options!r} must be a dict of fields of the chat request, or None.")
    for name, why in _RESERVED.items():
        if name in options:
            raise ConfigError(f"options[{name!r}] cannot be set: {why}.")
    from realtime_nb.wire.realtime.validate import refuse_half_characters

    refuse_half_characters("options", options)
    try:
        kept: dict[str, Any] = json.loads(json.dumps(dict(options), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"options={options!r} must be JSON: {error}.") from None
    return kept


def _refuse_in_the_clear(key: str, values: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where a key would go to no server, or unencrypted over the internet."""
    part = "chat_url" if key == "chat_key" else key.removesuffix("_key")
    parts = urlsplit(values[part])
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"{key}= is for a server, and {part}={values[part]!r} is none: leave {key}= out.")
    refuse_key_unencrypted(part, values[part], key)


def refuse_key_unencrypted(option: str, url: str, key: str) -> None:
    """Raise `ConfigError` where the key of the option `key` would go unencrypted beyond this network."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_nearby(parts.hostname or ""):
        raise ConfigError(
            f"{option}={safe_url(url)!r} is not encrypted, and {key}= would travel in the clear. Use https://."
        )


def _is_nearby(host: str) -> bool:
    """Return whether a host is this machine or one of its own network, such as another container."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return is_loopback(host) or "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa"))
