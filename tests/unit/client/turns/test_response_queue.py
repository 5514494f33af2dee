"""The order of responses: pure rules, told event by event."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from realtime_nb.client.events.pending_requests import METADATA_KEY
from realtime_nb.client.turns.response_queue import ResponseQueue, ResponseRequest
from realtime_nb.errors import ServerError
from realtime_nb.wire.realtime import ErrorDetail, Response
from tests.simulated.clock import simulate


class Peer:
    """A queue, its sender, and a server that may answer by itself."""

    def __init__(self, *, unasked: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.server_answers = unasked
        self._ids = itertools.count(1)
        self.queue = ResponseQueue(self, self)

    def put(self, raw: dict[str, Any]) -> None:
        self.sent.append(raw)

    def post(self, raw: dict[str, Any]) -> asyncio.Future[Any]:
        raise NotImplementedError

    def new_event_id(self) -> str:
        return f"evt_{next(self._ids)}"

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.sent]

    def created(self, response_id: str, request: ResponseRequest | None = None, *, out_of_band: bool = False) -> None:
        metadata = {METADATA_KEY: request.event_id} if request is not None else None
        self.queue.on_created(Response(id=response_id, metadata=metadata), out_of_band=out_of_band)

    def ended(self, response_id: str, status: str = "completed", *, out_of_band: bool = False) -> None:
        self.queue.on_done(Response(id=response_id, status=status), out_of_band=out_of_band)

    def busy(self, request: ResponseRequest | None, message: str = "busy") -> bool:
        return self.queue.on_error(
            ErrorDetail(
                code="conversation_already_has_active_response",
                message=message,
                event_id=request.event_id if request is not None else None,
            )
        )


@pytest.fixture
async def peer() -> Peer:
    return Peer()


async def test_a_second_create_is_sent_after_the_end_of_the_first_response(peer: Peer) -> None:
    first, second = peer.queue.create(), peer.queue.create({"instructions": "again"})
    peer.created("resp_1", first)
    assert peer.types == ["response.create"]
    peer.ended("resp_1")
    assert peer.types == ["response.create", "response.create"]
    assert peer.sent[1]["response"]["instructions"] == "again"
    peer.created("resp_2", second)
    peer.ended("resp_2")
    assert first.done.result().id == "resp_1"  # type: ignore[union-attr]
    assert second.done.result().id == "resp_2"  # type: ignore[union-attr]


async def test_automatic_creates_are_joined_and_manual_ones_never(peer: Peer) -> None:
    peer.created("resp_vad")
    automatic = [peer.queue.create(automatic=True) for _ in range(3)]
    manual = [peer.queue.create({"instructions": "a"}) for _ in range(2)]
    assert len(set(map(id, automatic))) == 1
    for number in range(3):
        peer.ended("resp_vad" if number == 0 else f"resp_{number - 1}")
        peer.created(f"resp_{number}", [automatic[0], *manual][number])
    assert [event["event_id"] for event in peer.sent] == [r.event_id for r in (automatic[0], *manual)]


async def test_a_create_waits_for_the_end_of_a_response_of_voice_activity(peer: Peer) -> None:
    peer.created("resp_vad")
    peer.queue.create()
    assert peer.sent == []
    peer.ended("resp_vad")
    assert peer.types == ["response.create"]


async def test_a_create_that_crosses_voice_activity_is_sent_again_after_it(peer: Peer) -> None:
    request = peer.queue.create()
    peer.created("resp_vad")
    assert peer.busy(request), "the race is part of the game"
    assert peer.types == ["response.create"]
    peer.ended("resp_vad")
    assert peer.types == ["response.create", "response.create"]
    assert not request.done.done()


async def test_a_race_that_names_no_event_is_recognised_by_its_code(peer: Peer) -> None:
    peer.queue.create()
    assert peer.busy(None)
    peer.ended("resp_unheard_of")
    assert peer.types == ["response.create", "response.create"]


async def test_an_automatic_create_that_lost_a_race_is_not_sent_after_the_user_spoke(peer: Peer) -> None:
    request = peer.queue.create(automatic=True)
    peer.created("resp_vad")
    peer.busy(request)
    peer.queue.drop_automatic()
    peer.ended("resp_vad")
    assert peer.types == ["response.create"]
    assert request.done.result() is None


async def test_a_cancel_before_created_is_remembered_and_sent_with_the_id(peer: Peer) -> None:
    request = peer.queue.create()
    assert peer.queue.cancel()
    assert peer.types == ["response.create"]
    peer.created("resp_1", request)
    assert peer.sent[-1]["type"] == "response.cancel"
    assert peer.sent[-1]["response_id"] == "resp_1"


async def test_after_a_cancel_the_next_create_waits_for_done(peer: Peer) -> None:
    first = peer.queue.create()
    peer.created("resp_1", first)
    peer.queue.cancel()
    peer.queue.cancel()
    peer.queue.create()
    assert peer.types == ["response.create", "response.cancel"], "one cancel, and no create yet"
    peer.ended("resp_1", "cancelled")
    assert peer.types[-1] == "response.create"


async def test_a_queued_request_that_is_cancelled_is_never_sent(peer: Peer) -> None:
    peer.created("resp_vad")
    request = peer.queue.create()
    peer.queue.cancel(request)
    peer.ended("resp_vad")
    assert peer.sent == []
    assert request.done.result() is None


async def test_the_refusal_of_a_late_cancel_is_an_expected_race(peer: Peer) -> None:
    request = peer.queue.create()
    peer.created("resp_1", request)
    peer.queue.cancel()
    too_late = ErrorDetail(code="response_cancel_not_active", event_id=peer.sent[-1]["event_id"])
    assert peer.queue.on_error(too_late)
    assert not peer.queue.on_error(ErrorDetail(code="response_cancel_not_active", event_id="a user's own"))


async def test_out_of_band_responses_run_beside_the_active_one(peer: Peer) -> None:
    main = peer.queue.create()
    peer.created("resp_main", main)
    aside = peer.queue.create({"conversation": "none"})
    assert peer.types == ["response.create", "response.create"]
    peer.created("resp_aside", aside, out_of_band=True)
    peer.ended("resp_aside", out_of_band=True)
    assert aside.done.result().id == "resp_aside"  # type: ignore[union-attr]
    assert peer.queue.active_id == "resp_main"
    assert peer.queue.is_out_of_band("resp_aside")


async def test_a_refused_create_fails_with_the_servers_words_and_the_next_is_sent(peer: Peer) -> None:
    first, second = peer.queue.create({"metadata": {"a": "b"}}), peer.queue.create()
    refused = ErrorDetail(code="invalid_value", message="no such voice", param="response", event_id=first.event_id)
    assert not peer.queue.on_error(refused)
    with pytest.raises(ServerError, match="no such voice"):
        await first.done
    assert peer.sent[-1]["event_id"] == second.event_id
    assert peer.sent[0]["response"]["metadata"] == {"a": "b", METADATA_KEY: first.event_id}


async def test_without_metadata_responses_are_matched_by_order(peer: Peer) -> None:
    request = peer.queue.create()
    peer.created("resp_1")
    peer.ended("resp_1")
    assert request.done.result().id == "resp_1"  # type: ignore[union-attr]


# A server that has not shown yet whether it echoes metadata, and may begin responses by itself


async def test_a_response_of_voice_activity_that_ends_before_a_create_arrives_is_not_its_answer() -> None:
    peer = Peer(unasked=True)
    request = peer.queue.create()
    peer.created("resp_vad")
    peer.ended("resp_vad")
    assert not request.done.done()
    assert peer.queue.active, "nothing else leaves: the create is out"
    peer.created("resp_1", request)
    peer.ended("resp_1")
    assert request.done.result().id == "resp_1"  # type: ignore[union-attr]
    assert peer.types == ["response.create"]


async def test_a_second_response_of_voice_activity_is_not_the_answer_either() -> None:
    peer = Peer(unasked=True)
    request = peer.queue.create()
    for response_id in ("resp_vad_1", "resp_vad_2"):
        peer.created(response_id)
        peer.ended(response_id)
    assert not request.done.done()
    peer.created("resp_1", request)
    peer.ended("resp_1")
    assert request.done.result().id == "resp_1"  # type: ignore[union-attr]


async def test_a_create_that_is_refused_after_a_response_of_voice_activity_gets_the_refusal() -> None:
    peer = Peer(unasked=True)
    request = peer.queue.create()
    peer.created("resp_vad")
    peer.ended("resp_vad")
    peer.queue.on_error(ErrorDetail(code="invalid_value", message="no such voice", event_id=request.event_id))
    with pytest.raises(ServerError, match="no such voice"):
        await request.done
    await peer.queue.idle()


async def test_a_create_that_crosses_a_second_response_of_voice_activity_is_sent_again() -> None:
    peer = Peer(unasked=True)
    request = peer.queue.create()
    peer.created("resp_vad_1")
    peer.ended("resp_vad_1")
    peer.created("resp_vad_2")
    assert peer.busy(request)
    peer.ended("resp_vad_2")
    assert peer.types == ["response.create", "response.create"]
    peer.created("resp_1", request)
    peer.ended("resp_1")
    assert request.done.result().id == "resp_1"  # type: ignore[union-attr]


def test_a_server_without_metadata_is_recognised_once_and_not_waited_for_again() -> None:
    async def story() -> None:
        peer = Peer(unasked=True)
        loop = asyncio.get_running_loop()
        first, second = peer.queue.create(), peer.queue.create()
        peer.created("resp_1")
        peer.ended("resp_1")
        assert peer.types == ["response.create"]
        assert (await first.done).id == "resp_1"  # type: ignore[union-attr]
        assert 0 < loop.time() < 5
        assert peer.types == ["response.create", "response.create"]
        peer.created("resp_2")
        peer.ended("resp_2")
        assert second.done.result().id == "resp_2"  # type: ignore[union-attr]

    simulate(story())


def test_a_cancel_during_the_guess_applies_to_the_answer_that_may_come() -> None:
    async def story() -> None:
        peer = Peer(unasked=True)
        request = peer.queue.create()
        peer.created("resp_vad")
        peer.ended("resp_vad")
        peer.queue.cancel(request)
        peer.created("resp_1", request)
        assert peer.sent[-1]["response_id"] == "resp_1"
        peer.ended("resp_1", "cancelled")
        assert (await request.done).id == "resp_1"  # type: ignore[union-attr]
        await asyncio.sleep(60)
        await peer.queue.idle()

    simulate(story())


@pytest.mark.parametrize("end", ["another session follows", "it is over"])
async def test_a_connection_that_is_lost_during_the_guess_leaves_the_guess_as_the_answer(end: str) -> None:
    peer = Peer(unasked=True)
    request = peer.queue.create()
    peer.created("resp_1")
    peer.ended("resp_1")
    if end == "it is over":
        peer.queue.fail_all(ServerError("gone"))
    else:
        peer.queue.on_transport_lost()
    assert request.done.result().id == "resp_1"  # type: ignore[union-attr]
    assert not peer.queue.active
    await peer.queue.idle()


async def test_idle_means_nothing_active_and_nothing_queued(peer: Peer) -> None:
    await peer.queue.idle()
    request = peer.queue.create()
    assert peer.queue.active
    peer.created("resp_1", request)
    peer.ended("resp_1")
    await peer.queue.idle()


async def test_a_lost_connection_fails_all_requests(peer: Peer) -> None:
    requests = [peer.queue.create(), peer.queue.create(), peer.queue.create({"conversation": "none"})]
    peer.queue.fail_all(ServerError("gone"))
    for request in requests:
        with pytest.raises(ServerError, match="gone"):
            await request.done
    await peer.queue.idle()


class Turn:
    """A question whose item may be missing in the server's session."""

    def __init__(self, item_id: str = "item_q") -> None:
        self.item_id = item_id
        self.missing: Exception | None = None

    def problem(self) -> Exception | None:
        return self.missing


