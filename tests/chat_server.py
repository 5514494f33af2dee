"""A small chat-completions server for tests: it follows simple instructions, calls tools, and fails on request.

Owns the HTTP side of `/v1/chat/completions` and `/v1/models`, over plain sockets, so that it can break a stream at any
byte; its answers come from `tests/chat_rules.py`. Must not know the package. Run `python -m tests.chat_server` for a
server of its own; it prints its URL.

    with ChatServer() as server:
        ...                                       # server.url, server.requests
        server.play(Play(status=429))             # the next request is answered so, and then as usual
        server.play(Play(["Hello", Pause(1), " there", Cut()]))
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from tests.chat_rules import Answer, answer, prompt_tokens, spelled, words

_JSON = "application/json"


@dataclass(frozen=True)
class Pause:
    """A wait within a stream, in seconds."""

    seconds: float


@dataclass(frozen=True)
class Cut:
    """The server closes the connection here, in the middle of the stream."""


@dataclass(frozen=True)
class Raw:
    """Bytes that are written into the stream as they are."""

    data: bytes


Step = str | dict[str, Any] | Pause | Cut | Raw
"""A text delta, a whole `delta` object, or one of the above."""


@dataclass(frozen=True)
class Play:
    """One scripted response.

    Attributes:
        steps: the stream, when `status` is 200 and there is no `body`.
        status: of the response.
        body: a whole body instead of a stream: an object as JSON, or text.
        headers: further headers.
        finish: the `finish_reason` after the steps; None ends the stream without one.
        done: whether `data: [DONE]` follows.
        usage: sent with `finish`, if given.
        delay_s: the wait before the status line.
    """

    steps: Sequence[Step] = ()
    status: int = 200
    body: Mapping[str, Any] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: str | None = "stop"
    done: bool = True
    usage: Mapping[str, Any] | None = None
    delay_s: float = 0


@dataclass
class Recorded:
    """One request that the server received.

    Attributes:
        headers: names in lower case.
        body: the JSON object of a POST, otherwise empty.
        received_at: `time.monotonic()` when the request was complete.
        disconnected: set when the client closed the connection before the response was complete.
        ended: set when the server is through with the request, in whatever way.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    received_at: float = field(default_factory=time.monotonic)
    disconnected: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of a chat request."""
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages


class ChatServer:
    """A chat server in a thread of its own; a context manager, plain or async.

    Args:
        models: the names that `/v1/models` lists; any other one is refused with 404.
        key: the key that every request must carry as a bearer token; None: none is looked at.
        refuses: fields of a body that are answered with 400, which names the field.
        refuses_tools: whether `tools` is answered with 400, in Ollama's words.
        tools: how calls are spelled: `"native"`, `"whole"` (each in one delta), `"object"` (arguments as an object),
            `"function_call"` (the legacy field), or as text: `"bare"`, `"hermes"`, `"fenced"`, `"mistral"`, `"llama"`,
            `"qwen_xml"`, `"python_tag"`.
        images: whether image parts are accepted.
        context_tokens: the size of the context; a longer prompt is refused with 400.
        alternation: whether two messages of the same role in a row are refused, as some chat templates do.
        lists_models: whether `/v1/models` exists.
        thinks: a text that precedes each answer within `<think>`.
        delay_s: the wait before the first token.
        gap_s: the wait before each further token.
        port: 0 picks one.
    """

    def __init__(
        self,
        *,
        models: Sequence[str] = ("test-model",),
        key: str | None = None,
        refuses: Sequence[str] = (),
        refuses_tools: bool = False,
        tools: str = "native",
        images: bool = True,
        context_tokens: int | None = None,
        alternation: bool = False,
        lists_models: bool = True,
        thinks: str = "",
        delay_s: float = 0,
        gap_s: float = 0,
        port: int = 0,
    ) -> None:
        self.models = list(models)
        self.key = key
        self.refuses = list(refuses)
        self.refuses_tools = refuses_tools
        self.tools = tools
        self.images = images
        self.context_tokens = context_tokens
        self.alternation = alternation
        self.lists_models = lists_models
        self.thinks = thinks
        self.delay_s = delay_s
        self.gap_s = gap_s
        self.requests: list[Recorded] = []
        self.connections = 0
        self.port = port
        self._plays: deque[Play] = deque()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, as a user writes it for `chat_url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Recorded]:
        """The requests for a completion, oldest first."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def play(self, *plays: Play) -> None:
        """Answer the next requests for a completion so, one play each."""
        self._plays.extend(plays)

    async def wait_for_chats(self, count: int, timeout: float = 20) -> Recorded:
        """Wait until there were so many requests for a completion, and return the last of these."""
        until = time.monotonic() + timeout
        while len(self.chats) < count:
            assert time.monotonic() < until, f"{len(self.chats)} requests instead of {count}"
            await asyncio.sleep(0.01)
        return self.chats[count - 1]

    # -- its life

    def start(self) -> Self:
        """Listen; returns when connections are accepted."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="chat server", daemon=True)
        self._thread.start()
        assert self._ready.wait(20), "the chat server did not start"
        return self

    def close(self) -> None:
        """Stop listening, and close every connection."""
        if self._loop is not None and self._stop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        handlers: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.ensure_future(self._connection(reader, writer))
            handlers.add(task)
            task.add_done_callback(handlers.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", self.port, limit=2**26)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    # -- connections

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b""
        try:
            while (request := await _read_request(reader, first)) is not None:
                self.requests.append(request)
                answering = asyncio.ensure_future(self._respond(request, _Response(writer)))
                # A byte that comes while we answer begins the next request; the end of the stream is a disconnect.
                watching = asyncio.ensure_future(reader.read(1))
                try:
                    await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
                    if not answering.done() and not await watching:
                        request.disconnected.set()
                        return
                    if not await answering:
                        return
                    first = await watching
                except OSError:
                    # A client that closes with bytes unread resets the connection instead of ending it.
                    if not answering.done() or answering.exception() is not None:
                        request.disconnected.set()
                    return
                finally:
                    answering.cancel()
                    watching.cancel()
                    await asyncio.gather(answering, watching, return_exceptions=True)
                    request.ended.set()
                if not first:
                    return
        except OSError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _respond(self, request: Recorded, response: _Response) -> bool:
        """Answer; return whether the connection is still usable."""
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return await response.error(401, "Incorrect API key provided.", code="invalid_api_key")
        if request.path == "/v1/models" and self.lists_models:
            models = [{"id": name, "object": "model"} for name in self.models]
            return await response.whole(200, {"object": "list", "data": models})
        if request.path != "/v1/chat/completions":
            return await response.whole(404, "404 page not found", kind="text/plain")
        if request.method != "POST":
            return await response.whole(405, "Method Not Allowed", kind="text/plain")
        if self._plays:
            return await _perform(self._plays.popleft(), request, response)
        if (refusal := self._refusal(request.body)) is not None:
            return await response.error(400 if refusal[0] != "model_not_found" else 404, refusal[1], code=refusal[0])
        await asyncio.sleep(self.delay_s)
        reply = answer(request.messages, request.body.get("tools") or [], request.body.get("tool_choice", "auto"))
        return await self._complete(request.body, reply, response)

    def _refusal(self, body: dict[str, Any]) -> tuple[str, str] | None:
        """Return the code and the message for a body that this server does not take."""
        if body.get("model") not in self.models:
            return "model_not_found", f'model "{body.get("model")}" not found, try pulling it first'
        for name in self.refuses:
            if name in body:
                return "unsupported_parameter", f"Unsupported parameter: '{name}' is not supported with this model."
        if self.refuses_tools and body.get("tools"):
            return "invalid_request", f"{body['model']} does not support tools"
        messages = body["messages"]
        if not self.images and any(isinstance(message.get("content"), list) for message in messages):
            return "invalid_request", "image input is not supported - hint: if this is unexpected, provide the mmproj"
        used = prompt_tokens(messages, body.get("tools") or [])
        if self.context_tokens is not None and used > self.context_tokens:
            said = f"maximum context length is {self.context_tokens} tokens, however you requested {used} tokens"
            return "context_length_exceeded", f"This model's {said}."
        if self.alternation and _repeats_a_role(messages):
            return "invalid_request", "Conversation roles must alternate user/assistant/user/assistant/..."
        return None

    async def _complete(self, body: dict[str, Any], reply: Answer, response: _Response) -> bool:
        deltas = list(spelled(reply, self.tools))
        if self.thinks:
            deltas = [{"content": piece} for piece in words(f"<think>{self.thinks}</think>\n\n")] + deltas
        most = body.get("max_completion_tokens") or body.get("max_tokens")
        finish = "tool_calls" if reply.calls and "tool_calls" in deltas[-1] else "stop"
        if most is not None and len(deltas) > most:
            deltas, finish = deltas[:most], "length"
        used = prompt_tokens(body["messages"], body.get("tools") or [])
        usage = {"prompt_tokens": used, "completion_tokens": len(deltas), "total_tokens": used + len(deltas)}
        if not body.get("stream"):
            content = "".join(delta.get("content") or "" for delta in deltas)
            message = {"role": "assistant", "content": content}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            return await response.whole(200, {"object": "chat.completion", "choices": [choice], "usage": usage})
        await response.begin(200, {"Content-Type": "text/event-stream"})
        for index, delta in enumerate(deltas):
            if index and self.gap_s:
                await asyncio.sleep(self.gap_s)
            await response.event(_chunk(delta))
        await response.event(_chunk({}, finish))
        if (body.get("stream_options") or {}).get("include_usage"):
            await response.event({**_chunk({}), "choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
        return await response.end()


class _Response:
    """Writes one HTTP response."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def whole(self, status: int, body: Any, *, kind: str = _JSON, headers: Mapping[str, str] = {}) -> bool:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        lines = {"Content-Type": kind, "Content-Length": str(len(data)), **headers}
        self._writer.write(_head(status, lines) + data)
        await self._writer.drain()
        return True

    async def error(self, status: int, message: str, *, code: str) -> bool:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return await self.whole(status, {"error": error})

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._writer.write(_head(status, {**headers, "Transfer-Encoding": "chunked"}))
        await self._writer.drain()

    async def event(self, data: Mapping[str, Any]) -> None:
        await self.write(f"data: {json.dumps(data)}\n\n".encode())

    async def write(self, data: bytes) -> None:
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def end(self) -> bool:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return True


