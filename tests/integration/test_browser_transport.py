"""A widget whose page holds the websocket has the same conversation with the practice backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pytest

import realtime_nb as rt
from realtime_nb.client.reconnect import renewal
from tests.faults.server import Server, default_session
from tests.integration.page_with_socket import PageWithSocket
from tests.integration.test_widget_conversation import _until


@pytest.fixture
async def widget() -> AsyncIterator[rt.RealtimeWidget]:
    made = rt.RealtimeWidget(backend="local", transport="browser", turn_detection="server_vad")
    yield made
    await made.stop()
    made.close()


async def _spoken(text: str) -> npt.NDArray[np.int16]:
    """Return speech of the practice voice, with silence around it that ends a turn."""
    speaker = rt.RealtimeWidget(backend="local")
    try:
        turn = await speaker.ask(f"Say {text}")
    finally:
        await speaker.stop()
        speaker.close()
    assert turn.audio is not None
    return np.concatenate([np.zeros(12_000, np.int16), turn.audio.samples, np.zeros(36_000, np.int16)])


async def test_a_turn_through_the_page_is_a_turn(widget: rt.RealtimeWidget) -> None:
    async with PageWithSocket(widget) as page:
        turn = await widget.ask("Count to three.")
        assert widget.transport == "browser"
        assert turn.audio is not None
        assert turn.audio.duration_ms > 500
        assert turn.latency is not None
        assert turn.latency.first_audio_to_played is not None
        assert "audio" not in page.kinds(), "the page has the sound already"
        assert page.heard(turn.item_id) == len(turn.audio.samples)
        secrets = [content["secret"] for content, _ in page.got if content["kind"] == "socket.open"]
        assert [secret[:3] for secret in secrets] == ["ek_"]
        assert secrets[0] not in repr(widget.connection) + repr(widget.events) + repr(widget.get_state())


async def test_recorded_sound_goes_through_the_page_with_its_microphone_held_off(widget: rt.RealtimeWidget) -> None:
    question = await _spoken("what time is it")
    async with PageWithSocket(widget) as page:
        await widget.start()
        await page.until(lambda: page.microphone_is_let_in)
        del page.got[:]
        turn = await widget.ask(question)
        assert "It is" in turn.text
        user = widget.turns[-2]
        assert user.audio is not None
        np.testing.assert_array_equal(user.audio.samples, question)
        kinds = page.kinds()
        first, last = kinds.index("socket.send"), len(kinds) - 1 - kinds[::-1].index("socket.hold")
        assert kinds.index("socket.hold") < first
        holds = [content["on"] for content, _ in page.got if content["kind"] == "socket.hold"]
        assert holds == [True, False]
        commit = next(n for n, event in enumerate(page.sent_frames) if event["type"] == "input_audio_buffer.commit")
        assert commit < len(page.sent_frames)
        assert kinds[:last].count("socket.send") > commit - 1, "the microphone was let in before the turn was over"


async def test_audio_sent_by_the_page_is_the_users_turn(widget: rt.RealtimeWidget) -> None:
    question = await _spoken("what time is it")
    async with PageWithSocket(widget) as page:
        await widget.start()
        await page.speak(question)
        turns = await _until(widget, "turns", lambda turns: len(turns) == 2 and turns[0].audio is not None)
        assert "time" in turns[0].text.lower()
        np.testing.assert_array_equal(np.trim_zeros(turns[0].audio.samples), np.trim_zeros(question))
        appended = [event for event in page.sent_frames if event["type"] == "input_audio_buffer.append"]
        assert len(appended) == -(-len(question) // 960), "the kernel sent some of it again"


async def test_speech_during_connecting_is_sent_first(widget: rt.RealtimeWidget) -> None:
    question = await _spoken("what time is it")
    frames = [question[at : at + 960].astype("<i2").tobytes() for at in range(0, len(question), 960)]
    async with PageWithSocket(widget) as page:
        page.send("mic.open")
        for number, pcm in enumerate(frames):
            page.send("mic.frame", pcm, frame=number, level=0.2, sent=False)
        turns = await _until(widget, "turns", lambda turns: len(turns) == 2 and turns[0].audio is not None)
        assert "time" in turns[0].text.lower()
        released = next(content for content, _ in page.got if content["kind"] == "socket.hold")
        assert (released["on"], released["since"]) == (False, len(frames))


async def test_push_to_talk_commits_after_all_audio_of_the_page(widget: rt.RealtimeWidget) -> None:
    widget.turn_detection = None
    question = await _spoken("what time is it")
    async with PageWithSocket(widget) as page:
        await widget.start()
        await page.speak(question)
        page.send("mic.close", frames=-(-len(question) // 960))
        page.send("commit")
        turns = await _until(widget, "turns", lambda turns: len(turns) == 2)
        assert "time" in turns[0].text.lower()
        kinds = [event["type"] for event in page.sent_frames]
        assert kinds.index("input_audio_buffer.commit") > max(
            n for n, kind in enumerate(kinds) if kind == "input_audio_buffer.append"
        )


async def test_interruption_during_a_busy_kernel_truncates_and_keeps_the_next_answer(
    widget: rt.RealtimeWidget,
) -> None:
    question = await _spoken("what time is it")
    async with PageWithSocket(widget, plays_s=0.5) as page:
        await widget.start()
        page.send("send", text="Count to thirty.")
        await _until(
            widget, "live", lambda live: any(turn.role == "assistant" and (turn.audio_ms or 0) > 1000 for turn in live)
        )
        first = next(turn for turn in widget.live if turn.role == "assistant")
        page.busy = True
        await page.speak(question)
        # An interruption and the whole next answer, while the kernel hears nothing.
        await page.until(lambda: any(page.heard(item) > 24_000 for item in page._received if item != first.item_id))
        assert len(widget.turns) == 1
        page.wake()
        turns = await _until(widget, "turns", lambda turns: len(turns) == 4)
        await page.until(lambda: any(event["type"] == "conversation.item.truncate" for event in page.sent_frames))
        cuts = [event for event in page.sent_frames if event["type"] == "conversation.item.truncate"]
        assert [(event["item_id"], event["audio_end_ms"]) for event in cuts] == [(first.item_id, 500)]
        answers = [turn for turn in turns if turn.role == "assistant"]
        assert [turn.status for turn in answers] == ["interrupted", "completed"]
        assert answers[1].audio is not None
        assert page.heard(answers[1].item_id) == len(answers[1].audio.samples)
        assert "flush" not in page.kinds()[page.kinds().index("socket.hold") :], "it silenced what it must not"


async def test_the_kernel_takes_over_from_a_page_that_goes_away(widget: rt.RealtimeWidget) -> None:
    async with PageWithSocket(widget) as page:
        await widget.ask("My name is Ada.")
        page.leave()
        await _until(widget, "transport", lambda used: used == "kernel")
        answer = await widget.ask("What is my name?")
    assert "Ada" in answer.text
    assert widget._info["transport_notice"] == "No page shows the card."
    assert [turn.role for turn in widget.turns] == ["user", "assistant", "system", "user", "assistant"]


async def test_page_that_gets_the_sound_gets_the_connection(widget: rt.RealtimeWidget) -> None:
    async with PageWithSocket(widget) as page:
        await widget.ask("My name is Ada.")
        controller = widget._live_controller
        controller.receive({"v": 1, "seq": 1, "page": "page-2", "kind": "lease"}, [])
        await page.until(lambda: "socket.close" in page.kinds())
        await page.until(lambda: [content["to"] for content, _ in page.got if content["kind"] == "socket.open"][1:])
        assert [content["to"] for content, _ in page.got if content["kind"] == "socket.open"] == ["page-1", "page-2"]


async def test_lost_frame_restarts_the_session_without_losing_turns(widget: rt.RealtimeWidget) -> None:
    async with PageWithSocket(widget) as page:
        await widget.ask("My name is Ada.")
        page.lose_a_message()
        answer = await widget.ask("What is my name?")
        assert "Ada" in answer.text
        assert widget.transport == "browser"
        assert widget.error is None


async def test_the_conversation_can_be_handed_over_and_taken_back_between_turns(widget: rt.RealtimeWidget) -> None:
    async with PageWithSocket(widget) as page:
        await widget.ask("My name is Ada.")
        await widget.use_transport("kernel")
        assert widget.transport == "kernel"
        assert "Ada" in (await widget.ask("What is my name?")).text
        await page.until(lambda: page.open_sockets == 0)
        await widget.use_transport("browser")
        assert widget.transport == "browser"
        answer = await widget.ask("What is my name?")
        assert "Ada" in answer.text
        assert answer.audio is not None
        assert page.heard(answer.item_id) == len(answer.audio.samples)
        assert page.open_sockets == 1
    assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 3


async def test_a_session_is_renewed_from_one_socket_of_the_page_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    # Half of the session: the last tenth of so short a one would leave too little time beside other work.
    monkeypatch.setattr(renewal, "margin_s", lambda left_s: left_s / 2)
    question = await _spoken("hello")
    with rt.LocalServer(session_seconds=6, pace=0) as server:
        widget = rt.RealtimeWidget(backend=server.url, transport="browser", turn_detection="server_vad")
        async with PageWithSocket(widget) as page:
            await widget.ask("My name is Ada.")
            first = widget.effective["id"]
            await _until(widget, "effective", lambda effective: effective.get("id") not in (None, first))
            assert "Ada" in (await widget.ask("What is my name?")).text
            await page.speak(question)
            await _until(widget, "turns", lambda turns: len(turns) == 6)
            await page.until(lambda: page.open_sockets == 1)
        assert widget.transport == "browser"
        assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 3
        await widget.stop()
        widget.close()


async def test_without_a_page_the_kernel_holds_the_websocket_and_reports_why(
    widget: rt.RealtimeWidget, caplog: pytest.LogCaptureFixture
) -> None:
    turn = await widget.ask("Hello!")
    assert turn.text
    assert widget.transport == "kernel"
    assert widget._info["transport_notice"] == "No page shows the card."
    await widget.stop()
    await widget.ask("Hello!")
    assert [record.message for record in caplog.records].count(
        "transport='browser' is not possible here: No page shows the card. The kernel's own connection is used."
    ) == 1


async def test_a_server_that_mints_a_key_gets_it_into_no_page() -> None:
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        body = b'{"value": "sk-standard", "expires_at": 2000000000}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        widget = rt.RealtimeWidget(backend=f"ws://127.0.0.1:{port}/v1/realtime", transport="browser")
        async with PageWithSocket(widget) as page:
            with pytest.raises(rt.ConnectError):
                await widget.start()
            assert asked.is_set()
            assert "socket.open" not in page.kinds()
            assert "sk-standard" not in repr(page.got)
        widget.close()


async def test_the_kernel_takes_over_where_the_server_has_sound_that_a_page_cannot_play() -> None:
    telephone = default_session()
    telephone["audio"]["output"]["format"] = {"type": "audio/pcmu"}
    minted = b'{"value": "ek_1", "expires_at": 2000000000}'

    with Server(session=telephone).start() as script:

        async def mint_or_relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"POST"):
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(minted) + minted
                )
                writer.close()
                return
            from_server, to_server = await asyncio.open_connection("127.0.0.1", urlsplit(script.url).port)
            to_server.write(head)
            await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))

        async with await asyncio.start_server(mint_or_relay, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            widget = rt.RealtimeWidget(backend=f"ws://127.0.0.1:{port}/v1/realtime", transport="browser")
            async with PageWithSocket(widget) as page:
                assert (await widget.ask("Hello!")).text == "Answer 1."
                assert "socket.open" in page.kinds()
                assert widget.transport == "kernel"
                assert "format" in widget._info["transport_notice"]
                assert widget.error is None
            await widget.stop()
            widget.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ({"backend": "azure", "model": "deployment"}, "transport='kernel'"),
        (
            {"backend": rt.Backend(url="wss://me.openai.azure.com/openai/v1/realtime?model=m", api_key="k")},
            "transport='kernel'",
        ),
        ({"backend": "wss://voice.example/v1/realtime?token=hunter2"}, "transport='kernel'"),
    ],
    ids=["azure", "azure's address", "a token in the address"],
)
async def test_settings_not_allowed_in_a_page_are_refused_before_connecting(
    given: dict[str, Any], instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k-123456")
    widget = rt.RealtimeWidget(transport="browser", **given)
    with pytest.raises(rt.ConfigError, match=instead) as refused:
        await widget.start()
    assert "hunter2" not in str(refused.value)
    widget.close()


def test_a_password_in_the_address_is_refused_at_the_call() -> None:
    with pytest.raises(rt.ConfigError, match="pass api_key=") as refused:
        rt.RealtimeWidget(transport="browser", backend="wss://user:hunter2@voice.example/v1/realtime")
    assert "hunter2" not in str(refused.value)


async def test_use_transport_selects_the_transport_of_the_next_connection(widget: rt.RealtimeWidget) -> None:
    async with PageWithSocket(widget) as page:
        await widget.use_transport("kernel")
        await widget.ask("Hello!")
        assert widget.transport == "kernel"
        assert "socket.open" not in page.kinds()
        await widget.stop()
        await widget.use_transport("browser")
        await widget.ask("Hello!")
        assert widget.transport == "browser"
        with pytest.raises(rt.ConfigError, match="'kernel'"):
            await widget.use_transport("elsewhere")
