"""MCP servers, whose tools the service calls: approval requests, calls, and their place in the turn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.client.connection import core_of
from realtime_nb.testing import Script, ScriptedServer, Step, expect, never, run, send
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
    updated,
)

DOCS = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example/mcp", "require_approval": "always"}


def call_item(item_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "mcp_call", "id": item_id, "server_label": "docs", "name": "search", "arguments": "{}", **more}


def request_item(request_id: str, name: str = "search") -> dict[str, Any]:
    return {
        "type": "mcp_approval_request",
        "id": request_id,
        "server_label": "docs",
        "name": name,
        "arguments": '{"q": "x"}',
    }


def output_item(response_id: str, item: dict[str, Any]) -> Step:
    return send("response.output_item.done", response_id=response_id, output_index=0, item=item)


def item_done(item: dict[str, Any]) -> Step:
    return send(
        lambda script: [
            {"type": "conversation.item.added", "item": item},
            {"type": "conversation.item.done", "item": item},
        ]
    )


def the_call_is_announced(response_id: str, item_id: str = "mcp_1") -> Step:
    return send(
        lambda script: [
            {"type": "conversation.item.added", "item": call_item(item_id)},
            {
                "type": "response.mcp_call_arguments.done",
                "response_id": response_id,
                "item_id": item_id,
                "output_index": 0,
                "arguments": "{}",
            },
        ]
    )


def the_call_ends(item_id: str = "mcp_1", **result: Any) -> Step:
    kind = "failed" if "error" in result else "completed"
    return send(
        lambda script: [
            {"type": "response.mcp_call.in_progress", "item_id": item_id, "output_index": 0},
            {"type": f"response.mcp_call.{kind}", "item_id": item_id, "output_index": 0},
            {"type": "conversation.item.done", "item": call_item(item_id, **result)},
        ]
    )


def approval(approve: bool, request_id: str = "mcpr_1", **more: Any) -> Step:
    def right(item: dict[str, Any]) -> bool:
        wanted = {"type": "mcp_approval_response", "approval_request_id": request_id, "approve": approve, **more}
        return wanted.items() <= item.items()

    return expect("conversation.item.create", item=right)


async def test_an_approved_call_is_waited_for_and_one_response_follows() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        the_call_is_announced("resp_1"),
        ends("resp_1", output=[call_item("mcp_1")]),
        item_done(request_item("mcpr_1")),
        approval(True, reason="fine"),
        send(item_added),
        the_call_ends(output="found"),
        expect("response.create"),
        *answers("resp_2", "item_2", "It is there."),
    ]
    async with session_with(*steps) as (session, server):
        asked: list[rt.McpApprovalRequest] = []

        async def approve(request: rt.McpApprovalRequest) -> None:
            asked.append(request)
            assert session.approvals == (request,)
            await session.approve(request.id, reason="fine")

        session.connection.on("mcp_approval_request", approve)
        turn = await session.ask("Search!", timeout=5)
        assert turn.text == "It is there."
        assert asked == [rt.McpApprovalRequest(id="mcpr_1", server_label="docs", name="search", arguments='{"q": "x"}')]
        assert [(call.name, call.status, call.output) for call in turn.tool_calls] == [("search", "completed", "found")]
        assert server.received_types().count("response.create") == 2
        assert session.approvals == ()


async def test_several_requests_of_a_response_are_followed_by_one_response() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        output_item("resp_1", request_item("mcpr_1")),
        output_item("resp_1", request_item("mcpr_2", "delete")),
        approval(True),
        send(item_added),
        ends("resp_1", output=[request_item("mcpr_1"), request_item("mcpr_2", "delete")]),
        approval(False, "mcpr_2", reason="too dangerous"),
        send(item_added),
        expect("response.create"),
        *answers("resp_2", "item_2", "I searched only."),
    ]
    async with session_with(*steps) as (session, server):
        both = asyncio.Event()

        def look(_: Any) -> None:
            if len(session.approvals) == 2:
                session.loop.call_soon_threadsafe(both.set)

        session.connection.on("mcp_approval_request", look)
        asking = asyncio.ensure_future(session.ask("Search and delete!", timeout=5))
        await session.connection.wait_for("response.output_item.done", timeout=5)
        await both.wait()
        with pytest.raises(errors.ConfigError, match=r"'mcpr_x'.*'mcpr_1' \(docs: search\), 'mcpr_2' \(docs: delete\)"):
            await session.approve("mcpr_x")
        done = session.connection.wait_for("response.done", timeout=5)
        await session.approve("mcpr_1")
        await done
        await session.approve("mcpr_2", approve=False, reason="too dangerous")
        assert (await asking).text == "I searched only."
        assert server.received_types().count("response.create") == 2
        with pytest.raises(errors.ConfigError, match="waiting: none"):
            await session.approve("mcpr_1")


async def test_a_refused_call_that_never_ends_holds_nothing_up() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        the_call_is_announced("resp_1"),
        output_item("resp_1", request_item("mcpr_1")),
        ends("resp_1"),
        approval(False),
        send(item_added),
        expect("response.create"),
        *answers("resp_2", "item_2", "Then not."),
    ]
    async with session_with(*steps) as (session, _):
        session.connection.on("mcp_approval_request", lambda request: session.approve(request.id, approve=False))
        assert (await session.ask("Search!", timeout=5)).text == "Then not."


async def test_user_who_spoke_before_approving_still_gets_the_result() -> None:
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        output_item("resp_1", request_item("mcpr_1")),
        ends("resp_1"),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        send("input_audio_buffer.speech_stopped", item_id="item_user", audio_end_ms=500),
        approval(True),
        send(item_added),
        expect("response.create"),
        *answers("resp_2", "item_2", "Here."),
    ]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("input_audio_buffer.speech_stopped", timeout=5)
        await session.approve("mcpr_1")
        await server.heard("response.create")


async def test_an_answer_that_the_server_does_not_take_can_be_given_again() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        output_item("resp_1", request_item("mcpr_1")),
        ends("resp_1"),
        approval(True),
        refuses(None, "not now"),
        approval(True),
        send(item_added),
        expect("response.create"),
        *answers("resp_2", "item_2", "Found."),
    ]
    async with session_with(*steps) as (session, _):
        asking = asyncio.ensure_future(session.ask("Search!", timeout=5))
        await session.connection.wait_for("response.done", timeout=5)
        with pytest.raises(errors.ServerError, match="not now"):
            await session.approve("mcpr_1")
        await session.approve("mcpr_1")
        assert (await asking).text == "Found."


async def test_approval_requests_of_an_ended_session_block_nothing() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        the_call_is_announced("resp_1"),
        output_item("resp_1", request_item("mcpr_1")),
        ends("resp_1"),
        expect("response.create"),
        *answers("resp_2", "item_2", "Again, then."),
    ]
    async with session_with(*steps) as (session, _):
        asking = asyncio.ensure_future(session.ask("Search!", timeout=5))
        await session.connection.wait_for("response.done", timeout=5)
        session._router.approvals.on_transport_lost()
        assert session.approvals == ()
        assert (await asking).text == "Again, then."


async def test_calls_that_need_no_approval_are_followed_by_a_response_also_when_they_fail() -> None:
    error = {"type": "tool_execution_error", "message": "no such page"}
    steps = [
        *TYPED,
        begins("resp_1"),
        the_call_is_announced("resp_1"),
        ends("resp_1"),
        the_call_ends(error=error),
        expect("response.create"),
        *answers("resp_2", "item_2", "It failed."),
    ]
    async with session_with(*steps) as (session, _):
        turn = await session.ask("Search!", timeout=5)
        assert [(call.name, call.status, call.output) for call in turn.tool_calls] == [
            ("search", "failed", "no such page")
        ]


async def test_no_response_is_requested_where_the_service_already_responded() -> None:
    message = {"type": "message", "id": "item_1", "role": "assistant", "status": "completed"}
    message["content"] = [{"type": "output_text", "text": "Found."}]  # type: ignore[assignment]
    steps = [
        *TYPED,
        begins("resp_1"),
        the_call_is_announced("resp_1"),
        the_call_ends(output="x"),
        says("resp_1", "item_1", "Found."),
        ends("resp_1", output=[call_item("mcp_1", output="x"), message]),
    ]
    async with session_with(*steps) as (session, server):
        assert (await session.ask("Search!", timeout=5)).text == "Found."
        assert server.received_types().count("response.create") == 1


async def test_mcp_server_whose_tools_cannot_be_listed_is_reported() -> None:
    listening = asyncio.Event()
    told: asyncio.Queue[errors.ServerError] = asyncio.Queue()

    async def until_somebody_listens(_: Script) -> None:
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(listening.wait(), loop).result(5))

    loop = asyncio.get_running_loop()
    steps = [
        run(until_somebody_listens),
        item_done({"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "docs", "tools": []}),
        send("mcp_list_tools.failed", item_id="mcpl_1"),
    ]
    async with session_with(*steps) as (session, _):
        session.on_error = told.put_nowait
        listening.set()
        error = await asyncio.wait_for(told.get(), 5)
        assert "'docs' did not tell its tools" in str(error)
        assert error.code == "mcp_list_tools_failed"


async def test_a_request_without_a_handler_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    steps = [*TYPED, begins("resp_1"), output_item("resp_1", request_item("mcpr_1")), ends("resp_1")]
    async with session_with(*steps) as (session, _):
        done = session.connection.wait_for("response.done", timeout=5)
        await session.send_text("Search!")
        await done
    assert "docs: search waits for approval, and no handler is registered" in caplog.text


async def test_servers_are_passed_through_and_checked() -> None:
    def look() -> None: ...

    typed = rt.McpTool(server_label="mail", connector_id="connector_gmail", authorization="SENTINEL")
    assert "SENTINEL" not in repr(typed)
    steps = [expect("session.update"), send(updated)]
    async with session_with(*steps, tools=[look, DOCS, typed]) as (session, server):
        await session.start()
        _, docs, mail = server.received[0]["session"]["tools"]
        assert docs == DOCS
        assert mail == {
            "type": "mcp",
            "server_label": "mail",
            "connector_id": "connector_gmail",
            "authorization": "SENTINEL",
        }
        assert list(core_of(session.connection).config.tools) == ["look"]
        for wrong, words in (
            ({**DOCS, "server_lable": "x"}, "server_label"),
            ({"type": "mcp", "server_label": "x"}, "server_url"),
        ):
            with pytest.raises(errors.ConfigError, match=words):
                await session.update(tools=[wrong])


async def test_the_widget_asks_and_answers_too() -> None:
    steps = [
        send("session.created"),
        expect("session.update", session=lambda session: session["tools"] == [DOCS]),
        send(updated),
        *TYPED,
        begins("resp_1"),
        output_item("resp_1", request_item("mcpr_1")),
        ends("resp_1"),
        approval(True),
        send(item_added),
        expect("response.create"),
        *answers("resp_2", "item_2", "Found."),
        never(),
    ]
    async with ScriptedServer(steps) as server:
        w = rt.RealtimeWidget(backend=server.url, tools=[DOCS])
        try:
            with pytest.raises(errors.ConnectError, match="start"):
                await w.approve("mcpr_1")

            @w.on("mcp_approval_request")
            async def allow(request: rt.McpApprovalRequest) -> None:
                await w.approve(request.id, json.loads(request.arguments)["q"] == "x")

            assert (await w.ask("Search!", timeout=10)).text == "Found."
        finally:
            w.close()
