"""One chat server over HTTP: requests, the events of their streams, and the waits for them.

Owns the client, the key, and what goes to which address. Must not know what a chunk means.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from realtime_nb.keys.secret import Secret
from realtime_nb.local.voice.chat.errors import ChatErrors, is_loading
from realtime_nb.local.voice.chat.sse import SseDecoder
from realtime_nb.local.voice.http_body import beginning
from realtime_nb.local.voice.reply import ReplyError
from realtime_nb.loopback import is_loopback

_MOST_BODY = 2**16
"""How much of an error's body is read."""
_MOST_WHOLE = 2**24
"""How much of a completion is read that is not streamed, and of a list of models."""
_RETRY_S = 1.0
_DRAIN_S = 0.1
_END = "[DONE]"
_NO_CHUNK = ("", "null")
_STREAM_BEGINS = (b"data:", b"event:", b"id:", b"retry:", b":")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a server may take, in seconds.

    Attributes:
        connect: to accept a connection.
        first: until the first token; a model may have to be loaded.
        next: between tokens.
        last: for what follows the end of the answer (usage, the end mark).
        models: for the list of models.
    """

    connect: float = 5.0
    first: float = 120.0
    next: float = 30.0
    last: float = 2.0
    models: float = 10.0


class RefusedError(Exception):
    """The server answered with a status other than 200.

    Attributes:
        status: the HTTP status.
        body: the beginning of the response's text.
        location: where a redirect leads.
    """

    def __init__(self, status: int, body: str, location: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.location = location


class ChatEndpoint:
    """Sends requests to one chat server.

    The key goes to the origin of `url` only: redirects are not followed, and nothing else is requested.

    Args:
        url: the address before `/chat/completions`.
        key: sent as a bearer token, or None.
        errors: makes the errors.
        waits: how long the server may take.
    """

    def __init__(self, url: str, key: Secret | None, errors: ChatErrors, waits: Waits | None = None) -> None:
        self._url = url
        self.is_local = is_loopback(urlsplit(url).hostname or "")
        self._key = key
        self._errors = errors
        self._waits = waits or Waits()
        self._client: httpx.AsyncClient | None = None
        self._says_ends = False  # whether this server has said of an answer that it is complete

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def models(self) -> list[Mapping[str, Any]] | None:
        """Return the models that the server lists, or None where it has no such list.

        Raises:
            ReplyError: the server cannot be reached.
            RefusedError: it refuses the key.
        """
        try:
            async with (
                asyncio.timeout(self._waits.models),
                self._open().stream("GET", f"{self._url}/models", headers=self._headers()) as response,
            ):
                most = _MOST_WHOLE if response.status_code == 200 else _MOST_BODY
                text = await beginning(response.aiter_bytes(), most)
        except TimeoutError:
            raise self._errors.not_reachable(f"no answer within {self._waits.models:.0f} s") from None
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if response.status_code in (401, 403):
            raise RefusedError(response.status_code, text)
        answer = _object(text) if response.status_code == 200 else None
        listed = answer.get("data") if answer is not None else None
        return [model for model in listed if isinstance(model, Mapping)] if isinstance(listed, list) else None

    async def chunks(
        self, body: Mapping[str, Any], *, is_active: Callable[[], bool], is_finished: Callable[[], bool]
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the chunks of a completion; a server that does not stream gives one whole.

        Closing the generator closes the connection, and the server stops.

        Args:
            body: of the request.
            is_active: whether a token has come: later ones may take less time.
            is_finished: whether the answer said that it is complete.

        Raises:
            RefusedError: the server refuses the request.
            ReplyError: there is no answer, or it broke off.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._waits.first
        async with self._response(body, until) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            source = response.aiter_bytes()
            first = await self._first(source, until)
            # Some servers stream without saying so.
            if kind != "text/event-stream" and not first.lstrip().startswith(_STREAM_BEGINS):
                yield await self._whole(first, source, kind, until)
                return
            events = _events(first, source)
            try:
                while True:
                    data = await self._next(events, until, is_active, is_finished)
                    if data is not None and data.strip() == _END:
                        # llama-cpp-python ends a stream so to make way for the next request. Some servers never say
                        # that an answer is complete: only one that does can fail to.
                        if self._says_ends and not is_finished():
                            raise self._errors.cut_short()
                        self._says_ends = is_finished()
                        await _drained(events)
                        return
                    if data is None:
                        if not is_finished():
                            raise self._errors.broke_off("")
                        return
                    if data.strip() in _NO_CHUNK:
                        continue  # it keeps the connection open, and no answer going: the wait goes on
                    if (chunk := _object(data)) is None:
                        raise self._errors.not_chat(kind, data)
                    yield chunk
                    if is_finished():
                        until = loop.time() + self._waits.last
                    elif is_active():
                        until = loop.time() + self._waits.next
            finally:
                await events.aclose()

    async def _next(
        self,
        events: AsyncGenerator[str, None],
        until: float,
        is_active: Callable[[], bool],
        is_finished: Callable[[], bool],
    ) -> str | None:
        try:
            async with asyncio.timeout_at(until):
                return await anext(events, None)
        except TimeoutError:
            if is_finished():
                return None
            if is_active():
                raise self._errors.stalled(self._waits.next) from None
            raise self._errors.slow_first_token(self._waits.first) from None
        except (httpx.HTTPError, ValueError) as error:
            if is_finished():
                return None
            raise self._errors.broke_off(str(error)) from None

    async def _first(self, source: AsyncIterator[bytes], until: float) -> bytes:
        """Return the beginning of a response's body."""
        try:
            async with asyncio.timeout_at(until):
                async for data in source:
                    if data.strip():
                        return data
        except TimeoutError:
            raise self._errors.slow_first_token(self._waits.first) from None
        except httpx.HTTPError as error:
            raise self._errors.broke_off(str(error)) from None
        return b""

    async def _whole(self, first: bytes, source: AsyncIterator[bytes], kind: str, until: float) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout_at(until):
                text = await beginning(source, _MOST_WHOLE, first)
        except TimeoutError:
            raise self._errors.slow_first_token(self._waits.first) from None
        except httpx.HTTPError as error:
            raise self._errors.broke_off(str(error)) from None
        chunk = _object(text)
        if chunk is None or not ("choices" in chunk or "error" in chunk):
            raise self._errors.not_chat(kind, text)
        return chunk

    @asynccontextmanager
    async def _response(self, body: Mapping[str, Any], until: float) -> AsyncIterator[httpx.Response]:
        """Open the response; wait for a server that still loads its model."""
        loop = asyncio.get_running_loop()
        # A history may hold half of a surrogate pair, which is no UTF-8.
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        again = True
        while True:
            client = self._open()
            headers = {"Content-Type": "application/json", **self._headers()}
            request = client.build_request("POST", f"{self._url}/chat/completions", content=content, headers=headers)
            try:
                async with asyncio.timeout_at(until):
                    response = await client.send(request, stream=True)
            except TimeoutError:
                raise self._errors.slow_first_token(self._waits.first) from None
            except httpx.ConnectError as error:
                raise self._unreachable(error) from None
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                # A kept connection that the server has closed meanwhile fails so; a new one may not.
                if not again:
                    raise self._unreachable(error) from None
                again = False
                continue
            except httpx.HTTPError as error:
                raise self._unreachable(error) from None
            try:
                if response.status_code != 200:
                    refusal = await self._refusal(response)
                    if is_loading(refusal.status, refusal.body) and loop.time() + _RETRY_S < until:
                        await asyncio.sleep(_RETRY_S)
                        continue
                    raise refusal
                yield response
            finally:
                await response.aclose()
            return

    async def _refusal(self, response: httpx.Response) -> RefusedError:
        try:
            async with asyncio.timeout(self._waits.next):
                text = await beginning(response.aiter_bytes(), _MOST_BODY)
        except (httpx.HTTPError, TimeoutError):
            text = ""
        return RefusedError(response.status_code, text, response.headers.get("location", ""))

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            # A proxy does not lead to this machine. Without limits of the pool: a long answer must not delay others.
            self._client = httpx.AsyncClient(
                headers={"User-Agent": "realtime-nb"},
                timeout=httpx.Timeout(None, connect=self._waits.connect),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30),
                follow_redirects=False,
                trust_env=not self.is_local,
            )
        return self._client

    def _unreachable(self, error: httpx.HTTPError) -> ReplyError:
        return self._errors.not_reachable(_why(error))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key.reveal()}"} if self._key else {}


async def _events(first: bytes, source: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    decoder = SseDecoder()
    for event in decoder.feed(first):
        yield event
    async for data in source:
        for event in decoder.feed(data):
            yield event
    for event in decoder.end():
        yield event


async def _drained(events: AsyncGenerator[str, None]) -> None:
    """Read the end of a response, so that its connection can be used again; most servers send it at once."""
    with suppress(TimeoutError, httpx.HTTPError, ValueError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in events:
                pass


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None


def _why(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    return str(error) or type(error).__name__
