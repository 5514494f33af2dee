"""A scripted server on a real socket, for tests of clients of the Realtime API.

Owns the steps of a script and the server that plays them. Must not know the client.

Example:
    >>> from realtime_nb.testing import ScriptedServer, expect, send
    >>> steps = [send("session.created"), expect("response.create"), send("response.done", response={"id": "resp_1"})]
    >>> with ScriptedServer(steps) as server:
    ...     server.url.startswith("ws://127.0.0.1:")
    True
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeAlias

import msgspec

from .server_thread import ServerThread

__all__ = ["Script", "ScriptedServer", "Step", "abort", "close", "delay", "expect", "never", "raw", "run", "send"]

_PATIENCE_S = 10.0


class ScriptError(AssertionError):
    """The client did not do what the script expects."""


@dataclass
class Script:
    """One connection, for the steps of a script.

    Attributes:
        received: the client's events so far, as dicts.
        request_headers: of the handshake, names in lower case.
        path: of the handshake, with its query.
        last: the event that the last `expect` matched.
        news: notified when something is received.
    """

    socket: Any
    path: str
    request_headers: Mapping[str, str]
    received: list[dict[str, Any]] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    news: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _event_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def receive(self) -> dict[str, Any]:
        """Return the client's next event."""
        event: dict[str, Any] = json.loads(await self.socket.recv())
        with self.news:
            self.received.append(event)
            self.news.notify_all()
        return event

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send an event, with an id if it has none."""
        await self.socket.send(json.dumps({"event_id": f"event_{next(self._event_ids)}", **event}))


Step: TypeAlias = Callable[[Script], Awaitable[None]]


def expect(event_type: str, *, ignoring: Sequence[str] = ("input_audio_buffer.append",), **fields: Any) -> Step:
    """Wait for the client's next event, which must be of this type; `fields` must be equal in it.

    Events of the types in `ignoring` are skipped. A `fields` value may be a function that checks the value.
    """

    async def step(script: Script) -> None:
        while True:
            async with asyncio.timeout(_PATIENCE_S):
                event = await script.receive()
            if event["type"] == event_type or event["type"] not in ignoring:
                break
        if event["type"] != event_type:
            raise ScriptError(f"expected {event_type!r}, and got {event!r}")
        for name, wanted in fields.items():
            value = event.get(name)
            if not (wanted(value) if callable(wanted) else value == wanted):
                raise ScriptError(f"expected {name}={wanted!r} in {event!r}")
        script.last = event

    return step


def send(event: str | Mapping[str, Any] | msgspec.Struct | Callable[[Script], Any], **fields: Any) -> Step:
    """Send an event: a type with its fields, a dict, a struct of the wire, or a function that makes one."""

    async def step(script: Script) -> None:
        made = event(script) if callable(event) else event
        if isinstance(made, str):
            made = {"type": made, **fields}
            if made["type"] in ("session.created", "session.updated"):
                made.setdefault("session", {"type": "realtime", "model": "scripted"})
        for one in made if isinstance(made, list) else [made]:
            await script.send(msgspec.to_builtins(one))

    return step


def raw(frame: str | bytes) -> Step:
    """Send a frame unchanged: text, or binary."""

    async def step(script: Script) -> None:
        await script.socket.send(frame)

    return step


def close(code: int = 1000, reason: str = "") -> Step:
    """Close the connection with a close frame."""

    async def step(script: Script) -> None:
        await script.socket.close(code, reason)

    return step


def abort() -> Step:
    """Break the connection without a close frame."""

    async def step(script: Script) -> None:
        script.socket.transport.abort()

    return step


def delay(seconds: float) -> Step:
    """Wait before the next step."""

    async def step(script: Script) -> None:
        await asyncio.sleep(seconds)

    return step


def never() -> Step:
    """Send nothing more, and stay connected until the client closes."""

    async def step(script: Script) -> None:
        while True:
            await script.receive()

    return step


def run(function: Step) -> Step:
    """Use a coroutine function of the script as a step."""
    return function


class ScriptedServer(ServerThread):
    """A websocket server on this machine that plays `steps` with each client that connects.

    It runs on a thread of its own, so that the code under test may block. Leaving the context raises the exception of a
    failed step.

    Args:
        steps: played in order; when they are over, the connection stays open until the client closes it.
        refuse: an HTTP status to answer the handshake with, instead of a websocket.
        refuse_headers: headers of that answer.
        refuse_body: its body.

    Attributes:
        url: `ws://127.0.0.1:PORT/v1/realtime`.
        scripts: one a connection, in the order in which they came.
    """

    _thread_name = "scripted server"

    def __init__(
        self,
        steps: Sequence[Step] = (),
        *,
        refuse: int | None = None,
        refuse_headers: Mapping[str, str] | None = None,
        refuse_body: str = "",
    ) -> None:
        super().__init__()
        self.url = ""
        self.scripts: list[Script] = []
        self._steps = list(steps)
        self._refuse = refuse
        self._refuse_headers = dict(refuse_headers or {})
        self._refuse_body = refuse_body
        self._errors: list[BaseException] = []
        self._news = threading.Condition()

    @property
    def received(self) -> list[dict[str, Any]]:
        """The events of all clients, in order."""
        return [event for script in self.scripts for event in script.received]

    def received_types(self, *, ignoring: Sequence[str] = ("input_audio_buffer.append",)) -> list[str]:
        """Return the types of the clients' events, without those of `ignoring`."""
        return [event["type"] for event in self.received if event["type"] not in ignoring]

    async def heard(self, event_type: str, *, times: int = 1) -> None:
        """Wait until clients have sent `times` events of a type. Raises `TimeoutError` after ten seconds."""

        def enough() -> bool:
            return [event["type"] for event in self.received].count(event_type) >= times

        def wait() -> bool:
            with self._news:
                return bool(self._news.wait_for(enough, _PATIENCE_S))

        if not await asyncio.to_thread(wait):
            raise TimeoutError(f"no client sent {event_type!r} {times} times; they sent {self.received_types()}")

    def stop(self) -> None:
        """Close the server's connections to its clients, and end its thread. Raises the exception of a failed step."""
        super().stop()
        if self._errors:
            raise self._errors[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except ScriptError as failed:
            # The failed step is the cause of the test's own error: neither may hide the other.
            if error is not None:
                error.add_note(f"the scripted server: {failed}")
            else:
                raise

    async def _serve(self, stop: asyncio.Event) -> None:
        from websockets.asyncio.server import serve

        async with serve(
            self._play,
            "127.0.0.1",
            0,
            process_request=self._refusal,
            compression=None,
            max_size=None,
            close_timeout=1,
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/v1/realtime"
            self._listening.set()
            await stop.wait()

    def _refusal(self, connection: Any, request: Any) -> Any:
        if self._refuse is None:
            return None
        response = connection.respond(self._refuse, self._refuse_body)
        for name, value in self._refuse_headers.items():
            response.headers[name] = value
        return response

    async def _play(self, socket: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        headers = {name.lower(): value for name, value in socket.request.headers.raw_items()}
        script = Script(socket, socket.request.path, headers, news=self._news)
        self.scripts.append(script)
        try:
            for step in self._steps:
                await step(script)
            while True:
                await script.receive()
        except ConnectionClosed:
            pass
        except TimeoutError:
            self._errors.append(ScriptError(f"the client sent nothing more; so far it sent {script.received!r}"))
        except (ScriptError, ValueError, KeyError, TypeError) as error:
            self._errors.append(error if isinstance(error, ScriptError) else ScriptError(repr(error)))
            await socket.close(1011, "the script failed")
