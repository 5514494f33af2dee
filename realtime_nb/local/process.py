"""`LocalServer` starts the local backend in a process of its own and stops it, as a context manager.

Owns the child process: its start, the lines of JSON that it prints, its end. Must not know the server or its voice:
only the child imports them.

Keys reach the child through the pipe of its standard input. Every user of the machine can read a command line, and the
child's own children inherit its environment, so keys are in neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from realtime_nb import forks
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.keys.address import concealed_address, refuse_wrong_address
from realtime_nb.keys.secret import ApiKey, concealed, concealed_by_mistake
from realtime_nb.local import free_addresses
from realtime_nb.local.models import ModelOptions, unknown_option
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import KEY_VARIABLES, redact

TOKEN_VARIABLE = "REALTIME_NB_LOCAL_TOKEN"
"""The environment variable with the token: every user of the machine can read a command line."""

PROBLEM = "problem"
"""The name of the report that says why the language model cannot answer; any other is about a download or a note."""

_START_S = 60.0
_STOP_S = 5.0
_OPTIONS = {"session_seconds": "--session-seconds", "pace": "--pace", "voice": "--voice"}

_inherited: list[subprocess.Popen[bytes]] = []


def _check_place(host: Any, port: Any) -> None:
    """Raise `ConfigError` where a server cannot listen; a chat server's address in the first place is named as such."""
    refuse_wrong_address(host)
    if not isinstance(host, str) or not host.strip() or "/" in host:
        raise ConfigError(
            f"host={host!r} must be the name or address of this machine to listen on, such as '127.0.0.1'. A chat "
            "server is chat_url=, with chat_model=."
        )
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65_535:
        raise ConfigError(f"port={port!r}: a port is a number from 0 (any free one) to 65535.")


