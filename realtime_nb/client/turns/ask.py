"""`ask`: say one user turn, and return the answer to it.

Owns how a question is said in one piece whatever the turn detection, and the wait for its own answer among all others.
Must not know sockets or widgets.

Sound goes through the input buffer with turn detection off around it: clear, append, commit, then turn detection as it
was, then `response.create` (docs/protocol.md 15). A detector would end the turn at any pause inside a recording and
answer each half; with the commit by hand there is exactly one user item. All of it is sent without waiting for an
answer, so it costs no round trip, and turn detection is on again before the microphone is.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
from typing import Any

from realtime_nb import errors
from realtime_nb.audio import RATE_HZ
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.reconnect.session_snapshot import SessionSnapshot
from realtime_nb.client.transport.close import was_lost
from realtime_nb.client.turns.audio_sink import PlaybackEnd
from realtime_nb.client.turns.config_updates import ConfigUpdates
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.input_audio import MINIMUM_SAMPLES, InputAudio
from realtime_nb.client.turns.question import SaidQuestion, type_question
from realtime_nb.client.turns.response_queue import ResponseQueue, ResponseRequest
from realtime_nb.client.turns.tool_runner import ToolRunner
from realtime_nb.client.utterance import Samples, Utterance
from realtime_nb.conversation import Turn
from realtime_nb.errors import ConnectError, RealtimeError, ServerError
from realtime_nb.wire.realtime import Response

_CHUNK_SAMPLES = RATE_HZ // 10
_TRANSCRIPT_S = 3.0
_ATTEMPTS = 3
"""How often one question is asked, where the connection is lost each time."""


class Questions:
    """The questions of one session, one after the other.

    Args:
        connection: where questions are said.
        feed: has the conversation in which the answers appear.
        responses: asks for the answers.
        calls: the tools that run before an answer is complete.
        input_audio: sends recorded sound.
        updates: turns detection off around it.
        playback: ends when an answer was played.
        snapshot: tells which items a new session did not take.
    """

    def __init__(
        self,
        connection: ConnectionCore,
        feed: ConversationFeed,
        responses: ResponseQueue,
        calls: ToolRunner,
        input_audio: InputAudio,
        updates: ConfigUpdates,
        playback: PlaybackEnd,
        snapshot: SessionSnapshot,
    ) -> None:
        self._connection = connection
        self._sender = connection.sender
        self._feed = feed
        self._responses = responses
        self._calls = calls
        self._input_audio = input_audio
        self._updates = updates
        self._playback = playback
        self._snapshot = snapshot
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, utterance: Utterance, timeout: float | None) -> Turn:
        """Say `utterance` and return the answer; `timeout` does not count playback."""
        stage = _Stage()
        try:
            async with asyncio.timeout(timeout):
                with self._responses.wanted():
                    await self._one_at_a_time.acquire()
                try:
                    response = await self._answer(utterance, stage)
                finally:
                    self._one_at_a_time.release()
        except builtins.TimeoutError:
            raise errors.TimeoutError(
                f"no answer to {utterance.label!r} within {timeout:g} s: waited for {stage.awaited}"
            ) from None
        turn = self._turn_of(response)
        await self._played(turn)
        await self._transcribed(stage)
        return self._feed.conversation.turn(turn.item_id) or turn

    async def _answer(self, utterance: Utterance, stage: _Stage) -> Response:
        """Return the model's answer; ask again where the connection was lost while the model answered.

        The question is in the new session already, and with it the calls whose tools have run, with their output: the
        model goes on from there, so no tool acts twice.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            lost: RealtimeError | None = None
            try:
                response = await self._asked(utterance, stage)
            except ConnectError as error:
                lost = error
            else:
                if not was_lost(response) or self._is_whole(response):
                    return response
            if attempt == _ATTEMPTS or self._connection.closed is not None:
                raise lost or ConnectError(
                    f"the connection was lost in the middle of the answer to {utterance.label!r}, {attempt} times. It "
                    "is not asked again; the conversation goes on."
                )
            stage.awaited = "the connection to come back"
            await self._connection.ready()
            stage.awaited = "the tools: " + (", ".join(self._calls.pending()) or "none")
            await self._calls.finished()
        raise AssertionError("unreachable")

    async def _asked(self, utterance: Utterance, stage: _Stage) -> Response:
        stage.awaited = "the response before it to end"
        await self._responses.idle()
        if self._responses.refusal is not None:
            raise self._responses.refusal  # a limit was reached while the question waited: it is not said at all
        stage.awaited = "the server to acknowledge the question"
        said = stage.said
        if said is not None:
            self._check_is_last(said, utterance)  # no await from here to the request
        elif utterance.text is not None:
            said = stage.said = type_question(self._sender, utterance, self._snapshot)
        else:
            said = stage.said = SaidQuestion(await self._say(utterance.sound), self._snapshot)
            stage.spoken = said.accepted
        accepted = said.accepted
        request = self._responses.create({}, question=said)
        try:
            await asyncio.wait([accepted, request.done], return_when=asyncio.FIRST_COMPLETED)
            if accepted.done():
                accepted.result()
            return await self._end_of(request, stage)
        except ConnectError:
            self._responses.cancel(stage.request or request)
            if not accepted.done() or accepted.exception() is not None:
                stage.said = None  # the question itself was lost: it must be sent again
            raise
        except BaseException:
            self._responses.cancel(stage.request or request)
            raise

    def _check_is_last(self, said: SaidQuestion, utterance: Utterance) -> None:
        """Raise where another turn of the user follows the question: a response would answer that one."""
        conversation = self._feed.conversation
        for item_id in reversed(conversation.order):
            record = conversation.items[item_id]
            if item_id == said.item_id:
                return
            if record.role == "user" and not record.refused and not conversation.store.hidden(record):
                raise RealtimeError(
                    f"the connection was lost in the middle of the answer to {utterance.label!r}, and another turn "
                    "followed before it could be asked again. Ask it once more."
                )

    async def _say(self, samples: Samples) -> asyncio.Future[Any]:
        """Send recorded sound as one user item; the future gets its acknowledgement."""
        # Padded with silence: the service refuses less (docs/protocol.md 14).
        pcm = samples.tobytes().ljust(2 * MINIMUM_SAMPLES, b"\0")
        self._input_audio.hold(True)
        self._updates.put_off_turn_detection()
        try:
            self._sender.put({"type": "input_audio_buffer.clear"})
            await self._sender.flushed()
            for start in range(0, len(pcm), 2 * _CHUNK_SAMPLES):
                if not await self._input_audio.append(pcm[start : start + 2 * _CHUNK_SAMPLES]):
                    raise ConnectError("the connection was lost while the question was being said")
            await self._input_audio.finish()
            return self._sender.post({"type": "input_audio_buffer.commit"})
        finally:
            self._updates.resume_turn_detection()
            self._input_audio.hold(False)

    async def _end_of(self, request: ResponseRequest, stage: _Stage) -> Response:
        """Return the response that ends the answer: the one that no further response follows."""
        last: Response | None = None
        while True:
            stage.request = request
            stage.awaited = "the response to end" if request.response_id else "the response"
            response = await asyncio.shield(request.done)
            if response is None:
                if last is None:
                    raise RealtimeError("the question was interrupted before its answer began")
                return last
            if was_lost(response) and not self._is_whole(response):
                return response
            last = response
            stage.awaited = "the tools: " + (", ".join(self._calls.pending()) or "none")
            following = await self._calls.followup(response.id or "")
            if following is None:
                if self._connection.closed is not None and self._calls.ran_for(response.id or ""):
                    raise self._connection.end_error()  # the tools' answer will never come
                return response
            request = following

    def _is_whole(self, response: Response) -> bool:
        """Whether the answer of a lost response is complete, and only its end is missing."""
        turn = self._said_in(response)
        return turn is not None and turn.status == "completed"

    def _said_in(self, response: Response) -> Turn | None:
        conversation = self._feed.conversation
        for turn in (*reversed(conversation.live), *reversed(conversation.turns)):
            if turn.role == "assistant" and turn.response_id == response.id:
                return turn
        return None

    def _turn_of(self, response: Response) -> Turn:
        turn = self._said_in(response)
        if turn is not None and (response.status != "failed" or self._is_whole(response)):
            return turn
        if response.status == "failed":
            error = response.status_details.error if response.status_details is not None else None
            said = (error.message or error.code) if error is not None else None
            raise ServerError(
                said or "the response failed, and the server did not say why", code=error.code if error else None
            )
        for item in reversed(response.output or []):
            known = self._feed.conversation.turn(item.id or "")
            if known is not None:
                return known
        raise RealtimeError(f"the response ended ({response.status}) without saying anything")

    async def _played(self, turn: Turn) -> None:
        """Wait until a page has played the sound; a page that has gone away must not stop a program."""
        with contextlib.suppress(builtins.TimeoutError):
            async with asyncio.timeout(10 + (turn.audio_ms or 0) / 1000):
                await self._playback.drained()

    async def _transcribed(self, stage: _Stage) -> None:
        """Wait a moment for the transcript of the question, which may follow the answer or never come."""
        audio = self._connection.config.effective.get("audio") or {}
        if stage.spoken is None or not (audio.get("input") or {}).get("transcription"):
            return  # docs/protocol.md 37
        item_id = stage.spoken.result().item_id if stage.spoken.done() else ""
        settled = asyncio.Event()

        def check(_: Any) -> None:
            if any(turn.item_id == item_id for turn in self._feed.conversation.turns):
                settled.set()

        unsubscribe = self._feed.subscribe(check)
        check(None)
        try:
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(_TRANSCRIPT_S):
                    await settled.wait()
        finally:
            unsubscribe()


class _Stage:
    """How far a question has come; `awaited` stands in the error when it takes too long."""

    awaited = "its turn: another question is under way"
    request: ResponseRequest | None = None
    spoken: asyncio.Future[Any] | None = None
    said: SaidQuestion | None = None
