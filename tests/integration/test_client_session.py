"""The session over a real websocket: questions and answers, interruption, tools and settings."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

import numpy as np
import pytest

from realtime_nb import errors
from realtime_nb.client.connection import core_of
from realtime_nb.client.events.pending_requests import METADATA_KEY
from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.testing import Script, ScriptedServer, expect, run, send
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
    updated,
)

# Questions and answers


async def test_ask_returns_the_answer_to_its_own_question() -> None:
    async with session_with(*TYPED, *answers("resp_1", "item_a", "Hello!")) as (session, _):
        turn = await session.ask("Hi", timeout=5)
        assert (turn.role, turn.text, turn.status) == ("assistant", "Hello!", "completed")
        assert [known.text for known in session.conversation.turns] == ["Hi", "Hello!"]


async def test_questions_of_several_callers_are_asked_one_after_the_other() -> None:
    steps = [step for n in range(3) for step in (*TYPED, *answers(f"resp_{n}", f"item_{n}", f"answer {n}"))]
    async with session_with(*steps) as (session, server):
        turns = await asyncio.gather(*(session.ask(f"question {n}", timeout=5) for n in range(3)))
        assert [turn.text for turn in turns] == ["answer 0", "answer 1", "answer 2"]
        assert server.received_types() == ["conversation.item.create", "response.create"] * 3


async def test_ask_does_not_return_the_answer_to_the_microphone() -> None:
    busy = refuses(
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: resp_vad.",
    )
    steps = [
        first(created(VAD)),
        *TYPED,
        begins("resp_vad", ours=False),
        busy,
        says("resp_vad", "item_vad", "to the microphone"),
        ends("resp_vad", text="to the microphone", item_id="item_vad"),
        expect("response.create"),
        *answers("resp_ours", "item_ours", "to the question"),
    ]
    async with session_with(*steps) as (session, _):
        problems: list[Any] = []
        session.on_error = problems.append
        assert (await session.ask("Question", timeout=5)).text == "to the question"
        assert problems == [], "the race is benign"


async def test_failed_response_raises_the_servers_message() -> None:
    details = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit", "message": "Slow down."}}
    steps = [*TYPED, begins("resp_1"), ends("resp_1", status="failed", status_details=details)]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.ServerError, match=r"Slow down\.") as caught:
            await session.ask("Hi", timeout=5)
        assert caught.value.code == "rate_limit"


async def test_a_question_that_the_server_refuses_raises_and_its_response_is_cancelled() -> None:
    steps = [
        expect("conversation.item.create"),
        refuses(None, "too long"),
        expect("response.create"),
        begins("resp_1"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
        *TYPED,
        *answers("resp_2", "item_2", "fine"),
    ]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.ServerError, match="too long"):
            await session.ask("x" * 100, timeout=5)
        assert (await session.ask("again", timeout=5)).text == "fine"


async def test_ask_times_out_on_an_endless_response_and_cancels_it() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        says("resp_1", "item_1", "and so on"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
        *TYPED,
        *answers("resp_2", "item_2", "fine"),
    ]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.TimeoutError, match=r"no answer to 'Hi' within 0\.1 s: waited for the response"):
            await session.ask("Hi", timeout=0.1)
        assert (await session.ask("again", timeout=5)).text == "fine"


async def test_a_question_before_the_server_made_its_response_is_cancelled_when_it_does() -> None:
    wait, go_on = gate()
    steps = [
        *TYPED,
        wait,
        begins("resp_1"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps) as (session, server):
        asking = asyncio.ensure_future(session.ask("Hi", timeout=5))
        await server.heard("response.create")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        go_on()
        await asyncio.wait_for(session._responses.idle(), 5)


async def test_a_lost_connection_ends_a_question_with_the_reason() -> None:
    async def vanish(script: Script) -> None:
        script.socket.transport.abort()

    async with session_with(*TYPED, begins("resp_1"), run(vanish)) as (session, _):
        with pytest.raises(errors.ConnectError, match="1006"):
            await session.ask("Hi", timeout=5)


async def test_a_lost_connection_fails_the_turn_under_way_and_every_later_question_at_once() -> None:
    async def vanish(script: Script) -> None:
        script.socket.transport.abort()

    steps = [*TYPED, begins("resp_1"), says("resp_1", "item_1", "half an ans"), run(vanish)]
    async with session_with(*steps) as (session, _):
        with pytest.raises(errors.ConnectError):
            await session.ask("Hi", timeout=5)
        assert session.conversation.live == ()
        assert [(turn.text, turn.status) for turn in session.conversation.turns][-1] == ("half an ans", "failed")
        with pytest.raises(errors.ConnectError, match="1006"):
            await session.ask("Hi again", timeout=5)


async def test_closing_a_session_ends_pending_questions() -> None:
    async with session_with(*TYPED, begins("resp_1")) as (session, server):
        asking = asyncio.ensure_future(session.ask("Hi", timeout=5))
        await server.heard("response.create")
        await session.close()
        with pytest.raises(errors.ConnectError, match="closed before the answer"):
            await asking


async def test_turn_detection_set_during_a_recording_takes_effect_after_it() -> None:
    semantic = {"type": "semantic_vad", "eagerness": "high"}
    on = {"type": "realtime", "audio": {"input": {"turn_detection": semantic}}}
    steps = [
        first(created(VAD)),
        expect("session.update"),
        send(updated),
        expect("input_audio_buffer.clear"),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
        expect("session.update", session=on),
        send(updated),
        expect("response.create"),
        *answers("resp_1", "item_1", "heard"),
    ]
    async with session_with(*steps) as (session, _):
        changing: list[asyncio.Future[Any]] = []

        def change(raw: dict[str, Any]) -> None:
            if raw["type"] == "input_audio_buffer.clear":
                changing.append(asyncio.ensure_future(session.update(turn_detection=semantic)))

        core_of(session.connection).add_send_listener(change)
        await session.ask(np.ones(24_000 * 3, np.int16), timeout=5)
        effective = await changing[0]
        assert effective["audio"]["input"]["turn_detection"] == semantic


@pytest.mark.parametrize("detection", [VAD, {"type": "semantic_vad", "eagerness": "low"}, None])
async def test_recording_is_one_turn_under_any_turn_detection_setting(detection: Any) -> None:
    sound = (np.sin(np.arange(24_000) / 20) * 8000).astype(np.int16)
    off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    on = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    suspended = [expect("session.update", session=off), send(updated)] if detection else []
    resumed = [expect("session.update", session=on), send(updated)] if detection else []
    steps = [
        first(created(detection)),
        *suspended,
        expect("input_audio_buffer.clear"),
        send("input_audio_buffer.cleared"),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
        *resumed,
        expect("response.create"),
        *answers("resp_1", "item_1", "heard"),
    ]
    async with session_with(*steps) as (session, server):
        seen: list[Any] = []
        session.subscribe(lambda changes: seen.append(core_of(session.connection).config.turn_detection))
        asking = asyncio.ensure_future(session.ask(sound, timeout=5))
        microphone = 0
        while not asking.done():
            await asyncio.sleep(0)
            if session.microphone_held:
                await session.append(np.ones(960, np.int16))
                microphone += 1
        assert microphone, "the microphone was open all the time"
        assert (await asking).text == "heard"
        appended = b"".join(
            base64.b64decode(event["audio"])
            for event in server.received
            if event["type"] == "input_audio_buffer.append"
        )
        assert appended == sound.tobytes(), "the microphone was held off"
        assert all(state == detection for state in seen), "no reader saw turn detection flicker"
        assert core_of(session.connection).config.turn_detection == detection


async def test_sound_of_less_than_100_ms_is_padded_because_the_service_refuses_it() -> None:
    steps = [
        expect("input_audio_buffer.clear"),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
        expect("response.create"),
        *answers("resp_1", "item_1", "short"),
    ]
    async with session_with(*steps) as (session, server):
        await session.ask(np.ones(240, np.int16), timeout=5)
        sent = [event for event in server.received if event["type"] == "input_audio_buffer.append"]
        assert sum(len(base64.b64decode(event["audio"])) for event in sent) == 4800


async def test_push_to_talk_commits_and_asks_and_reports_an_empty_buffer() -> None:
    steps = [
        expect("input_audio_buffer.clear"),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
        expect("response.create"),
        *answers("resp_1", "item_1", "yes"),
    ]
    async with session_with(*steps) as (session, server):
        await session.append(np.ones(100, np.int16))
        assert not await session.commit(), "less than 100 ms is no turn"
        await session.append(np.ones(2400, np.int16))
        assert await session.commit()
        await asyncio.wait_for(session._responses.idle(), 5)
        assert server.received_types() == ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]


async def test_a_commit_that_the_server_refuses_raises_and_asks_for_no_answer() -> None:
    steps = [
        expect("input_audio_buffer.commit"),
        refuses("input_audio_buffer_commit_empty", "buffer too small"),
        expect("response.create"),
        begins("resp_1"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps) as (session, _):
        await session.append(np.ones(2400, np.int16))
        with pytest.raises(errors.ServerError, match="too small"):
            await session.commit()
        await asyncio.wait_for(session._responses.idle(), 5)


async def test_a_commit_that_crosses_the_end_of_the_turn_at_the_server_is_no_error() -> None:
    steps = [
        first(created(VAD)),
        expect("input_audio_buffer.append", ignoring=()),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        expect("input_audio_buffer.commit"),  # speech_stopped and committed are on their way meanwhile
        send("input_audio_buffer.speech_stopped", item_id="item_user", audio_end_ms=200),
        send("input_audio_buffer.committed", item_id="item_user"),
        refuses("input_audio_buffer_commit_empty", "buffer too small"),
        expect("response.create"),
        begins("resp_1"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps) as (session, server):
        reported: list[Exception] = []
        session.on_error = reported.append
        started = session.connection.wait_for("input_audio_buffer.speech_started", timeout=5)
        await session.append(np.ones(4800, np.int16))
        await started
        await session.commit()
        await server.heard("response.cancel")
        await asyncio.wait_for(session._responses.idle(), 5)
        assert reported == []


async def test_a_commit_under_turn_detection_after_the_server_ended_the_turn_sends_nothing() -> None:
    async with session_with(first(created(VAD))) as (session, server):
        await session.append(np.ones(4800, np.int16))
        assert not await session.commit()
        assert server.received_types() == []


# Interruption


async def test_barge_in_truncates_at_the_played_samples_without_a_second_cancel() -> None:
    player = Player()
    player.heard = {"item_1": 12_010}
    late = says("resp_1", "item_1", " late", audio_samples=480)
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a long story", audio_samples=48_000),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        late,
        expect("conversation.item.truncate", item_id="item_1", content_index=0, audio_end_ms=500),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=player) as (session, server):
        await asyncio.wait_for(player.silent.wait(), 5)
        await asyncio.wait_for(session._responses.idle(), 5)
        assert session.epoch == 1
        assert player.flushes == [1]
        assert player.written == [(0, "item_1", 0, 48_000)], "late sound never reaches the player"
        assert server.received_types() == ["conversation.item.truncate"]
        (turn,) = [turn for turn in session.conversation.turns if turn.role == "assistant"]
        assert turn.status == "interrupted"
        assert turn.text.startswith(turn.heard_text)
        assert len(turn.heard_text) < len(turn.text)


async def test_barge_in_after_the_response_truncates_playing_and_queued_parts() -> None:
    player = Player()
    player.heard = {"item_1": 2_400, "item_2": 0}
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "first", audio_samples=24_000),
        says("resp_1", "item_2", "second", audio_samples=24_000),
        ends("resp_1"),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        expect("conversation.item.truncate", item_id="item_1", audio_end_ms=100),
        expect("conversation.item.truncate", item_id="item_2", audio_end_ms=0),
    ]
    async with session_with(*steps, sink=player) as (session, server):
        await asyncio.wait_for(player.silent.wait(), 5)
        await server.heard("conversation.item.truncate", times=2)
        assert not session.response_active


async def test_speech_does_not_interrupt_without_interrupt_response() -> None:
    player = Player()
    wait, go_on = gate()
    steps = [
        first(created({**VAD, "interrupt_response": False})),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "on and on", audio_samples=24_000),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        send("input_audio_buffer.speech_stopped", item_id="item_user", audio_end_ms=10),
        wait,
    ]
    async with session_with(*steps, sink=player) as (session, _):
        await session.connection.wait_for("input_audio_buffer.speech_stopped", timeout=5)
        assert session.epoch == 0
        assert player.flushes == []
        go_on()


async def test_stop_cancels_by_id_and_truncates_at_the_pages_report() -> None:
    player = Player()
    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a long story", audio_samples=48_000),
        expect("response.cancel", response_id="resp_1"),
        expect("conversation.item.truncate", item_id="item_1", audio_end_ms=250),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=player) as (session, _):
        await session.connection.wait_for("response.output_audio.delta", timeout=5)
        await session.interrupt(played={("item_1", 0): 6_000})
        assert player.flushes == [], "the page was silent before it said so"
        await asyncio.wait_for(session._responses.idle(), 5)
        assert session.epoch == 1


async def test_item_without_audio_is_not_truncated() -> None:
    player = Player()
    player.heard = {"item_1": 0}
    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "text only"),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=player) as (session, server):
        await session.connection.wait_for("response.output_text.delta", timeout=5)
        await session.interrupt()
        await asyncio.wait_for(session._responses.idle(), 5)
        assert server.received_types() == ["response.cancel"]


async def test_refused_truncation_is_ignored() -> None:
    player = Player()
    player.heard = {"item_1": 240}
    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "x", audio_samples=480),
        ends("resp_1"),
        expect("conversation.item.truncate"),
        refuses(None, "shorter"),
        send("error", error={"type": "server_error", "message": "something else"}),
    ]
    async with session_with(*steps, sink=player) as (session, _):
        problems: list[str] = []
        told = asyncio.Event()

        def on_error(error: errors.ServerError) -> None:
            problems.append(str(error))
            told.set()

        session.on_error = on_error
        await session.connection.wait_for("response.done", timeout=5)
        await session.interrupt()
        await asyncio.wait_for(told.wait(), 5)
        assert problems == ["something else"]


async def test_typing_interrupts_the_answer() -> None:
    player = Player()
    player.heard = {"item_1": 2_400}
    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a long story", audio_samples=24_000),
        expect("response.cancel", response_id="resp_1"),
        expect("conversation.item.truncate", audio_end_ms=100),
        expect("conversation.item.create"),
        send(item_added),
        ends("resp_1", status="cancelled"),
        expect("response.create"),
        *answers("resp_2", "item_2", "ok"),
    ]
    async with session_with(*steps, sink=player) as (session, _):
        await session.connection.wait_for("response.output_audio.delta", timeout=5)
        await session.send_text("Wait")
        await asyncio.wait_for(session._responses.idle(), 5)
        assert session.conversation.turns[-1].text == "ok"


async def test_an_answer_that_is_interrupted_before_it_exists_is_cancelled_and_never_heard() -> None:
    player = Player()
    wait, go_on = gate()
    steps = [
        *TYPED,
        wait,
        begins("resp_1"),
        says("resp_1", "item_1", "too late", audio_samples=480),
        expect("response.cancel", response_id="resp_1"),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=player) as (session, server):
        await session.send_text("Hi")
        await server.heard("response.create")
        await session.interrupt()
        go_on()
        await asyncio.wait_for(session._responses.idle(), 5)
        assert player.written == []


async def test_silent_player_delays_one_second_and_its_last_report_counts() -> None:
    class Mute(Player):
        async def flush(self, epoch: int) -> list[PlayedItem]:
            await asyncio.Event().wait()
            return []

    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a long story", audio_samples=48_000),
        expect("response.cancel"),
        expect("conversation.item.truncate", audio_end_ms=200),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=Mute()) as (session, _):
        await session.connection.wait_for("response.output_audio.delta", timeout=5)
        session.played("item_1", 0, 4_800)
        await session.interrupt()
        await asyncio.wait_for(session._responses.idle(), 5)


# Tools


def outputs(server: ScriptedServer) -> dict[str, Any]:
    items = [event["item"] for event in server.received if event["type"] == "conversation.item.create"]
    return {item["call_id"]: item["output"] for item in items if item["type"] == "function_call_output"}


async def test_parallel_calls_run_together_are_answered_once_and_followed_by_one_response() -> None:
    both = threading.Barrier(2, timeout=5)

    def left() -> str:
        both.wait()
        return "L"

    def right() -> str:
        both.wait()
        return "R"

    steps = [
        *TYPED,
        begins("resp_1"),
        calls("resp_1", ("call_l", "left", "{}"), ("call_r", "right", "{}"), ("call_x", "nonsense", "{}")),
        calls("resp_1", ("call_l", "left", "{}")),
        expect("conversation.item.create"),
        expect("conversation.item.create"),
        expect("conversation.item.create"),
        ends("resp_1"),
        expect("response.create"),
        *answers("resp_2", "item_2", "both"),
    ]
    async with session_with(*steps, tools=[left, right]) as (session, server):
        assert (await session.ask("Go", timeout=5)).text == "both"
        assert outputs(server)["call_l"] == "L"
        assert outputs(server)["call_r"] == "R"
        assert "no tool 'nonsense'" in json.loads(outputs(server)["call_x"])["error"]
        assert server.received_types().count("response.create") == 2


async def test_audio_continues_while_a_synchronous_tool_blocks() -> None:
    heard = threading.Event()

    def blocks() -> str:
        return "heard" if heard.wait(5) else "no sound came while this function ran"

    steps = [
        *TYPED,
        begins("resp_1"),
        calls("resp_1", ("call_1", "blocks", "{}")),
        says("resp_1", "item_1", "one moment", audio_samples=480),
        expect("conversation.item.create"),
        send(item_added),
        ends("resp_1"),
        expect("response.create"),
        *answers("resp_2", "item_2", "done"),
    ]
    async with session_with(*steps, tools=[blocks], sink=Player()) as (session, server):
        session.connection.on("response.output_audio.delta", lambda _: heard.set())
        assert (await session.ask("Go", timeout=10)).text == "done"
        assert outputs(server) == {"call_1": "heard"}


async def test_incomplete_call_is_not_run() -> None:
    ran: list[str] = []

    def danger() -> None:
        ran.append("danger")

    steps = [
        *TYPED,
        begins("resp_1"),
        calls("resp_1", ("call_1", "danger", '{"half'), status="incomplete"),
        says("resp_1", "item_1", "never mind"),
        ends("resp_1", status="incomplete", text="never mind", item_id="item_1"),
    ]
    async with session_with(*steps, tools=[danger]) as (session, server):
        assert (await session.ask("Go", timeout=5)).text == "never mind"
        assert ran == []
        assert outputs(server) == {}


async def test_speech_during_a_call_sends_its_output_without_a_second_response() -> None:
    wait = asyncio.Event()

    async def slow() -> str:
        await wait.wait()
        return "late"

    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        calls("resp_1", ("call_1", "slow", "{}")),
        ends("resp_1"),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        expect("conversation.item.create"),
        send(item_added),
    ]
    async with session_with(*steps, tools=[slow]) as (session, server):
        await session.connection.wait_for("input_audio_buffer.speech_started", timeout=5)
        wait.set()
        await session.connection.wait_for("conversation.item.done", timeout=5)
        assert outputs(server) == {"call_1": "late"}
        assert "response.create" not in server.received_types()


async def test_call_reported_only_in_response_done_runs_once() -> None:
    ran: list[int] = []

    def once() -> int:
        ran.append(1)
        return len(ran)

    call = {
        "type": "function_call",
        "id": "item_c",
        "call_id": "call_1",
        "name": "once",
        "arguments": "{}",
        "status": "completed",
    }
    done = {"id": "resp_1", "status": "completed", "output": [call], "conversation_id": "conv_1"}
    steps = [
        *TYPED,
        begins("resp_1"),
        send("response.function_call_arguments.done", item_id="item_c", call_id="call_1", name="once", arguments="{}"),
        send("response.done", response=done),
        expect("conversation.item.create"),
        expect("response.create"),
        *answers("resp_2", "item_2", "once"),
    ]
    async with session_with(*steps, tools=[once]) as (session, server):
        assert (await session.ask("Go", timeout=5)).text == "once"
        assert outputs(server) == {"call_1": "1"}


async def test_a_tool_that_fails_is_answered_with_an_error_that_the_model_can_use() -> None:
    def broken(x: int) -> int:
        raise RuntimeError("out of order")

    steps = [
        *TYPED,
        begins("resp_1"),
        calls(
            "resp_1", ("call_1", "broken", '{"x": 1}'), ("call_2", "broken", '{"x": "one"}'), ("call_3", "broken", "{")
        ),
        ends("resp_1"),
        expect("conversation.item.create"),
        expect("conversation.item.create"),
        expect("conversation.item.create"),
        expect("response.create"),
        *answers("resp_2", "item_2", "sorry"),
    ]
    async with session_with(*steps, tools=[broken]) as (session, server):
        await session.ask("Go", timeout=5)
        told = {call_id: json.loads(output)["error"] for call_id, output in outputs(server).items()}
        assert "RuntimeError: out of order" in told["call_1"]
        assert "int" in told["call_2"]
        assert "not valid" in told["call_3"]


async def test_calls_of_a_tool_without_function_are_left_to_the_user() -> None:
    steps = [
        *TYPED,
        begins("resp_1"),
        calls("resp_1", ("call_1", "mine", "{}")),
        ends("resp_1"),
        expect("conversation.item.create", item=lambda item: item["output"] == "by hand"),
        send(item_added),
    ]
    declared = [{"name": "mine", "description": "", "parameters": {"type": "object", "properties": {}}}]
    async with session_with(*steps, tools=declared) as (session, server):
        done = session.connection.wait_for("response.done", timeout=5)
        await session.send_text("Go")
        await done
        output = {"type": "function_call_output", "call_id": "call_1", "output": "by hand"}
        await session.connection.request({"type": "conversation.item.create", "item": output})
        assert server.received_types().count("response.create") == 1


async def test_calls_of_an_out_of_band_response_are_not_run() -> None:
    ran: list[str] = []

    def danger() -> None:
        ran.append("danger")

    steps = [
        expect("response.create"),
        begins("resp_aside", conversation_id=None),
        calls("resp_aside", ("call_1", "danger", "{}")),
        ends("resp_aside", conversation_id=None),
    ]
    async with session_with(*steps, tools=[danger]) as (session, server):
        response = await asyncio.wait_for(session._responses.create({"conversation": "none"}).done, 5)
        assert response is not None
        assert ran == []
        assert server.received_types() == ["response.create"]


async def test_a_forced_tool_choice_is_not_forced_on_the_answer() -> None:
    def look() -> str:
        return "seen"

    steps = [
        first(created(tool_choice="required")),
        *TYPED,
        begins("resp_1"),
        calls("resp_1", ("call_1", "look", "{}")),
        ends("resp_1"),
        expect("conversation.item.create"),
        expect("response.create", response=lambda response: response["tool_choice"] == "auto"),
        *answers("resp_2", "item_2", "done"),
    ]
    async with session_with(*steps, tools=[look]) as (session, _):
        assert (await session.ask("Go", timeout=5)).text == "done"


async def test_a_time_out_names_the_tool_that_was_awaited() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    steps = [*TYPED, begins("resp_1"), calls("resp_1", ("call_1", "stuck", "{}")), ends("resp_1")]
    async with session_with(*steps, tools=[stuck]) as (session, _):
        with pytest.raises(errors.TimeoutError, match="tool stuck"):
            await session.ask("Go", timeout=1.5)


# Out of band, configuration


async def test_an_out_of_band_response_neither_blocks_nor_shows() -> None:
    steps = [
        expect("response.create", response=lambda params: params["conversation"] == "none"),
        begins("resp_aside", conversation_id=None),
        says("resp_aside", "item_aside", "a summary"),
        *TYPED,
        *answers("resp_1", "item_1", "Hello!"),
        ends("resp_aside", text="a summary", item_id="item_aside", conversation_id=None),
    ]
    async with session_with(*steps) as (session, _):
        aside = session._responses.create({"conversation": "none"})
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"
        response = await asyncio.wait_for(aside.done, 5)
        assert response is not None
        assert response.id == "resp_aside"
        assert [turn.text for turn in session.conversation.turns] == ["Hi", "Hello!"]


async def test_first_update_has_the_whole_configuration_and_the_echo_is_effective() -> None:
    def look() -> str:
        """Look."""
        return "seen"

    steps = [expect("session.update"), send(updated)]
    config = {"voice": "marin", "turn_detection": None, "truncation": "auto"}
    async with session_with(*steps, config=config, tools=[look]) as (session, server):
        await session.start()
        sent = server.received[0]["session"]
        assert sent["type"] == "realtime"
        assert sent["audio"] == {"input": {"turn_detection": None}, "output": {"voice": "marin"}}
        assert sent["truncation"] == "auto"
        assert [tool["name"] for tool in sent["tools"]] == ["look"]
        assert session.effective["audio"]["output"]["voice"] == "marin"
        assert list(core_of(session.connection).config.tools) == ["look"]


async def test_refused_update_raises_the_servers_message_and_changes_nothing() -> None:
    refusal = refuses("invalid_value", "No such voice", param="session.audio.output.voice")
    async with session_with(expect("session.update"), refusal) as (session, _):
        before = session.effective
        with pytest.raises(errors.ServerError, match="No such voice"):
            await session.update(voice="nobody")
        assert session.effective == before


async def test_an_unchanged_voice_is_left_out_once_it_has_spoken() -> None:
    speaking = {"type": "realtime", "audio": {"input": {"turn_detection": None}, "output": {"voice": "marin"}}}
    steps = [
        first(send("session.created", session=speaking)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "x", audio_samples=240),
        ends("resp_1"),
        expect("session.update", session={"type": "realtime", "instructions": "b"}),
        send(updated),
    ]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("response.done", timeout=5)
        await session.update(voice="marin")
        assert server.received == [], "nothing changed"
        await session.update(voice="marin", instructions="b")


async def test_speed_changes_between_turns_only() -> None:
    steps = [
        begins("resp_1", ours=False),
        ends("resp_1"),
        expect("session.update", session=lambda session: session["audio"]["output"]["speed"] == 1.2),
        send(updated),
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("response.created", timeout=5)
        await session.update(speed=1.2)
        assert not session.response_active


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"instruction": "x"}, "instructions"),
        ({"output": "both"}, "audio"),
        ({"speed": 9}, "0.25"),
        ({"turn_detection": "vad"}, "server_vad"),
        ({"output_modalities": ["text", "audio"]}, "output_modalities"),
    ],
)
async def test_a_bad_setting_is_refused_before_it_is_sent(settings: dict[str, Any], words: str) -> None:
    async with session_with() as (session, server):
        with pytest.raises(errors.ConfigError, match=words):
            await session.update(**settings)
        assert server.received == []


async def test_every_awaitable_of_a_session_may_be_awaited_from_any_loop() -> None:
    async with session_with(*TYPED, *answers("resp_1", "item_1", "Hello!")) as (session, _):
        turn = await asyncio.to_thread(lambda: asyncio.run(session.ask("Hi", timeout=5)))
        assert turn.text == "Hello!"


async def test_requested_responses_are_recognised_by_their_metadata() -> None:
    async with session_with(*TYPED, *answers("resp_1", "item_1", "Hello!")) as (session, server):
        await session.ask("Hi", timeout=5)
        create = server.received[-1]
        assert create["response"]["metadata"] == {METADATA_KEY: create["event_id"]}


async def test_session_keeps_events_only_once_a_reader_exists() -> None:
    steps = [*TYPED, *answers("resp_1", "item_1", "one"), *TYPED, *answers("resp_2", "item_2", "two")]
    async with session_with(*steps) as (session, _):
        await session.ask("Hi", timeout=5)
        reader = asyncio.ensure_future(session.connection.recv())
        await asyncio.sleep(0)
        await session.ask("Hi", timeout=5)
        types = [(await reader).type]
        while types[-1] != "response.done":
            types.append((await session.connection.recv()).type)
        assert types[0] == "conversation.item.added", "from the first call on, and without a gap"
        assert types.count("response.created") == 1
