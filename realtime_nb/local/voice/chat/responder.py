"""Answer by a language model behind a chat-completions server.

Owns the course of a reply: trim, request, learn from a refusal and request again, read; and the warming of the prompt.
Must not know sockets of ours, events or sound.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from realtime_nb.keys.secret import Secret
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.voice.chat.context_size import ContextSize
from realtime_nb.local.voice.chat.context_window import ContextWindow
from realtime_nb.local.voice.chat.endpoint import ChatEndpoint, RefusedError, Waits
from realtime_nb.local.voice.chat.errors import ChatErrors, context_limit, is_absent_model, is_overflow
from realtime_nb.local.voice.chat.messages import chat_messages
from realtime_nb.local.voice.chat.probe import ProbeResult, probe
from realtime_nb.local.voice.chat.quirks import Quirks
from realtime_nb.local.voice.chat.reply_reader import ReplyReader
from realtime_nb.local.voice.chat.request import base_body, chat_body
from realtime_nb.local.voice.protocols import ToolSpecs
from realtime_nb.local.voice.reply import ReplyError, ReplyPiece, ReplyRequest, ReplyUsage, TextPiece

_LOG = logging.getLogger(__name__)

NOT_UNDERSTOOD = "I did not catch that. Please say it again."
_MOST_ATTEMPTS = 8
_DEBOUNCE_S = 0.3
_TRY_OUT_S = 10.0


class ChatResponder:
    """A `StreamingResponder` that asks a chat-completions server. One object serves all sessions, on one event loop.

    Args:
        options: the server, its key and the model.
        waits: how long the server may take.
        note: receives sentences for people, such as that a conversation was trimmed; None: the log does.

    Attributes:
        limits_tokens: True: the request carries `max_output_tokens`, and the model counts.
    """

    limits_tokens = True

    def __init__(
        self, options: ModelOptions, *, waits: Waits | None = None, note: Callable[[str], None] | None = None
    ) -> None:
        key = options.resolved().chat_key if callable(options.chat_key) else options.chat_key
        assert key is None or isinstance(key, Secret)
        url, self.model = options.chat_url, options.chat_model
        self._options = dict(options.options or {})
        self._size = ContextSize(options.context_tokens)
        self._errors = ChatErrors(url, self.model, has_key=bool(key))
        self._endpoint = ChatEndpoint(url, key, self._errors, waits)
        self._quirks = Quirks()
        self._window = ContextWindow(note)
        self._warming: asyncio.Task[None] | None = None
        self._warm_for: tuple[str, str] | None = None

    async def close(self) -> None:
        """Close every connection."""
        self._stop_warming()
        await self._endpoint.close()

    async def probe(self) -> ProbeResult:
        """Ask the server for its models; the result says what is wrong, if anything is."""
        result = await probe(self._endpoint, self._errors, self.model, self._try_out)
        self._size.named = self._size.named or result.context_tokens
        return result

    async def _try_out(self, names: Sequence[str]) -> ReplyError | None:
        try:
            async with asyncio.timeout(_TRY_OUT_S):
                await self._one_token("", (), names)
        except ReplyError as error:
            return error
        except TimeoutError:  # it loads the model
            return None
        return None

    async def _one_token(self, instructions: str, tools: ToolSpecs, names: Sequence[str] = ()) -> None:
        """Make a request for one token, with the beginning of a conversation's prompt, and drop the answer.

        Raises:
            ReplyError: it failed; `names` are the models that the server offers.
        """
        history = [{"type": "message", "role": "user", "content": "Hello."}]
        for _ in range(_MOST_ATTEMPTS):
            messages = chat_messages(history, instructions, template=self._quirks.template)
            body = {**base_body(messages, tools, model=self.model), self._quirks.limit_name: 1, "stream": True}
            body |= self._options
            reader = ReplyReader((), self._errors)
            try:
                async with aclosing(self._chunks(body, reader)) as chunks:
                    async for chunk in chunks:
                        list(reader.feed(chunk))
            except RefusedError as refusal:
                if not self._quirks.learn(refusal.status, refusal.body, body, self._options):
                    raise self._refused(refusal, body, names) from None
            else:
                return

    def _chunks(self, body: Mapping[str, Any], reader: ReplyReader) -> AsyncGenerator[Mapping[str, Any], None]:
        return self._endpoint.chunks(body, is_active=lambda: reader.active, is_finished=lambda: reader.finished)

    # -- a reply

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyPiece, None]:
        """Stream the reply to a conversation.

        Closing the generator closes the connection to the server at once, which stops the model.

        Raises:
            ReplyError: there is no answer, or it broke off.
        """
        if not request.understood:
            yield TextPiece(NOT_UNDERSTOOD)
            yield ReplyUsage(0, 0)  # no model was asked
            return
        request = replace(request, history=[item for item in request.history if item.get("id") not in request.misheard])
        self._stop_warming()  # it would be in the way: many servers answer one request at a time
        guess: int | None = None  # the size to trim to, after a refusal that names none
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            history, estimated = self._fitting(request, guess)
            scale = self._window.scale  # of this estimate; the answer's usage corrects it
            body = chat_body(request, model=self.model, quirks=self._quirks, options=self._options, history=history)
            try:
                async with aclosing(self._read(request, body, estimated)) as pieces:
                    async for piece in pieces:
                        yield piece
            except RefusedError as refusal:
                if attempt == _MOST_ATTEMPTS:
                    raise await self._error(refusal, body) from None
                if is_overflow(refusal.status, refusal.body):
                    smaller = self._smaller(refusal, estimated)
                    if len(self._fitting(request, smaller)[0]) < len(history):
                        guess = smaller
                        continue
                if not self._quirks.learn(refusal.status, refusal.body, body, self._options):
                    raise await self._error(refusal, body) from None
            else:
                if guess is not None:
                    self._size.accept(guess, scale)
                self._size.outgrow(estimated, scale)
                return

    async def _read(
        self, request: ReplyRequest, body: Mapping[str, Any], estimated: int
    ) -> AsyncGenerator[ReplyPiece, None]:
        reader = ReplyReader(
            request.tools if "tools" in body else (),
            self._errors,
            parallel=request.parallel_tool_calls,
            begins_inside_thought=self._quirks.begins_inside_thought,
        )
        is_empty = True
        async with aclosing(self._chunks(body, reader)) as chunks:
            async for chunk in chunks:
                for piece in reader.feed(chunk):
                    is_empty = False
                    yield piece
                if reader.has_ended:
                    break
        for piece in reader.end():
            is_empty = is_empty and isinstance(piece, ReplyUsage)
            yield piece
        # A template that wrote the opening tag into the prompt does so each time.
        self._quirks.begins_inside_thought = reader.has_stray_thought or (
            self._quirks.begins_inside_thought and reader.has_thought
        )
        if reader.usage is not None:
            self._window.observe(estimated, reader.usage.input_tokens)
        if is_empty:
            raise self._errors.said_nothing(has_thought=reader.has_reasoned)

    def _fitting(self, request: ReplyRequest, guess: int | None) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the items that fit into the context, and the size of the prompt.

        Raises:
            ReplyError: the last turn alone is far longer than the context that the user gave.
        """
        size, is_guess = self._size.assumed(self._window.scale)
        if guess is not None and (size is None or guess < size):
            size, is_guess = guess, True
        if size is None:
            return request.history, self._window.tokens(request.history, request.instructions, request.tools)
        history, estimated = self._window.fit(
            request.history,
            size,
            instructions=request.instructions,
            tools=request.tools,
            reserved=request.max_output_tokens,
            is_guess=is_guess,
        )
        # Some servers cut a prompt without a word (Ollama), so the user's own number is kept. Any other size is no
        # proof, nor is the estimate: the server says itself what it does not take.
        if self._size.given is not None and estimated > 2 * self._size.given:
            raise self._errors.too_long(estimated, self._size.given)
        return history, estimated

    def _smaller(self, refusal: RefusedError, estimated: int) -> int | None:
        """Return a guess of the size to trim to, after a refusal as too long; None where the server names the size."""
        limit = context_limit(refusal.body)
        if limit is None:
            return self._size.next_guess(estimated)
        self._size.named = limit
        if estimated <= limit <= 3 * estimated:  # the estimate is too small
            self._window.observe(estimated, limit)
        return None

    async def _error(self, refusal: RefusedError, body: Mapping[str, Any]) -> ReplyError:
        models: list[str] = []
        if is_absent_model(refusal.status, refusal.body):
            with suppress(ReplyError, RefusedError):
                models = [str(model.get("id", "")) for model in await self._endpoint.models() or ()]
        return self._refused(refusal, body, models)

    def _refused(self, refusal: RefusedError, body: Mapping[str, Any], models: Sequence[str]) -> ReplyError:
        if 300 <= refusal.status < 400:
            return self._errors.redirected(refusal.status, refusal.location)
        return self._errors.refused(refusal.status, refusal.body, sent=body, models=models)

    # -- warming

    async def prepare(self, instructions: str, tools: ToolSpecs) -> None:
        """Let a server on this machine read the prompt's beginning, so that the first word comes sooner.

        The model is loaded, and its prompt cache holds instructions and tools. Nothing is sent to other machines, where
        a request may cost money. A real request ends it.
        """
        if not self._endpoint.is_local:
            return
        wanted = (instructions, repr(tools))
        if wanted == self._warm_for:
            return
        self._stop_warming()
        task = self._warming = asyncio.create_task(self._warm(instructions, tools))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if not task.cancelled():
            self._warm_for = wanted

    async def _warm(self, instructions: str, tools: ToolSpecs) -> None:
        await asyncio.sleep(_DEBOUNCE_S)
        try:
            await self._one_token(instructions, tools)
        except ReplyError as error:
            _LOG.debug("the prompt was not warmed: %s", error)  # a real request will say what is wrong

    def _stop_warming(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            self._warming = None