class LocalServer:
    """Runs the local backend for as long as the context lasts: by rules, or with the local models of `chat_url`.

    Example:
        >>> with LocalServer() as server:           # doctest: +SKIP
        ...     print(server.url)                   # ws://127.0.0.1:PORT/v1/realtime

    The child ends with this process, however this process ends.

    Args:
        host: where it listens; anything but a loopback address requires a token.
        port: 0 picks a free one.
        token: the key that clients must send; None: they need none.
        chat_url, chat_model, chat_key, stt, stt_key, tts, tts_key, context_tokens, options: as for
            `rt.LocalModels`; without `chat_url` the practice backend answers. A key's function is called at the start.
        models: the same as one value, instead of these.
        **more: `session_seconds` (3600), `pace` (4.0: sound is sent four times faster than real time; 0: at once),
            `voice` (`"auto"`, or `"plain"`: tones and no recognition, as without the `local` extra).

    Attributes:
        url: `ws://HOST:PORT/v1/realtime`, once it listens.
        token: the token, or None.
        label: the name of the backend: what answers.
        notice: which parts of the voice are missing on this machine, or None.
        hearing: why free speech is not recognised, with the next step; or None.
        whereabouts: to which hosts beyond this machine words and sound go; None: to none.
        progress: the state of downloads that are under way, and notes on the conversation; None: there are none.
        problem: why the language model cannot answer, and which downloads failed, with the next step; or None.
        is_free: whether an answer costs nothing, since no part of it is made by a server beyond this machine.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
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
        models: ModelOptions | None = None,
        **more: float | str,
    ) -> None:
        # First of all: a verbose traceback shows the variables of this call.
        host = concealed_address(concealed_by_mistake(host), "host", instead="token= or chat_key=")
        port = concealed_by_mistake(port)
        chat_key, stt_key, tts_key = concealed(chat_key), concealed(stt_key), concealed(tts_key)
        chat_url = concealed_address(concealed_by_mistake(chat_url), "chat_url", instead="chat_key=")
        stt = concealed_address(concealed_by_mistake(stt), "stt", instead="stt_key=")
        tts = concealed_address(concealed_by_mistake(tts), "tts", instead="tts_key=")
        chat_model, context_tokens = concealed_by_mistake(chat_model), concealed_by_mistake(context_tokens)
        if unknown := [name for name in more if name not in _OPTIONS]:
            more.clear()  # a key may stand under a misspelt name
            raise unknown_option("LocalServer", unknown[0], [*(LocalServer.__init__.__kwdefaults__ or {}), *_OPTIONS])
        given: dict[str, Any] = {
            "chat_url": chat_url,
            "chat_model": chat_model,
            "chat_key": chat_key,
            "stt": stt,
            "stt_key": stt_key,
            "tts": tts,
            "tts_key": tts_key,
            "context_tokens": context_tokens,
            "options": options,
        }
        named = [name for name, value in given.items() if value is not None and value != "auto"]
        if models is not None and named:
            raise ConfigError(f"models= and {named[0]}= exclude each other: give one.")
        if named:
            if chat_url is None or chat_model is None:
                missing = "chat_url" if chat_url is None else "chat_model"
                raise ConfigError(f"{named[0]}= is for local models, which need {missing}= too.")
            models = ModelOptions(**given)
        _check_place(host, port)
        self.host = host
        self.token = token
        self.label = ""
        self.notice: str | None = None
        self.hearing: str | None = None
        self.progress: str | None = None
        self.problem: str | None = None
        self.whereabouts = models.whereabouts if models is not None else None
        self.is_free = self.whereabouts is None
        self._models = models
        self._reports: dict[str, tuple[bool, str]] = {}
        self._lock = threading.Lock()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._url: str | None = None
        self._command = [sys.executable, "-m", "realtime_nb.local", "--with-parent", f"--host={host}", f"--port={port}"]
        self._command += [f"{_OPTIONS[name]}={value}" for name, value in more.items()]
        if models is not None:
            self._command.append("--models-on-stdin")
        self._process: subprocess.Popen[bytes] | None = None
        self._made_in = forks.process
        self._error_lines: deque[str] = deque(maxlen=20)

    def __repr__(self) -> str:
        if "_url" not in vars(self):
            return "LocalServer(...)"  # not made: a verbose traceback shows it where an option was refused
        return f"LocalServer({self._url or 'not running'})"

    @property
    def url(self) -> str:
        """The address of the server.

        Raises:
            ConfigError: it is not running.
        """
        if self._url is None:
            raise ConfigError("The local server is not running: use `with LocalServer() as server:`.")
        return self._url

    @property
    def running(self) -> bool:
        """Whether the child process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> LocalServer:
        """Start the server, and return when it listens.

        Raises:
            ConfigError: it would be open to other machines without a token.
            ConnectError: it does not start; the message names the cause and the remedy.
        """
        if self._process is not None:
            return self
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(
                f"host={self.host!r} can be reached from other machines: give a token=, or listen on 127.0.0.1."
            )
        self._made_in = forks.process
        models = self._models.resolved() if self._models is not None else None
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(self.token),  # in no variable here: a verbose traceback would show its keys
            # Ctrl-C in a terminal, or an interrupted kernel, means the cell and not the server.
            start_new_session=True,
        )
        threading.Thread(target=self._collect, args=(self._process,), name="local-server-stderr", daemon=True).start()
        if models is not None:
            with contextlib.suppress(OSError):  # it has ended already: its first line says why
                self._process.stdin.write(models.to_pipe())  # type: ignore[union-attr] # a pipe
                self._process.stdin.flush()  # type: ignore[union-attr]
        started = self._first_line(self._process)
        if "url" not in started:
            self.close()
            why = started.get("error") or "; ".join(self._error_lines) or "it ended without a word"
            raise ConnectError(f"The local backend did not start: {why}", retryable=False)
        self._url, self.label = started["url"], started["label"]
        self.notice, self.hearing = started["notice"], started["hearing"]
        if self.is_free:
            free_addresses.add(self, started["url"])
        threading.Thread(target=self._follow, args=(self._process,), name="local-server-stdout", daemon=True).start()
        return self

    def close(self) -> None:
        """Stop the server and wait for its end; may be called twice. In a forked process it does not stop it."""
        free_addresses.discard(self)
        process, self._process, self._url = self._process, None, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr] # a pipe: we asked for one
        if self._made_in != forks.process:
            # The pipe was closed so that the server ends with its own parent. The others may be locked by a thread
            # that reads them in the parent: to close them, or to free them, would wait for that thread for ever.
            _inherited.append(process)
            return
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> LocalServer:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def _first_line(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        # A child that neither prints nor ends must not block a notebook.
        watchdog = threading.Timer(_START_S, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            line = process.stdout.readline()  # type: ignore[union-attr] # a pipe
        finally:
            watchdog.cancel()
        try:
            started = json.loads(line)
        except ValueError:
            process.wait()
            return {}
        return started if isinstance(started, dict) else {}

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Read the child's later lines: `{"report": NAME, "text": TEXT, "failed": BOOL}`; a text of None ends it."""
        with contextlib.suppress(OSError, ValueError):
            for line in process.stdout:  # type: ignore[union-attr] # a pipe
                report = json.loads(line)
                self._reports.pop(report["report"], None)
                if report["text"] is not None:
                    self._reports[report["report"]] = (report["failed"], redact(report["text"]))
                reports = self._reports.values()
                self.problem = " ".join(text for failed, text in reports if failed) or None
                self.progress = " ".join(text for failed, text in reports if not failed) or None
                with self._lock:
                    watchers = list(self._watchers)
                for watcher in watchers:
                    watcher.call()

    def _collect(self, process: subprocess.Popen[bytes]) -> None:
        """Read the child's stderr, and keep its last lines: a full pipe would block the child."""
        with contextlib.suppress(OSError, ValueError):
            for line in process.stderr:  # type: ignore[union-attr] # a pipe
                self._error_lines.append(line.decode(errors="replace").strip())


class Watcher:
    """Calls a function after each report of a server, for as long as its owner keeps this object."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call


def watch_reports(server: LocalServer, watcher: Watcher) -> None:
    """Call `watcher.call()` after each change of `progress` or `problem`, on another thread; kept weakly."""
    with server._lock:
        server._watchers.add(watcher)


def _environment(token: str | None) -> dict[str, str]:
    hidden = (TOKEN_VARIABLE, *KEY_VARIABLES)  # no key of another service may reach a model's server
    others = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**others, "PYTHONUNBUFFERED": "1", **({TOKEN_VARIABLE: token} if token is not None else {})}
