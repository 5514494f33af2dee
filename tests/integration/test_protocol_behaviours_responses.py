"""Behaviours 19 to 29 of docs/protocol.md: responses and tool calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_nb import errors
from realtime_nb.testing import ScriptedServer, Step, expect, send
from tests.integration.scripted import (
    TYPED,
    VAD,
    Player,
    answers,
    begins,
    calls,
    created,
    ends,
    first,
    gate,
    item_added,
    refuses,
    says,
    session_with,
)

BUSY = "conversation_already_has_active_response"


def creates(server: ScriptedServer) -> list[dict[str, Any]]:
    return [event["response"] for event in server.received if event["type"] == "response.create"]


# 19 to 22: one active response


async def test_b19_manual_requests_wait_in_a_row_and_automatic_ones_are_joined() -> None:
    wait, go_on = gate()
    rest = [
        step
        for n, words in enumerate(("auto", "one", "two"))
        for step in (
            expect("response.create", response=lambda made, words=words: made.get("instructions", "auto") == words),
            *answers(f"resp_{n}", f"item_{n}", words),
        )
    ]
    steps = [begins("resp_vad", ours=False), wait, ends("resp_vad"), *rest]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("response.created", timeout=5)
        automatic = [session._responses.create(automatic=True) for _ in range(5)]
        manual = [session._responses.create({"instructions": words}) for words in ("one", "two")]
        await session.flushed()
        assert server.received == [], "nothing leaves while a response runs"
        go_on()
        await asyncio.wait_for(session._responses.idle(), 5)
        assert len(creates(server)) == 3
        assert len({request.response_id for request in automatic}) == 1
        assert [request.response_id for request in manual] == ["resp_1", "resp_2"]


@pytest.mark.parametrize("named", [True, False], ids=["named", "event_id null"])
async def test_b20_a_create_that_crosses_voice_activity_is_sent_again_when_that_response_is_done(named: bool) -> None:
    steps = [
        *TYPED,
        begins("resp_vad", ours=False),
        refuses(BUSY, "Conversation already has an active response in progress: resp_vad.", named=named),
        ends("resp_vad"),
        expect("response.create"),
        *answers("resp_1", "item_1", "Hello!"),
    ]
    async with session_with(*steps) as (session, server):
        troubles: list[Exception] = []
        session.on_error = troubles.append
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"
        assert troubles == [], "a race is part of the game"
        assert len(creates(server)) == 2


async def test_b20_automatic_create_that_lost_the_race_is_dropped_after_a_new_user_turn() -> None:
    wait, go_on = gate()
    steps = [
        first(created(VAD)),
        expect("response.create"),
        begins("resp_vad", ours=False),
        refuses(BUSY),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        ends("resp_vad", status="cancelled"),
        wait,
        begins("resp_next", ours=False),
        ends("resp_next"),
    ]
    async with session_with(*steps) as (session, server):
        request = session._responses.create(automatic=True)
        assert await asyncio.wait_for(asyncio.shield(request.done), 5) is None
        go_on()
        await session.connection.wait_for("response.done", timeout=5)
        assert len(creates(server)) == 1


async def test_b21_the_end_of_an_out_of_band_response_leaves_the_active_one_active() -> None:
    wait, go_on = gate()
    steps = [
        begins("resp_vad", ours=False),
        expect("response.create", response=lambda made: made["conversation"] == "none"),
        begins("resp_aside", conversation_id=None),
        says("resp_aside", "item_aside", "secret"),
        ends("resp_aside", text="secret", item_id="item_aside", conversation_id=None),
        wait,
        says("resp_vad", "item_1", "Hello!"),
        ends("resp_vad", text="Hello!", item_id="item_1"),
        expect("response.create"),
        *answers("resp_2", "item_2", "And on."),
    ]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("response.created", timeout=5)
        aside = session._responses.create({"conversation": "none", "metadata": {"topic": "summary"}})
        response = await asyncio.wait_for(asyncio.shield(aside.done), 5)
        assert response is not None
        assert (response.id, session.response_active) == ("resp_aside", True)
        following = session._responses.create()
        await session.flushed()
        assert len(creates(server)) == 1, "the conversation's own response still runs"
        go_on()
        await asyncio.wait_for(asyncio.shield(following.done), 5)
        assert [turn.text for turn in session.conversation.turns] == ["Hello!", "And on."]


async def test_b21_out_of_band_responses_run_side_by_side_each_with_its_own_answer() -> None:
    expects = [expect("response.create", response=lambda made: made["conversation"] == "none")] * 2

    def ended(number: int) -> Step:
        return ends(f"resp_{number}", text=str(number), item_id=f"item_{number}", conversation_id=None)

    def begun(script: Any) -> list[dict[str, Any]]:
        return [
            {
                "type": "response.created",
                "response": {
                    "id": f"resp_{number}",
                    "status": "in_progress",
                    "output": [],
                    "metadata": script.received[number]["response"]["metadata"],
                },
            }
            for number in (1, 0)
        ]

    async with session_with(*expects, send(begun), ended(1), ended(0)) as (session, _):
        asides = [session._responses.create({"conversation": "none", "metadata": {"n": str(n)}}) for n in range(2)]
        responses = [await asyncio.wait_for(asyncio.shield(aside.done), 5) for aside in asides]
        assert [response.id for response in responses if response is not None] == ["resp_0", "resp_1"]
        assert not session.response_active
        assert session.conversation.turns == ()


async def test_b22_a_cancel_names_its_response_waits_for_created_and_the_next_create_for_done() -> None:
    wait, go_on = gate()
    steps = [
        expect("response.create"),
        wait,
        begins("resp_1"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
        expect("response.create"),
        *answers("resp_2", "item_2", "second"),
    ]
    async with session_with(*steps) as (session, server):
        cancelled = session._responses.create({"instructions": "first"})
        await server.heard("response.create")  # one that is cancelled before it is sent never leaves
        session._responses.cancel(cancelled)
        following = session._responses.create({"instructions": "second"})
        assert server.received_types() == ["response.create"], "no cancel before there is anything to cancel"
        go_on()
        response = await asyncio.wait_for(asyncio.shield(cancelled.done), 5)
        assert response is not None
        assert response.status == "cancelled"
        await asyncio.wait_for(asyncio.shield(following.done), 5)


@pytest.mark.parametrize("named", [True, False], ids=["named", "event_id null"])
async def test_b22_late_cancel_is_not_reported(named: bool) -> None:
    steps = [
        begins("resp_1", ours=False),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1"),
        refuses("response_cancel_not_active", named=named),
        *TYPED,
        *answers("resp_2", "item_2", "on we go"),
    ]
    async with session_with(*steps) as (session, _):
        troubles: list[Exception] = []
        session.on_error = troubles.append
        await session.connection.wait_for("response.created", timeout=5)
        session._responses.cancel()
        assert (await session.ask("Hi", timeout=5)).text == "on we go"
        assert troubles == []


# 23 to 25: the end of a response, and its parts


async def test_b23_usage_counts_once_a_response_however_it_ended_and_may_be_missing() -> None:
    usage = {
        "total_tokens": 30,
        "input_tokens": 20,
        "output_tokens": 10,
        "input_token_details": {"text_tokens": 20, "cached_tokens": 5, "cached_tokens_details": {"text_tokens": 5}},
        "output_token_details": {"text_tokens": 10},
    }
    steps: list[Step] = []
    for number, status in enumerate(("completed", "cancelled", "failed", "incomplete")):
        end = ends(f"resp_{number}", status=status, usage=usage)
        steps += [begins(f"resp_{number}", ours=False), end, end]
    steps += [begins("resp_x", ours=False), ends("resp_x", usage=None), begins("resp_y", ours=False), ends("resp_y")]
    steps += [send("rate_limits.updated", rate_limits=[])]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert session.conversation.usage.total_tokens == 4 * 30, "cached tokens are a part of the input"
        assert not session.response_active


async def test_b24_done_replaces_deltas_and_audio_done_is_not_the_end_of_playback() -> None:
    player = Player()
    player.heard = {"item_1": 2_400}
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "Helo wrld", audio_samples=24_000),
        send("response.output_audio_transcript.done", **where, transcript="Hello world"),
        send("response.output_audio_transcript.done", **where, transcript="Hello world"),
        send("response.output_audio.done", **where),
        ends("resp_1"),
        expect("conversation.item.truncate", item_id="item_1", audio_end_ms=100),
    ]
    async with session_with(*steps, sink=player) as (session, server):
        await session.connection.wait_for("response.done", timeout=5)
        (turn,) = session.conversation.turns
        assert turn.text == "Hello world"
        assert player.finished == [(0, "item_1", 24_000)]
        await session.interrupt()
        await server.heard("conversation.item.truncate")
        assert session.conversation.turns[0].status == "interrupted", "it was still playing"


async def test_b24_done_events_of_an_interrupted_part_change_nothing_that_was_cut() -> None:
    player = Player()
    player.heard = {"item_1": 12_000}
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "one two three four", audio_samples=24_000),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        expect("conversation.item.truncate"),
        send("response.output_audio_transcript.done", **where, transcript="one two three four"),
        send("response.output_audio.done", **where),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=player) as (session, _):
        await session.connection.wait_for("response.done", timeout=5)
        (turn,) = [turn for turn in session.conversation.turns if turn.role == "assistant"]
        assert (turn.text, turn.status) == ("one two three four", "interrupted")
        assert len(turn.heard_text) < len(turn.text)
        assert len(player.written) == 1


async def test_b25_items_and_parts_are_ordered_by_their_indices() -> None:
    def piece(item_id: str, output_index: int, content_index: int, text: str) -> Step:
        where = {"response_id": "resp_1", "item_id": item_id}
        return send(
            "response.output_text.delta", **where, output_index=output_index, content_index=content_index, delta=text
        )

    def item(item_id: str, output_index: int) -> Step:
        message = {"type": "message", "id": item_id, "role": "assistant", "status": "in_progress", "content": []}
        return send("response.output_item.added", response_id="resp_1", output_index=output_index, item=message)

    steps = [
        begins("resp_1", ours=False),
        item("item_b", 1),
        piece("item_b", 1, 1, "four"),
        piece("item_b", 1, 0, "three"),
        item("item_a", 0),
        piece("item_a", 0, 1, "two"),
        piece("item_a", 0, 0, "one"),
        ends("resp_1"),
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("response.done", timeout=5)
        texts = {turn.item_id: turn.text for turn in session.conversation.turns}
        assert texts == {"item_a": "one\ntwo", "item_b": "three\nfour"}
        assert list(texts) == ["item_a", "item_b"]


# 29: calls of MCP servers


def mcp(item_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "mcp_call", "id": item_id, "name": "search", "server_label": "docs", "arguments": "{}", **more}


def output_item(item: dict[str, Any]) -> Step:
    return send("response.output_item.done", response_id="resp_1", output_index=0, item=item)


SERVED = {"output": "found"}
FAILED = {"error": {"type": "tool_execution_error", "message": "no such page"}}


@pytest.mark.parametrize("outcome", [SERVED, FAILED], ids=["completed", "failed"])
async def test_b29_the_answer_to_an_mcp_call_is_asked_for_once(outcome: dict[str, Any]) -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        output_item(mcp("mcp_1", **outcome)),
        send("conversation.item.done", item=mcp("mcp_1", **outcome)),
        send("response.mcp_call.completed", item_id="mcp_1", output_index=0),
        ends("resp_1", output=[mcp("mcp_1", **outcome)]),
        expect("response.create"),
        *answers("resp_2", "item_2", "I found it."),
    ]
    async with session_with(*steps) as (session, server):
        assert (await session.ask("Search", timeout=5)).text == "I found it."
        assert len(creates(server)) == 2


@pytest.mark.parametrize("end", ["response.mcp_call.completed", "response.mcp_call.failed", "conversation.item.done"])
async def test_b29_a_call_that_outlasts_its_response_is_waited_for(end: str) -> None:
    wait, go_on = gate()
    over = {"item": mcp("mcp_1", **SERVED)} if end == "conversation.item.done" else {"item_id": "mcp_1"}
    steps = [
        *TYPED,
        begins("resp_1"),
        output_item(mcp("mcp_1")),
        ends("resp_1", output=[mcp("mcp_1")]),
        wait,
        send(end, **over),
        expect("response.create"),
        *answers("resp_2", "item_2", "At last."),
    ]
    async with session_with(*steps) as (session, server):
        done = session.connection.wait_for("response.done", timeout=5)
        asking = asyncio.ensure_future(session.ask("Search", timeout=5))
        await done
        assert session._router.calls.pending() == ["MCP tool search"]
        assert len(creates(server)) == 1
        go_on()
        assert (await asking).text == "At last."


async def test_b29_a_function_and_an_mcp_call_of_one_response_have_one_answer() -> None:
    def look() -> str:
        return "seen"

    steps = [
        *TYPED,
        begins("resp_1"),
        output_item(mcp("mcp_1", **SERVED)),
        send("conversation.item.done", item=mcp("mcp_1", **SERVED)),
        calls("resp_1", ("call_1", "look", "{}")),
        ends("resp_1"),
        expect("conversation.item.create"),
        expect("response.create"),
        *answers("resp_2", "item_2", "both"),
    ]
    async with session_with(*steps, tools=[look]) as (session, server):
        assert (await session.ask("Go", timeout=5)).text == "both"
        assert len(creates(server)) == 2


async def test_b29_speech_during_an_mcp_call_gets_no_second_answer() -> None:
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        output_item(mcp("mcp_1")),
        ends("resp_1"),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        send("response.mcp_call.completed", item_id="mcp_1", output_index=0),
        send("rate_limits.updated", rate_limits=[]),
    ]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        await session.flushed()
        assert server.received == []


async def test_b29_approval_is_an_item_and_the_approved_call_is_answered() -> None:
    request = {
        "type": "mcp_approval_request",
        "id": "mcpr_1",
        "name": "delete",
        "server_label": "files",
        "arguments": "",
    }
    call = mcp("mcp_1", approval_request_id="mcpr_1", **SERVED)
    steps = [
        begins("resp_1", ours=False),
        output_item(request),
        send("conversation.item.added", item=request),
        send("conversation.item.done", item=request),
        ends("resp_1", output=[request]),
        expect("conversation.item.create", item=lambda item: item["type"] == "mcp_approval_response"),
        send(item_added),
        send("response.mcp_call.completed", item_id="mcp_1", output_index=0),
        send("conversation.item.added", item=call),
        send("conversation.item.done", item=call),
        expect("response.create"),
        *answers("resp_2", "item_2", "Deleted."),
    ]
    async with session_with(*steps) as (session, server):
        asked = asyncio.get_running_loop().create_future()
        session.connection.on(
            "conversation.item.done", lambda event: asked.get_loop().call_soon_threadsafe(asked.set_result, event.item)
        )
        item = await asyncio.wait_for(asked, 5)
        session.connection.off("conversation.item.done")
        assert (item.type, item.name, item.server_label) == ("mcp_approval_request", "delete", "files")
        assert creates(server) == [], "nothing was called yet"
        done = session.connection.wait_for("response.done", timeout=5)
        approval = {"type": "mcp_approval_response", "approval_request_id": item.id, "approve": True, "id": "mcpa_1"}
        await session.connection.request({"type": "conversation.item.create", "item": approval})
        await done
        assert len(creates(server)) == 1
        assert session.conversation.turns[-1].text == "Deleted."


async def test_b29_mcp_server_whose_tools_cannot_be_listed_ends_nothing() -> None:
    steps = [
        send("mcp_list_tools.in_progress", item_id="mcpl_1"),
        send("mcp_list_tools.failed", item_id="mcpl_1"),
        *TYPED,
        *answers("resp_1", "item_1", "Without it, then."),
    ]
    async with session_with(*steps) as (session, _):
        troubles: list[errors.ServerError] = []
        session.on_error = troubles.append
        assert (await session.ask("Hi", timeout=5)).text == "Without it, then."
        assert [error.code for error in troubles] == ["mcp_list_tools_failed"]
