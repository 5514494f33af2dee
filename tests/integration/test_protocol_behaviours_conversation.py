"""Behaviours 36 to 40 of docs/protocol.md: the order and content of items, and the matching of errors."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.testing import Script, Step, expect, send
from tests.integration.scripted import (
    TYPED,
    answers,
    begins,
    ends,
    first,
    gate,
    item_added,
    refuses,
    says,
    session_with,
)

TRANSCRIPT = "conversation.item.input_audio_transcription"
TRANSCRIBING = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}},
}
OVER = send("rate_limits.updated", rate_limits=[])


def message(item_id: str, text: str | None, *, role: str = "user", previous: str | None = None, **more: Any) -> Step:
    kind = {"user": "input_text", "system": "input_text", "assistant": "output_text"}[role]
    content = [] if text is None else [{"type": kind, "text": text}]
    item = {"type": "message", "id": item_id, "role": role, "status": "completed", "content": content, **more}
    told = {"previous_item_id": previous} if previous else {}
    return send(lambda _: [{"type": f"conversation.item.{kind}", "item": item, **told} for kind in ("added", "done")])


def spoken(item_id: str) -> list[Step]:
    item = {"type": "message", "id": item_id, "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
    return [
        send("input_audio_buffer.committed", item_id=item_id),
        send("conversation.item.added", item=item),
        send("conversation.item.done", item=item),
    ]


def heard(item_id: str, kind: str, **fields: Any) -> Step:
    usage = {"usage": {"type": "duration", "seconds": 1}} if kind == "completed" else {}
    return send(f"{TRANSCRIPT}.{kind}", item_id=item_id, content_index=0, **fields, **usage)


# 36: order


async def test_b36_turns_stand_by_their_links_and_not_as_they_arrived() -> None:
    steps = [
        message("item_3", "three", previous="item_2"),
        message("item_1", "one", previous="root"),
        message("item_2", "two", previous="item_1"),
        message("item_0", "zero", previous="root"),
        OVER,
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert [turn.text for turn in session.conversation.turns] == ["zero", "one", "two", "three"]


async def test_b36_legacy_created_retrieved_and_deltas_of_unknown_items_all_make_a_turn() -> None:
    user = {"type": "message", "id": "item_1", "role": "user", "content": [{"type": "input_text", "text": "legacy"}]}
    known = {"type": "message", "id": "item_2", "role": "user", "content": [{"type": "input_text", "text": "fetched"}]}
    delta = {"response_id": "resp_1", "item_id": "item_3", "output_index": 0, "content_index": 0, "delta": "out of "}
    steps = [
        send("conversation.item.created", item=user),
        send("conversation.item.retrieved", item=known),
        send("response.output_text.delta", **delta),
        send("response.output_text.delta", **{**delta, "delta": "nowhere"}),
        ends("resp_1"),
        OVER,
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert [turn.text for turn in session.conversation.turns] == ["legacy", "fetched", "out of nowhere"]


# 37 and 38: transcripts


async def test_b37_transcripts_come_before_their_item_interleaved_and_after_the_answer() -> None:
    steps = [
        first(send("session.created", session=TRANSCRIBING)),
        heard("item_1", "delta", delta="first "),
        *spoken("item_1"),
        *spoken("item_2"),
        heard("item_2", "delta", delta="sec"),
        heard("item_1", "delta", delta="trun"),
        heard("item_2", "delta", delta="und"),
        begins("resp_1", ours=False),
        says("resp_1", "item_3", "the answer"),
        ends("resp_1", text="the answer", item_id="item_3"),
        heard("item_2", "completed", transcript="second turn"),
        heard("item_1", "completed", transcript="first turn"),
        OVER,
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert [turn.text for turn in session.conversation.turns] == ["first turn", "second turn", "the answer"]
        assert session.conversation.live == ()


async def test_b37_failed_transcription_concerns_one_item_and_an_empty_one_is_known() -> None:
    failure = {"type": "server_error", "code": "audio_unintelligible", "message": "could not be understood"}
    steps = [
        first(send("session.created", session=TRANSCRIBING)),
        *spoken("item_1"),
        *spoken("item_2"),
        heard("item_1", "failed", error=failure),
        heard("item_2", "completed", transcript=""),
        *TYPED,
        *answers("resp_1", "item_3", "Hello!"),
    ]
    async with session_with(*steps) as (session, _):
        troubles: list[Exception] = []
        session.on_error = troubles.append
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"
        # The question may stand anywhere among them: it crossed what the server said first.
        turns = {turn.item_id: turn for turn in session.conversation.turns}
        failed, empty = turns["item_1"], turns["item_2"]
        assert (failed.text_known, failed.status, empty.text_known, empty.text) == (False, "completed", True, "")
        assert failed.note is not None
        assert "could not be understood" in failed.note
        assert troubles == []


async def test_b38_null_transcript_erases_nothing_and_audio_is_kept() -> None:
    bare = {"type": "message", "id": "item_1", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
    silent = {
        "type": "message",
        "id": "item_2",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_audio", "transcript": None}],
    }
    steps = [
        first(send("session.created", session=TRANSCRIBING)),
        expect("input_audio_buffer.append", ignoring=()),
        expect("input_audio_buffer.commit"),
        *spoken("item_1"),
        heard("item_1", "completed", transcript="what I said"),
        send("conversation.item.done", item=bare),
        begins("resp_1", ours=False),
        says("resp_1", "item_2", "what it said", audio_samples=480),
        send("conversation.item.done", item=silent),
        ends("resp_1", output=[silent]),
        OVER,
    ]
    async with session_with(*steps) as (session, _):
        over = session.connection.wait_for("rate_limits.updated", timeout=5)
        await session.append(b"\1\0" * 4800)
        await session.connection.input_audio_buffer.commit()
        await over
        assert [(turn.text, turn.audio_ms) for turn in session.conversation.turns] == [
            ("what I said", 200),
            ("what it said", 20),
        ]


# 39 and 40: items and requests of our own


async def test_b39_a_history_travels_as_text_of_the_right_kind_and_shows_before_it_is_acknowledged() -> None:
    wait, go_on = gate()
    create = expect("conversation.item.create")
    steps = [create, wait, send(item_added), create, send(item_added), create, send(item_added)]
    history = [
        rt.system_message("Be kind.", id="item_s"),
        rt.user_message("Hi", id="item_u"),
        rt.assistant_message("Hello!", id="item_a"),
    ]
    async with session_with(*steps) as (session, server):
        requests = [
            asyncio.ensure_future(session.connection.request({"type": "conversation.item.create", "item": item}))
            for item in history
        ]
        await server.heard("conversation.item.create")
        shown = [turn.text for turn in (*session.conversation.turns, *session.conversation.live)]
        assert shown[0] == "Be kind.", "before the server has it"
        go_on()
        acknowledged = await asyncio.gather(*requests)
        assert [event.item.id for event in acknowledged] == ["item_s", "item_u", "item_a"]
        kinds = [event["item"]["content"][0]["type"] for event in server.received]
        assert kinds == ["input_text", "input_text", "output_text"]
        assert [turn.role for turn in session.conversation.turns] == ["system", "user", "assistant"]


async def test_b40_every_event_of_ours_has_an_id_and_an_error_finds_its_own_request() -> None:
    def both(script: Script) -> list[dict[str, Any]]:
        one, other = script.received
        error = {"type": "invalid_request_error", "code": "item_not_found", "message": "no item_2"}
        return [
            {"type": "error", "error": {**error, "event_id": other["event_id"]}},
            {"type": "conversation.item.deleted", "item_id": one["item_id"]},
        ]

    steps = [expect("conversation.item.delete"), expect("conversation.item.delete"), send(both)]
    async with session_with(*steps) as (session, server):
        one, other = (
            asyncio.ensure_future(session.connection.request({"type": "conversation.item.delete", "item_id": item_id}))
            for item_id in ("item_1", "item_2")
        )
        with pytest.raises(errors.ServerError, match="no item_2") as caught:
            await other
        assert (await one).item_id == "item_1"
        ids = [event["event_id"] for event in server.received]
        assert caught.value.event_id == ids[1]
        assert len({*ids}) == 2
        assert all(re.fullmatch(r"evt_\w+", event_id) for event_id in ids)


async def test_b40_refused_client_item_shows_the_refusal_in_its_turn() -> None:
    steps = [expect("conversation.item.create"), refuses("invalid_value", "not in this house")]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.ServerError, match="not in this house"):
            await session.connection.request({"type": "conversation.item.create", "item": rt.user_message("Hi")})
        (turn,) = session.conversation.turns
        assert (turn.text, turn.note) == ("Hi", "not in this house")
