"""The queue of `response.create` events: one response of the conversation at a time.

Owns when a create is sent, which response answers it, and what a cancel means at each moment (docs/protocol.md 19 to
22). Sans-IO: events come in by method calls, and client events go out through an `EventSender`. Must not know sockets,
turns or tools.

Two slots describe the default conversation: `_sent`, a create that the server has not answered, and `_active`, the id
of the response that runs. A new create is sent only when both are empty. Responses that the server makes by itself
(voice activity) fill `_active` alone; a create that crosses one on the wire is refused and waits for its turn again.

The client recognises its own create by its metadata, once the server has shown that it echoes them. Until then, a
response without metadata counts as the answer to the create that was sent. Where the server may also begin responses by
itself, that is a guess: such a response can begin and end before the create arrives. So at its end the create stays in
its slot for a moment (`_guess`), in which its own `response.created`, or a refusal, would arrive. If neither does, the
server echoes no metadata.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from realtime_nb.client.events.pending_requests import METADATA_KEY, server_error
from realtime_nb.client.turns.event_sender import EventSender
from realtime_nb.errors import RealtimeError
from realtime_nb.wire.realtime import ErrorDetail, Response

_BUSY = "conversation_already_has_active_response"
_REMEMBERED = 256
_UNNAMED = ""
CANCEL_ANSWER_S = 5.0
"""How long the server may take to end a response that was told to stop."""
_AGAIN_S = 0.25
"""One interruption may cancel a response by two ways; after this long, a cancel is another interruption."""
_PATIENCE_S = 2.0
"""How long a create that was sent before the end of a response may still be on its way when that end arrives."""


class AnsweringServer(Protocol):
    """The configuration that a queue asks."""

    @property
    def server_answers(self) -> bool:
        """Whether the server begins a response by itself at the end of a turn."""


class AskedTurn(Protocol):
    """The user's turn that a response is asked for."""

    @property
    def item_id(self) -> str | None:
        """The id of its item, once it is known."""

    def problem(self) -> Exception | None:
        """Why the server's present session does not have it; None where it was sent there and not refused."""


class ResponseRequest:
    """A request for a response.

    Attributes:
        question: the turn that the response answers; None: whatever the conversation ends with.
        done: the final `Response`, or None where the request was dropped before it was answered.
        response_id: set once the server has begun the response.
    """

    def __init__(
        self, event_id: str, params: dict[str, Any], *, automatic: bool, question: AskedTurn | None = None
    ) -> None:
        self.event_id = event_id
        self.question = question
        self.params = params
        self.automatic = automatic
        self.out_of_band = params.get("conversation") == "none"
        self.cancelled = False
        self.response_id: str | None = None
        self.done: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        # It need not be awaited: a refused automatic request is reported as an error event already.
        self.done.add_done_callback(lambda future: future.cancelled() or future.exception())

    def event(self) -> dict[str, Any]:
        """The `response.create`, with metadata by which its response is recognised."""
        metadata = {**(self.params.get("metadata") or {}), METADATA_KEY: self.event_id}
        return {
            "type": "response.create",
            "event_id": self.event_id,
            "response": {**self.params, "metadata": metadata},
        }

    def finish(self, response: Response | None) -> None:
        """Set the final response; None where it will never begin."""
        if not self.done.done():
            self.done.set_result(response)

    def fail(self, error: Exception) -> None:
        """Set an error: the server refused the request, or the connection is lost."""
        if not self.done.done():
            self.done.set_exception(error)


