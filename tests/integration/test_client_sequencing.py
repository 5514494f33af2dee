"""The client has one active response at a time for any timing of the server, and matches answers to requests."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from realtime_nb import errors
from realtime_nb.testing import Script, Step, expect, run, send
from tests.integration.adversary import Adversary
from tests.integration.scripted import (
    TYPED,
    VAD,
    answers,
    begins,
    created,
    ends,
    first,
    item_added,
    refuses,
    says,
    session_with,
)

# An adversary


@pytest.mark.parametrize("names", [True, False], ids=["named", "event_id null"])
@pytest.mark.parametrize("seed", range(8))
async def test_every_request_gets_its_own_response_once_beside_server_responses(seed: int, names: bool) -> None:
    adversary = Adversary(seed, names=names)
    dice = random.Random(1000 + seed)
    # The first answer shows that this server echoes metadata: until then a response without any may be anybody's.
    steps = [first(created(VAD)), *TYPED, *answers("resp_0", "item_0", "Hello!"), run(adversary)]
    async with session_with(*steps) as (session, server):
        await session.ask("Hi", timeout=5)
        troubles: list[Exception] = []
        session.on_error = troubles.append
        manual, asides, cancelled, automatic = [], [], [], []
        for number in range(30):
            kind = dice.choice(["manual", "manual", "aside", "automatic", "cancelled", "stop"])
            if kind == "manual":
                manual.append(session._responses.create({"metadata": {"n": str(number)}}))
            elif kind == "aside":
                asides.append(session._responses.create({"conversation": "none"}))
            elif kind == "automatic":
                automatic.append(session._responses.create(automatic=True))
            elif kind == "cancelled":
                cancelled.append(session._responses.create({"instructions": str(number)}))
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)
                session._responses.cancel(cancelled[-1])
            else:
                session._responses.cancel()
            await asyncio.sleep(dice.choice([0, 0, 0.002]))
        adversary.over.set()
        requests = [*manual, *asides, *cancelled, *automatic]
        done = await asyncio.wait_for(asyncio.gather(*(asyncio.shield(request.done) for request in requests)), 20)
        await asyncio.wait_for(session._responses.idle(), 5)

        assert troubles == [], "races are part of the game"
        assert not session.response_active
        for request, response in zip(requests, done, strict=True):
            if response is None:
                assert request.cancelled or request in cancelled
            else:
                assert response.id == adversary.answered[request.event_id]
        kept = [request for request in (*manual, *asides) if not request.cancelled]  # a stop is for what was sent too
        assert all(request.event_id in adversary.answered for request in kept)
        assert adversary.unknown == 0, "every cancel names its response"
        shown = {turn.text for turn in session.conversation.turns}
        assert shown.isdisjoint(adversary.answered[aside.event_id] for aside in asides)
        assert {adversary.answered[request.event_id] for request in kept if request in manual} <= shown
        creates = [event["event_id"] for event in server.received if event["type"] == "response.create"]
        assert len(creates) - len({*creates}) <= adversary.busy, "sent again only after a refusal"


@pytest.mark.parametrize("seed", range(4))
async def test_server_without_metadata_and_event_ids_blocks_no_request(seed: int) -> None:
    adversary = Adversary(seed, echoes=False, names=False)
    async with session_with(first(created(VAD)), run(adversary)) as (session, _):
        requests = [session._responses.create({"instructions": str(n)}, automatic=n % 3 == 0) for n in range(10)]
        adversary.over.set()
        await asyncio.wait_for(asyncio.gather(*(asyncio.shield(request.done) for request in requests)), 20)
        await asyncio.wait_for(session._responses.idle(), 5)
        assert not session.response_active


async def test_question_that_crosses_a_vad_response_gets_its_own_answer() -> None:
    asked = [expect("conversation.item.create"), send(item_added)]
    unasked = [begins("resp_vad", ours=False), says("resp_vad", "item_vad", "Hm?"), ends("resp_vad")]
    late = [expect("response.create"), *answers("resp_1", "item_1", "Hello!")]
    async with session_with(first(created(VAD)), *asked, *unasked, *late) as (session, _):
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"


# request(): which answer is to which request


ITEM = {"type": "message", "role": "user", "content": []}


def both_created(script: Script) -> list[dict[str, Any]]:
    """Answer the second of two creates, then the first."""
    return [
        {"type": "response.created", "response": {"id": f"resp_{n}", "metadata": event["response"]["metadata"]}}
        for n, event in reversed(list(enumerate(script.received)))
    ]


async def test_two_response_creates_are_matched_in_either_order() -> None:
    async with session_with(expect("response.create"), expect("response.create"), send(both_created)) as (session, _):
        create = {"type": "response.create", "response": {"conversation": "none"}}
        one, other = (asyncio.ensure_future(session.connection.request(create)) for _ in range(2))
        assert ((await one).response.id, (await other).response.id) == ("resp_0", "resp_1")


@pytest.mark.parametrize("named", [True, False], ids=["named", "event_id null"])
async def test_second_response_create_is_refused_and_the_first_continues(named: bool) -> None:
    code = "conversation_already_has_active_response"
    both = [expect("response.create"), begins("resp_1"), expect("response.create"), refuses(code, "busy", named=named)]
    async with session_with(*both) as (session, _):
        one, other = (asyncio.ensure_future(session.connection.request({"type": "response.create"})) for _ in range(2))
        assert (await one).response.id == "resp_1"
        with pytest.raises(errors.ServerError, match="busy"):
            await other


async def test_the_second_of_two_requests_is_refused_by_name_before_the_first_is_answered() -> None:
    def refuse_second_then_answer_first(script: Script) -> list[dict[str, Any]]:
        one, other = script.received
        error = {"type": "invalid_request_error", "code": "invalid_value", "message": "second", "event_id": "mine"}
        assert other["event_id"] == "mine"
        return [{"type": "error", "error": error}, {"type": "conversation.item.added", "item": one["item"]}]

    steps = [expect("conversation.item.create")] * 2
    async with session_with(*steps, send(refuse_second_then_answer_first)) as (session, _):
        create = {"type": "conversation.item.create", "item": ITEM}
        one = asyncio.ensure_future(session.connection.request({**create, "item": {**ITEM, "id": "item_one"}}))
        other = asyncio.ensure_future(session.connection.request({**create, "event_id": "mine"}))
        with pytest.raises(errors.ServerError, match="second") as caught:
            await other
        assert caught.value.event_id == "mine"
        assert (await one).item.id == "item_one"


NAMELESS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_value", "session.audio.output.voice"),
    ({"type": "conversation.item.create", "item": ITEM, "previous_item_id": "x"}, "invalid_value", "previous_item_id"),
    ({"type": "conversation.item.create", "item": ITEM}, "invalid_value", "item.content[0].type"),
    ({"type": "conversation.item.delete", "item_id": "item_x"}, "item_delete_invalid_item_id", "item_id"),
    ({"type": "conversation.item.retrieve", "item_id": "item_x"}, "item_retrieve_invalid_item_id", "item_id"),
    (
        {"type": "conversation.item.truncate", "item_id": "item_x", "content_index": 0, "audio_end_ms": 9},
        "invalid_value",
        "audio_end_ms",
    ),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    ({"type": "response.create"}, "conversation_already_has_active_response", None),
    ({"type": "response.create"}, "invalid_value", "response.instructions"),
    ({"type": "response.cancel"}, "response_cancel_not_active", None),
]


@pytest.mark.parametrize(("event", "code", "param"), NAMELESS)
async def test_a_server_that_leaves_the_event_id_null_is_understood_by_code_and_param(
    event: dict[str, Any], code: str, param: str | None
) -> None:
    steps: list[Step] = [
        expect("input_audio_buffer.clear"),
        expect(event["type"]),
        refuses(code, "no", param=param, named=False),
        send("input_audio_buffer.cleared"),
    ]
    async with session_with(*steps) as (session, server):
        other = asyncio.ensure_future(session.connection.request({"type": "input_audio_buffer.clear"}))
        await server.heard("input_audio_buffer.clear")
        with pytest.raises(errors.ServerError, match="no"):
            await session.connection.request(event, timeout=5)
        assert (await other).type == "input_audio_buffer.cleared", "the request beside it is left alone"


async def test_an_error_that_names_nothing_and_is_about_nothing_of_ours_fails_no_request() -> None:
    trouble = {"type": "server_error", "code": None, "message": "The server had an error."}
    steps = [expect("input_audio_buffer.clear"), send("error", error=trouble), send("input_audio_buffer.cleared")]
    async with session_with(*steps) as (session, _):
        assert (await session.connection.request({"type": "input_audio_buffer.clear"}, timeout=5)).event_id


async def test_where_the_server_begins_nothing_by_itself_a_create_needs_no_metadata_to_be_answered() -> None:
    steps = [expect("response.create"), begins("resp_1", ours=False)]
    async with session_with(*steps) as (session, _):
        event = await session.connection.request({"type": "response.create"}, timeout=5)
        assert event.response.id == "resp_1"


async def test_answer_after_its_timeout_is_dropped_and_the_session_goes_on() -> None:
    timed_out = asyncio.Event()
    here = asyncio.get_running_loop()

    async def wait(script: Script) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(timed_out.wait(), here))

    late = {"type": "conversation.item.deleted", "item_id": "item_x"}
    steps = [expect("conversation.item.delete"), run(wait), send(late), *TYPED, *answers("resp_1", "item_1", "Hello!")]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.TimeoutError, match=r"'conversation\.item\.delete' within 0\.05 s"):
            await session.connection.request({"type": "conversation.item.delete", "item_id": "item_x"}, timeout=0.05)
        timed_out.set()
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"


async def test_a_response_that_never_ends_is_cancelled_and_the_next_question_answered() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
        *TYPED,
        *answers("resp_2", "item_2", "Here again."),
    ]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.TimeoutError, match="waited for the response"):
            await session.ask("Are you there?", timeout=1.5)
        assert (await session.ask("And now?", timeout=5)).text == "Here again."
