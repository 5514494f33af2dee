"""Behaviours 41 to 44 of docs/protocol.md: threads, traits and pages of a notebook."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.testing import Script, ScriptedServer, Step, expect, never, run, send
from tests.integration.scripted import TYPED, answers, begins, ends, says, session_with, updated
from tests.integration.test_widget_conversation import Page
from tests.integration.test_widget_conversation import _until as until

OPENING: list[Step] = [send("session.created"), expect("session.update"), send(updated)]
SETTINGS: dict[str, Any] = {"turn_detection": None, "transcription": False}


# 41: the receive loop runs no user code


async def test_b41_handlers_that_block_or_raise_hold_up_neither_the_wire_nor_each_other() -> None:
    release = threading.Event()
    steps = [*TYPED, *answers("resp_1", "item_1", "one"), *TYPED, *answers("resp_2", "item_2", "two")]
    async with session_with(*steps) as (session, _):
        seen: list[str] = []
        waiting, looked = asyncio.Event(), asyncio.Event()

        def block(_: Any) -> None:
            release.wait(20)

        async def wait(_: Any) -> None:
            await waiting.wait()

        def wrong(_: Any) -> None:
            raise ValueError("a mistake of the user's own")

        async def look(event: Any) -> None:
            seen.append(event.type)
            if len(seen) == 2:
                looked.set()

        for handler in (block, wait, wrong):
            session.connection.on("event", handler)
        session.connection.on("response.done", look)
        assert (await session.ask("Hi", timeout=5)).text == "one"
        assert (await session.ask("Hi", timeout=5)).text == "two"
        async with asyncio.timeout(20):
            await looked.wait()  # its task may begin after `ask` has returned
        assert seen == ["response.done"] * 2
        release.set()
        waiting.set()


# 42: deltas are messages; traits change at a slower rate


async def test_b42_traits_change_far_less_often_than_deltas_come_and_every_delta_is_a_message() -> None:
    deltas = 2_000
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    pcm = base64.b64encode(bytes(480)).decode()

    async def pour(script: Script) -> None:
        for number in range(deltas):
            await script.send({"type": "response.output_audio_transcript.delta", **where, "delta": f"{number} "})
            await script.send({"type": "response.output_audio.delta", **where, "delta": pcm})

    steps = [
        *OPENING,
        *TYPED,
        begins("resp_1"),
        says("resp_1", "item_1", "", audio_samples=24),
        run(pour),
        ends("resp_1"),
        never(),
    ]
    async with ScriptedServer(steps) as server:
        widget = rt.RealtimeWidget(backend=server.url, **SETTINGS)
        changes: list[str] = []
        widget.observe(lambda change: changes.append(change["name"]))
        await widget.start()
        page = Page(widget)
        page.hello()
        page.send("send", text="Go")
        turns = await until(widget, "turns", lambda turns: len(turns) == 2)
        assert turns[1].text.count(" ") == deltas
        await runtime.bring(widget._live_controller.traits.settled())
        sound = [b"".join(buffers or []) for content, buffers in page.got if content["kind"] == "audio"]
        assert sum(map(len, sound)) == 48 + 480 * deltas, "sound is binary, and whole"
        text = "".join(content["text"] for content, _ in page.got if content["kind"] == "live.delta")
        assert turns[1].text.endswith(text)
        assert text
        assert len(changes) < deltas / 4
        await widget.stop()
        widget.close()


# 43: a cell that blocks


def test_b43_a_blocked_main_thread_stops_neither_the_socket_nor_the_sound() -> None:
    """Block this thread, as a computing cell does: the conversation goes on in other threads."""
    steps = [*OPENING, *TYPED, *answers("resp_1", "item_1", "Hello!"), never()]
    with ScriptedServer(steps) as server:
        widget = rt.RealtimeWidget(backend=server.url, **SETTINGS)
        rt.run(widget.start())
        answered = threading.Event()
        widget.on("response.done", lambda _: answered.set())
        page = Page(widget)
        page.hello()
        page.send("send", text="Hi")
        assert answered.wait(20), "the main thread was blocked in this line all the while"
        rt.run(widget.stop())
        widget.close()


async def test_b43_lost_microphone_frames_are_counted() -> None:
    async with ScriptedServer([*OPENING, never()]) as server:
        widget = rt.RealtimeWidget(backend=server.url, **{**SETTINGS, "turn_detection": "server_vad"})
        await widget.start()
        page = Page(widget)
        page.hello()
        page.send("mic.open")
        for number in (0, 1, 5, 6):
            page.send("mic.frame", bytes(1920), frame=number, level=0.1)
        page.send("mic.close", frames=10)
        await server.heard("input_audio_buffer.append", times=4)
        await runtime.bring(widget._live_controller.traits.settled())
        assert widget._live_controller.sound.microphone.missing == 6
        await widget.stop()
        widget.close()


# 44: one page has sound and microphone


async def test_b44_of_two_pages_one_has_the_sound_and_the_microphone() -> None:
    async with ScriptedServer([*OPENING, never()]) as server:
        widget = rt.RealtimeWidget(backend=server.url, **{**SETTINGS, "turn_detection": "server_vad"})
        await widget.start()
        one, other = Page(widget, "page-1"), Page(widget, "page-2")
        one.hello()
        other.hello()
        one.send("mic.open")
        one.send("mic.frame", b"\1\0" * 960, frame=0, level=0.1)
        other.send("mic.frame", b"\2\0" * 960, frame=0, level=0.1)  # this page does not have the microphone
        await server.heard("input_audio_buffer.append")
        other.send("mic.open")  # a newer gesture: the microphone moves
        other.send("mic.frame", b"\3\0" * 960, frame=0, level=0.1)
        one.send("mic.frame", b"\4\0" * 960, frame=1, level=0.1)
        await server.heard("input_audio_buffer.append", times=2)
        other.send("mic.close", frames=1)
        await runtime.bring(widget._live_controller.traits.settled())
        sent = [base64.b64decode(event["audio"])[0] for event in server.received if event["type"].endswith(".append")]
        assert sent == [1, 3]
        leases = [content["page"] for content, _ in other.got if content["kind"] == "lease"]
        assert leases[-1] == "page-2"
        await widget.stop()
        widget.close()