async def test_a_request_whose_question_is_missing_fails_instead_of_leaving(peer: Peer) -> None:
    turn = Turn()
    request, following = peer.queue.create(question=turn), peer.queue.create()
    assert peer.queue.may_leave(request.event_id)
    peer.queue.on_transport_lost()
    turn.missing = ServerError("the new session refused the item")
    assert not peer.queue.may_leave(request.event_id)
    assert request.done.exception() is turn.missing
    assert peer.sent[-1]["event_id"] == following.event_id, "the next request has the slot"
    assert peer.queue.may_leave(following.event_id)
    assert not peer.queue.may_leave(request.event_id), "a copy that waits for a transport is dropped as well"


async def test_a_request_that_was_cancelled_before_it_left_never_leaves(peer: Peer) -> None:
    request = peer.queue.create()
    peer.queue.cancel(request)
    assert not peer.queue.may_leave(request.event_id)
    assert request.done.result() is None
    assert not peer.queue.active
    assert peer.queue.may_leave("an event of the user's own")


@pytest.mark.parametrize("echoes", [True, False])
async def test_the_response_that_a_refused_question_got_is_void(peer: Peer, echoes: bool) -> None:
    request = peer.queue.create(question=Turn("item_q"))
    first = request.event_id
    peer.queue.on_item_sent_again("item_q")
    assert peer.types == ["response.create"], "the next one waits until the void response has ended"
    peer.queue.on_created(Response(id="resp_1", metadata={METADATA_KEY: first} if echoes else None), out_of_band=False)
    assert peer.types[1:] == ["response.cancel"]
    peer.ended("resp_1", "cancelled")
    assert peer.queue.is_void("resp_1")
    assert peer.sent[-1]["event_id"] == request.event_id != first
    peer.created("resp_2", request if echoes else None)
    peer.ended("resp_2")
    assert request.done.result().id == "resp_2"  # type: ignore[union-attr]