async def _perform(play: Play, request: Recorded, response: _Response) -> bool:
    await asyncio.sleep(play.delay_s)
    if play.body is not None or play.status != 200:
        body = play.body if play.body is not None else {"error": {"message": f"status {play.status}", "code": None}}
        kind = "text/html" if isinstance(body, str) else _JSON
        return await response.whole(play.status, body, kind=kind, headers=play.headers)
    await response.begin(200, {"Content-Type": "text/event-stream", **play.headers})
    async for data in _stream(play):
        if data is None:
            return False
        await response.write(data)
    return await response.end()


async def _stream(play: Play) -> AsyncIterator[bytes | None]:
    """Yield the bytes of a scripted stream; None cuts the connection."""
    for step in play.steps:
        match step:
            case Pause():
                await asyncio.sleep(step.seconds)
            case Cut():
                yield None
                return
            case Raw():
                yield step.data
            case str():
                yield _sse(_chunk({"content": step}))
            case _:
                yield _sse(step if "choices" in step or "error" in step else _chunk(step))
    if play.finish is not None:
        yield _sse({**_chunk({}, play.finish), **({"usage": play.usage} if play.usage else {})})
    if play.done:
        yield b"data: [DONE]\n\n"


def _sse(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def _chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "test-model", "choices": [choice]}


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


async def _read_request(reader: asyncio.StreamReader, first: bytes) -> Recorded | None:
    """Read one request, whose first byte may have been read already; None at the end of the connection."""
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = request.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Recorded(method, path, headers, json.loads(body) if body else {})


def _repeats_a_role(messages: Sequence[Mapping[str, Any]]) -> bool:
    roles = [message["role"] for message in messages]
    return any(one == two for one, two in pairwise(roles) if one in ("user", "assistant"))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.chat_server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", default="test-model")
    parser.add_argument("--tools", default="native", help="how calls are spelled")
    parser.add_argument("--delay", type=float, default=0, help="seconds before the first token")
    parser.add_argument("--gap", type=float, default=0, help="seconds before each further token")
    options = parser.parse_args()
    given = {"models": [options.model], "tools": options.tools, "delay_s": options.delay, "gap_s": options.gap}
    with ChatServer(port=options.port, **given) as server, suppress(KeyboardInterrupt):
        print(server.url, flush=True)  # noqa: T201 - its only output
        threading.Event().wait()


if __name__ == "__main__":
    main()