class ResponseQueue:
    """The order of responses on one connection.

    Args:
        sender: sends creates and cancels.
        server: tells whether the server may begin responses by itself.

    Attributes:
        refusal: the error of every request that is made while a limit is reached, or None.
        contended: set while a response holds the slot that another request waits for, or that was told to stop.
        turn_marker: changes when the user takes the turn; what was begun before asks for no response any more.
    """

    def __init__(self, sender: EventSender, server: AnsweringServer) -> None:
        self.turn_marker = 0
        self.refusal: RealtimeError | None = None
        self._sender = sender
        self._server = server
        self._queue: deque[ResponseRequest] = deque()
        self._sent: ResponseRequest | None = None
        self._active: str | None = None
        self._cancel_sent: set[str] = set()
        self._cancel_events: deque[str] = deque(maxlen=_REMEMBERED)
        self._out_of_band: dict[str, ResponseRequest] = {}
        self._by_response: dict[str, ResponseRequest] = {}
        self._known_out_of_band: deque[str] = deque(maxlen=_REMEMBERED)
        self._echoes_metadata: bool | None = None  # None: it has not shown yet
        self._assumed: ResponseRequest | None = None
        self._guess: tuple[Response, asyncio.TimerHandle] | None = None
        self._lost: Exception | None = None
        self._waiting = 0
        self._signs = 0
        self._signs_seen = -1
        self._silent_since = 0.0
        self._cancelled_at: dict[str | ResponseRequest, float] = {}
        self._given_up: deque[str] = deque(maxlen=_REMEMBERED)
        self._own: deque[str] = deque(maxlen=_REMEMBERED)  # the event ids of the creates of this queue
        self._void: dict[str, None] = {}  # requests whose response answers no question of theirs
        self._void_responses: deque[str] = deque(maxlen=_REMEMBERED)
        self.contended = asyncio.Event()
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()

    @property
    def active(self) -> bool:
        """Whether a response of the default conversation runs, or was asked for."""
        return self._active is not None or self._sent is not None

    @property
    def active_id(self) -> str | None:
        """The id of the response that runs."""
        return self._active

    async def idle(self) -> None:
        """Return when no response runs and no request is queued."""
        with self.wanted():
            await self._idle.wait()

    @contextlib.contextmanager
    def wanted(self) -> Iterator[None]:
        """Count a caller that waits for the slot: a response that shows no sign of life must not hold it for ever."""
        self._waiting += 1
        self._check_contention()
        try:
            yield
        finally:
            self._waiting -= 1
            self._check_contention()

    def is_out_of_band(self, response_id: str | None) -> bool:
        """Whether a response stands outside of the conversation (docs/protocol.md 21)."""
        return response_id in self._known_out_of_band

    def create(
        self, params: dict[str, Any] | None = None, *, automatic: bool = False, question: AskedTurn | None = None
    ) -> ResponseRequest:
        """Ask for a response: now if none is active, else after the active one.

        An automatic request with the same parameters as a queued automatic one is that one; a caller's never is.
        """
        if automatic:
            waiting = next((known for known in self._queue if known.automatic and known.params == (params or {})), None)
            if waiting is not None:
                return waiting
        request = ResponseRequest(self._sender.new_event_id(), params or {}, automatic=automatic, question=question)
        if (refused := self._lost or self.refusal) is not None:
            request.fail(refused)
            return request
        if request.out_of_band:
            self._out_of_band[request.event_id] = request
            self._sender.put(request.event())
            return request
        self._own.append(request.event_id)
        self._queue.append(request)
        self._pump()
        return request

    def refuse(self, error: RealtimeError | None) -> None:
        """Fail the requests that were not sent, and all to come, with an error; None accepts requests again.

        A request that was sent may have its answer.
        """
        self.refusal = error
        if error is not None:
            queued, self._queue = self._queue, deque()
            for request in queued:
                request.fail(error)
            self._pump()

    def cancel(self, request: ResponseRequest | None = None) -> bool:
        """Stop `request`, or whatever runs on the default conversation; also before the server has answered.

        Returns:
            whether there was anything to stop.
        """
        if request is None:
            if self._sent is not None:
                self._cancel_sent_request(self._sent)
            if self._active is not None:
                self._cancel_response(self._active)
            return self.active
        if request in self._queue:
            self._queue.remove(request)
            request.finish(None)
            self._pump()
        elif request.response_id is not None and not request.done.done():
            self._cancel_response(request.response_id)
        else:
            self._cancel_sent_request(request)
        return True

    # Questions that are not there

    def may_leave(self, event_id: str) -> bool:
        """Whether a `response.create` may be sent now; called at the last moment before it is.

        The invariant: no request of this queue reaches a session that does not have its question. A request that was
        cancelled, or whose question was lost or refused while it waited for a transport, ends here instead: the server
        would answer the turn before it. A request of the user's own (`conn.response.create`) always leaves.
        """
        if event_id in self._void:
            self._on_void_over(event_id)
            return False
        request = self._sent
        if request is None or request.event_id != event_id:
            return event_id not in self._own
        problem = request.question.problem() if request.question is not None else None
        if problem is None and not request.cancelled:
            return True
        self._release_sent()
        if problem is not None:
            request.fail(problem)
        else:
            request.finish(None)
        self._pump()
        return False

    def on_item_sent_again(self, item_id: str) -> None:
        """Ask again for the answer to a question that the server refused at first, and that is sent once more.

        The request for its answer was sent right behind it: the response to that one answers the turn before, and is
        void.
        """
        request = self._sent
        if request is None or request.question is None or request.question.item_id != item_id:
            return
        self._release_sent()
        self._void[request.event_id] = None
        self._active = _UNNAMED  # until the void response has ended, or turns out not to come
        request.event_id = self._sender.new_event_id()
        self._own.append(request.event_id)
        self._queue.appendleft(request)

    def is_void(self, response_id: str | None) -> bool:
        """Whether a response answers no question: its items must not stay in the conversation."""
        return response_id in self._void_responses

    def _is_about_void(self, key: str | None) -> bool:
        """Whether a response that begins is void; by order, where the server does not echo metadata."""
        if key is None and self._void and not self._echoes_metadata:
            key = next(iter(self._void))
        if key not in self._void:
            return False
        del self._void[key]
        return True

    def _on_void_over(self, event_id: str) -> None:
        del self._void[event_id]
        if self._active == _UNNAMED:
            self._active = None
        self._pump()

    def _cancel_sent_request(self, request: ResponseRequest) -> None:
        """Remember a cancel until `response.created`: one that arrives before it is lost (docs/protocol.md 22)."""
        request.cancelled = True
        if request is self._sent:
            self._note_cancelled(request)

    def _note_cancelled(self, target: str | ResponseRequest) -> None:
        """Begin the wait for the end of a cancelled response; a second cancel ends the wait at once."""
        now = asyncio.get_running_loop().time()
        first = self._cancelled_at.setdefault(target, now)
        if now - first >= _AGAIN_S:
            self._cancelled_at[target] = float("-inf")
        self._check_contention()

    # A response that does not end

    @property
    def signs_of_life(self) -> int:
        """How many events of responses have arrived."""
        return self._signs

    def note_sign_of_life(self) -> None:
        """Note that something of a response has arrived."""
        self._signs += 1

    def overdue(self, now: float, idle_s: float, *, busy: bool) -> str | ResponseRequest | None:
        """The response, or the request without one, that must give its slot up; cancels one that is silent first.

        Args:
            now: the loop's time.
            idle_s: how long a response may be silent while another request waits.
            busy: whether a tool runs or its sound is playing, which both count as signs of life.
        """
        target = self._active if self._active is not None else self._sent
        if target is None:
            return None
        if self._signs != self._signs_seen or busy or self._silent_since == 0.0:
            self._signs_seen, self._silent_since = self._signs, now
        cancelled_at = self._cancelled_at.get(target)
        if cancelled_at is not None:
            return target if now - cancelled_at >= CANCEL_ANSWER_S else None
        if (self._queue or self._waiting) and now - self._silent_since >= idle_s:
            if isinstance(target, ResponseRequest):
                self._sender.put({"type": "response.cancel", "event_id": self._cancel_event_id()})
                self._cancel_sent_request(target)
            elif target != _UNNAMED:
                self._cancel_response(target)
            else:
                return target
        return None

    def give_up(self, target: str | ResponseRequest, error: Exception) -> None:
        """Free the slot of a request that the server never answered, or of a response without a name."""
        if isinstance(target, ResponseRequest) and target is self._sent:
            self._given_up.append(target.event_id)
            self._release_sent()
            target.fail(error)
        elif target == self._active:
            self._active = None
        self._cancelled_at.pop(target, None)
        self._pump()

    def cancelling(self, response_id: str | None) -> bool:
        """Whether a response was cancelled and has not ended yet."""
        return response_id in self._cancel_sent

    def user_took_turn(self) -> None:
        """Note that the user speaks or types; the answer to tools that ran before is then not requested any more."""
        self.turn_marker += 1

    def drop_automatic(self) -> None:
        """Drop the automatic requests that have no response yet: the user has spoken."""
        for request in [known for known in self._queue if known.automatic]:
            self._queue.remove(request)
            request.finish(None)
        if self._sent is not None and self._sent.automatic:
            self._sent.cancelled = True
        self._pump()

    def on_created(self, response: Response, *, out_of_band: bool) -> bool:
        """Handle `response.created`; returns whether it is out of band, which its request says for certain."""
        key = (response.metadata or {}).get(METADATA_KEY)
        response_id = response.id or ""
        if key is not None:
            self._echoes_metadata = True
        void = self._is_about_void(key)
        if void:
            self._void_responses.append(response_id)
        request = None if void else self._answered_by(key, out_of_band=out_of_band)
        if request is not None:
            out_of_band = request.out_of_band
            request.response_id = response_id
            self._by_response[response_id] = request
            while len(self._by_response) > _REMEMBERED:
                del self._by_response[next(iter(self._by_response))]
        if out_of_band:
            self._known_out_of_band.append(response_id)
        else:
            self._active = response_id
            self._idle.clear()
        if void or (request is not None and request.cancelled) or key in self._given_up:
            self._cancel_response(response_id)
        return out_of_band

    def answered_by(self, response_id: str | None) -> str | None:
        """The event id of the `response.create` that a response answers."""
        request = self._by_response.get(response_id or "")
        return request.event_id if request is not None else None

    def _answered_by(self, key: str | None, *, out_of_band: bool) -> ResponseRequest | None:
        if key is not None:
            if key in self._out_of_band:
                return self._out_of_band.pop(key)
            if self._sent is not None and self._sent.event_id == key:
                return self._release_sent()
            return None
        if self._echoes_metadata:
            return None  # the server echoes metadata: it began this response by itself
        if out_of_band and self._out_of_band:
            return self._out_of_band.pop(next(iter(self._out_of_band)))
        if self._guess is not None:
            return None  # the response before it is the better guess
        self._assumed = self._release_sent()
        return self._assumed

    def _release_sent(self) -> ResponseRequest | None:
        request, self._sent = self._sent, None
        if request is not None:
            self._cancelled_at.pop(request, None)
        if self._guess is not None:
            self._guess[1].cancel()
            self._guess = None
        return request

    def on_done(self, response: Response, *, out_of_band: bool) -> None:
        """Handle `response.done`, whatever its status; one out of band leaves the active one alone."""
        response_id = response.id or ""
        self._cancel_sent.discard(response_id)
        self._cancelled_at.pop(response_id, None)
        request = self._by_response.pop(response_id, None)
        if self._active == response_id or (self._active == _UNNAMED and not out_of_band):
            self._active = None
        if request is not None and request is self._assumed:
            self._assumed = None
            if self._echoes_metadata is None and self._server.server_answers:
                self._wait_for_another_answer(request, response)
                return
        if request is not None:
            request.finish(response)
        self._pump()

    def _wait_for_another_answer(self, request: ResponseRequest, response: Response) -> None:
        request.response_id = None
        self._sent = request
        timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._on_no_answer)
        self._guess = response, timer

    def _on_no_answer(self) -> None:
        self._echoes_metadata = False
        self._accept_guess()
        self._pump()

    def _accept_guess(self) -> None:
        """Let the response that ended count as the answer: no better one can be found any more."""
        if self._guess is None:
            return
        response = self._guess[0]
        request = self._release_sent()
        if request is not None:
            request.response_id = response.id
            request.finish(response)

    def on_error(self, detail: ErrorDetail, *, about_response: bool = False) -> bool:
        """Handle `error`; returns True for an expected race that must not be reported (docs/protocol.md 20, 22)."""
        ours = detail.event_id is None or detail.event_id in self._cancel_events
        if detail.code == "response_cancel_not_active" and ours:
            for target in self._cancelled_at:  # it is over, and its `response.done` was lost, or is just arriving
                self._cancelled_at[target] = float("-inf")
            return True
        event_id = detail.event_id
        assumed = self._assumed if self._sent is None else None
        if detail.code == _BUSY and assumed is not None and event_id in (None, assumed.event_id):
            self._disclaim(assumed)
        if event_id is None and self._sent is not None and (about_response or detail.code == _BUSY):
            event_id = self._sent.event_id  # some servers do not name the event that they refuse
        if event_id in self._void:
            self._on_void_over(event_id)
            return True
        if event_id in self._out_of_band:
            self._out_of_band.pop(event_id).fail(server_error(detail))
            return False
        if self._sent is None or self._sent.event_id != event_id:
            return False
        request = self._sent
        self._release_sent()
        if detail.code != _BUSY:
            request.fail(server_error(detail))
            self._pump()
            return False
        self._crossed(request, detail)
        return True

    def _disclaim(self, request: ResponseRequest) -> None:
        """Put `request` back into its slot: the response that counted as its answer was the server's own."""
        self._by_response.pop(request.response_id or "", None)
        request.response_id = None
        self._sent, self._assumed = request, None

    def _crossed(self, request: ResponseRequest, detail: ErrorDetail) -> None:
        """Queue a create again that arrived while a response of the server's own ran."""
        if request.cancelled:
            request.finish(None)
        elif self.refusal is not None:
            request.fail(self.refusal)
        else:
            self._queue.appendleft(request)
        if self._active is None:
            # Its `response.done` is still to come: the server wrote this error while it ran.
            named = re.search(r"\bresp_\w+", detail.message or "")
            self._active = named[0] if named else _UNNAMED
        self._pump()

    def on_transport_lost(self) -> None:
        """Begin with a new session, in which no response runs; those of the old one have ended with `response.done`.

        A create that was not answered keeps its slot: it is sent again. One that was answered by a guess is not.
        """
        self._accept_guess()
        self._cancel_sent.clear()
        self._cancelled_at.clear()
        self._assumed = None
        self._active = None
        self._void.clear()
        self._pump()

    @property
    def quiet(self) -> bool:
        """Whether no response runs and no request is queued."""
        return self._idle.is_set()

    def fail_all(self, error: Exception) -> None:
        """Fail every request, also those to come: the connection is lost for good."""
        self._lost = error
        self._accept_guess()
        waiting = [*self._queue, *self._out_of_band.values(), *self._by_response.values()]
        if self._sent is not None:
            waiting.append(self._sent)
        self._queue.clear()
        self._out_of_band.clear()
        self._by_response.clear()
        self._cancelled_at.clear()
        self.contended.clear()
        self._sent = self._active = None
        self._idle.set()
        for request in waiting:
            request.fail(error)

    def _cancel_response(self, response_id: str) -> None:
        if response_id and response_id not in self._cancel_sent:
            self._cancel_sent.add(response_id)
            self._sender.put(
                {"type": "response.cancel", "event_id": self._cancel_event_id(), "response_id": response_id}
            )
        self._note_cancelled(response_id)

    def _cancel_event_id(self) -> str:
        event_id = self._sender.new_event_id()
        self._cancel_events.append(event_id)
        return event_id

    def _check_contention(self) -> None:
        if self.active and (self._queue or self._waiting or self._cancelled_at):
            self.contended.set()
        else:
            self.contended.clear()
            self._silent_since = 0.0

    def _pump(self) -> None:
        if not self.active and self._queue:
            self._sent = self._queue.popleft()
            self._sender.put(self._sent.event())
        if self.active or self._queue:
            self._idle.clear()
        else:
            self._idle.set()
        self._check_contention()
