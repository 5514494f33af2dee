"""The widget's conversation with the practice backend; pages are simulated by comm messages."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb import backends
from realtime_nb.notebook import runtime, trait_publisher
from tests.contract.kernel_messages import PageNumbers
from tests.faults.server import Event, Server
from tests.integration.flaky_proxy import FlakyProxy


@pytest.fixture
async def widget() -> AsyncIterator[rt.RealtimeWidget]:
    made = rt.RealtimeWidget(backend="local")
    yield made
    await made.stop()
    made.close()


async def _until(widget: rt.RealtimeWidget, name: str, wanted: Any) -> Any:
    """Wait until a trait satisfies `wanted`, by its own notifications."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()

    def look(_: Any) -> None:
        loop.call_soon_threadsafe(came.set)

    widget.observe(look, name)
    try:
        async with asyncio.timeout(60):
            while not wanted(getattr(widget, name)):
                came.clear()
                await came.wait()
    finally:
        widget.unobserve(look, name)
    return getattr(widget, name)


def _until_sound(turn: rt.Turn) -> float:
    latency = turn.latency
    steps = (latency.speech_end_to_committed, latency.committed_to_response, latency.response_to_first_audio)
    return sum(step for step in steps if step is not None)


async def test_ask_returns_the_complete_answer(widget: rt.RealtimeWidget) -> None:
    turn = await widget.ask("Hello!")
    assert turn.role == "assistant"
    assert turn.text
    assert turn.audio is not None
    assert turn.audio.duration_ms > 100
    assert widget.turns[-1] == turn
    assert turn.latency.first_audio_to_played is None
    assert turn.latency.total == pytest.approx(_until_sound(turn))
    assert [t.role for t in widget.turns] == ["user", "assistant"]
    assert widget.transcript.startswith("You: Hello!\nAssistant: ")
    assert widget.live == ()
    assert widget.usage.cost_usd == 0


async def test_ask_works_from_any_loop_and_from_none(widget: rt.RealtimeWidget) -> None:
    await widget.ask("Hello!")
    other: list[rt.Turn] = []
    thread = threading.Thread(target=lambda: other.append(asyncio.run(widget.ask("What time is it?"))))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert other[0].text
    plain = await asyncio.to_thread(rt.run, widget.ask("Hello!"))
    assert plain.text
    assert len(widget.turns) == 6


async def test_conversation_continues_after_stop(widget: rt.RealtimeWidget) -> None:
    await widget.ask("Hello!")
    await widget.stop()
    assert widget.status == "closed"
    await widget.ask("What time is it?")
    assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 2


async def test_a_setting_reaches_the_server_before_the_next_turn(widget: rt.RealtimeWidget) -> None:
    await widget.start()
    widget.instructions = "Speak like a pirate."
    widget.turn_detection = rt.ServerVad(silence_duration_ms=250)
    await widget.ask("Hello!")
    assert widget.effective["instructions"] == "Speak like a pirate."
    assert widget.effective["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 250
    widget.instructions = None
    await widget.ask("Hello!")
    assert widget.effective["instructions"] != "Speak like a pirate."


async def test_further_session_fields_are_sent_unchanged() -> None:
    widget = rt.RealtimeWidget(backend="local", session={"truncation": "disabled", "audio": {"output": {"speed": 1.2}}})
    await widget.start()
    assert widget.effective["truncation"] == "disabled"
    assert widget.effective["audio"]["output"]["speed"] == 1.2
    await widget.stop()
    widget.close()


@pytest.mark.sends_nonsense
async def test_unknown_session_field_is_sent_to_a_server_that_may_have_it_and_refused_there() -> None:
    with rt.LocalServer(voice="plain") as server:
        with pytest.warns(UserWarning, match=r"session\.shine"):
            unknown = rt.RealtimeWidget(backend=server.url, session={"shine": 1})
        await _is_refused_there(unknown)


async def _is_refused_there(unknown: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ServerError, match=r"session\.shine") as refused:
        await unknown.start()
    assert refused.value.code == "unknown_parameter"
    assert unknown.status == "error"
    unknown.close()


async def test_slow_or_raising_observer_delays_no_answer(widget: rt.RealtimeWidget) -> None:
    gate = threading.Event()

    def slow(_: Any) -> None:
        gate.wait(20)
        raise ValueError("an observer's own trouble")

    widget.observe(slow, "status")
    turn = await widget.ask("Hello!")
    assert turn.text
    gate.set()


async def test_handlers_registered_before_connecting_get_wire_events(widget: rt.RealtimeWidget) -> None:
    seen: list[str] = []

    @widget.on("event")
    def look(event: Any) -> None:
        seen.append(event.type)

    once: list[str] = []
    widget.once("response.done", lambda event: once.append(event.type))
    await widget.ask("Hello!")
    await widget.ask("Hello!")
    await widget.stop()
    assert seen[0] == "session.created"
    assert seen.count("response.done") == 2
    assert once == ["response.done"]
    assert {record.type for record in widget.events} >= {"session.update", "response.create", "response.done"}


async def test_off_removes_one_registration_and_once_is_for_one_event_over_all_connections(
    widget: rt.RealtimeWidget,
) -> None:
    twice: list[str] = []
    first: list[str] = []

    def hear(event: Any) -> None:
        twice.append(event.type)

    def greet(event: Any) -> None:
        first.append(event.type)

    widget.on("response.done", hear)
    widget.on("response.done", hear)
    widget.once("session.created", greet)
    widget.once("response.done", greet)
    widget.once("response.done", greet)
    widget.off("response.done", greet)
    await widget.ask("Hello!")
    widget.off("response.done", hear)
    await widget.stop()
    assert (len(twice), first) == (2, ["session.created", "response.done"])
    await widget.ask("Hello!")
    await widget.stop()
    assert (len(twice), first) == (3, ["session.created", "response.done"]), "over another connection"
    widget.off("response.done", hear)
    await widget.ask("Hello!")
    await widget.stop()
    assert len(twice) == 3


async def test_tool_is_called_and_its_answer_spoken(widget: rt.RealtimeWidget) -> None:
    calls: list[int] = []

    @widget.tool
    def set_slider(value: int) -> str:
        """Set the slider to a value."""
        calls.append(value)
        return f"the slider is at {value}"

    turn = await widget.ask("Set the slider to 25.")
    assert calls == [25]
    assert [(call.name, call.status) for call in turn.tool_calls] == [("set_slider", "completed")]
    assert "25" in turn.text


async def test_handler_that_raises_shows_in_the_card_and_stops_no_answer(widget: rt.RealtimeWidget) -> None:
    @widget.on("response.done")
    def bad(event: Any) -> None:
        raise ValueError("my own mistake")

    turn = await widget.ask("Hello!")
    assert turn.text
    error = await _until(widget, "error", lambda error: error is not None)
    assert "response.done" in error
    assert "my own mistake" in error


class Page:
    """A simulated page that sends and receives comm messages."""

    def __init__(self, widget: rt.RealtimeWidget, name: str = "page-1") -> None:
        self.name = name
        self.got: list[tuple[dict[str, Any], list[bytes] | None]] = []
        self._numbers = PageNumbers()
        self._controller = widget._live_controller
        widget._live_controller.channel._send = lambda content, buffers: self.got.append((content, buffers))  # its comm

    def send(self, kind: str, buffer: bytes | None = None, **fields: Any) -> None:
        content = {"v": 1, "seq": self._numbers.next(kind), "page": self.name, "kind": kind, **fields}
        self._controller.receive(content, [memoryview(buffer)] if buffer is not None else [])

    def hello(self) -> None:
        self.send("hello", version=1)

    def kinds(self) -> list[str]:
        return [content["kind"] for content, _ in self.got]


async def test_page_gets_a_snapshot_and_then_the_changes(widget: rt.RealtimeWidget) -> None:
    await widget.ask("Hello!")
    page = Page(widget)
    page.hello()
    page.send("heartbeat")
    page.send("send", text="What time is it?")
    await _until(widget, "turns", lambda turns: len(turns) == 4)
    await _until(widget, "status", lambda status: status in ("idle", "speaking"))
    kinds = page.kinds()
    snapshot = page.got[kinds.index("snapshot")][0]
    assert [turn["text"] for turn in snapshot["turns"]] == [turn.text for turn in widget.turns[:2]]
    assert {"turn", "live", "audio", "lease"} <= set(kinds)
    for sound in (True, False):
        numbers = [c["seq"] for c, _ in page.got if c["kind"].startswith(("audio", "lease")) == sound]
        assert numbers == sorted(set(numbers))


async def test_spoken_turn_arrives_complete_through_the_comm(widget: rt.RealtimeWidget) -> None:
    """Send speech of the practice voice from the page: the session receives the page's exact samples."""
    await widget.ask("Say what time is it")
    spoken = widget.turns[-1].audio
    assert spoken is not None
    question = np.concatenate([np.zeros(12_000, np.int16), spoken.samples, np.zeros(36_000, np.int16)])
    page = Page(widget)
    page.hello()
    page.send("mic.open")
    frames = [question[at : at + 960] for at in range(0, len(question), 960)]
    for number, frame in enumerate(frames):
        page.send("mic.frame", frame.astype("<i2").tobytes(), frame=number, level=0.2)
    page.send("mic.close", frames=len(frames))
    turns = await _until(widget, "turns", lambda turns: len(turns) >= 3 and turns[2].audio is not None)
    heard = turns[2].audio.samples
    assert len(heard) > len(spoken.samples) * 0.8
    np.testing.assert_array_equal(np.trim_zeros(heard), np.trim_zeros(question))
    assert widget._live_controller.sound.microphone.missing == 0


async def test_wait_for_a_gesture_is_no_latency(widget: rt.RealtimeWidget) -> None:
    page = Page(widget)
    page.hello()
    page.send("play.state", epoch=0, state="blocked", items=[], underruns=0)
    answer = await widget.ask("Hello!")  # returns: the card shows "Play"
    played = [{"item_id": answer.item_id, "content_index": 0, "played": 2400}]
    page.send("play.state", epoch=1, state="playing", items=played, underruns=0)
    turns = await _until(widget, "turns", lambda turns: turns[-1].revision > answer.revision)
    assert turns[-1].latency.first_audio_to_played is None
    assert turns[-1].latency.total == pytest.approx(_until_sound(turns[-1]))


async def test_stop_speaking_cuts_the_turn_at_the_samples_the_page_played(widget: rt.RealtimeWidget) -> None:
    page = Page(widget)
    page.hello()
    page.send("send", text="Count to thirty.")
    await _until(
        widget, "live", lambda live: any(turn.role == "assistant" and (turn.audio_ms or 0) > 250 for turn in live)
    )
    item = next(turn for turn in widget.live if turn.role == "assistant")
    played = [{"item_id": item.item_id, "content_index": 0, "played": 6_000}]
    page.send("play.state", epoch=1, state="playing", items=played, underruns=0)
    page.send("play.stopped", epoch=1, items=played, cause="user")
    page.send("interrupt")
    turns = await _until(widget, "turns", lambda turns: any(turn.status == "interrupted" for turn in turns))
    cut = next(turn for turn in turns if turn.status == "interrupted")
    assert cut.text.startswith(cut.heard_text)
    truncations = [r.event for r in widget.events if r.type == "conversation.item.truncate"]
    assert [event["audio_end_ms"] for event in truncations] == [250]


@pytest.mark.parametrize("reason", ["denied", "missing", "busy", "insecure", "blocked", "unsupported"])
async def test_microphone_failure_reaches_error_handlers_and_the_card(widget: rt.RealtimeWidget, reason: str) -> None:
    told: list[Any] = []
    widget.on("error", told.append)
    page = Page(widget)
    page.hello()
    page.send("mic.error", reason=reason, message="")
    await _until(widget, "error", lambda error: error is not None)
    assert "Typing" in str(widget.error)
    assert widget.microphone_error is not None
    assert widget.microphone_error.reason == reason
    page.send("bye")
    turn = await widget.ask("Hello!")
    assert turn.text, "typing still works"
    assert isinstance(told[0], rt.MicrophoneError)


async def test_bad_message_of_a_page_is_refused_and_changes_nothing(widget: rt.RealtimeWidget) -> None:
    await widget.ask("Hello!")
    page = Page(widget)
    page.hello()
    controller = widget._live_controller
    await runtime.bring(controller.traits.settled())
    before = (widget.status, widget.turns)
    huge = {"v": 1, "seq": 1, "page": "p", "kind": "send", "text": "x" * 10**6}
    bad: list[Any] = [{"kind": "turn"}, {"v": 1}, None, [], huge]
    for content in bad:
        controller.receive(content, [])
    await runtime.bring(controller.traits.settled())
    assert page.kinds().count("refused") == 5
    assert (widget.status, widget.turns) == before


async def test_lost_frames_of_the_microphone_show_in_health_and_in_the_card(
    widget: rt.RealtimeWidget, caplog: pytest.LogCaptureFixture
) -> None:
    assert not widget.health
    assert repr(widget.health) == "<Health: all well>"
    page = Page(widget)
    page.hello()
    page.send("mic.open")
    for number in (0, 1, 5):
        page.send("mic.frame", bytes(1920), frame=number, level=0.1)
    page.send("mic.close", frames=6)
    sentences = await _until(widget, "_health", bool)
    assert sentences == ["microphone frames that did not reach the kernel: 3"]
    assert widget.health.microphone_frames_missing == 3
    assert "did not reach the kernel: 3" in repr(widget.health)
    assert "did not reach the kernel: 3" in caplog.text


async def test_frames_that_the_comm_held_up_for_over_ten_seconds_are_not_sent_and_show_in_health() -> None:
    with Server().start() as listening:
        widget = rt.RealtimeWidget(backend=listening.url, turn_detection=None, transcription=False)
        await widget.start()
        page = Page(widget)
        page.hello()
        page.send("mic.open")
        for number, at in enumerate((60_000, 45_000, 49_000, 51_000, 60_040)):
            page.send("mic.frame", bytes([number, 0]) * 960, frame=number, level=0.1, at=at)
        page.send("mic.close", frames=5)
        page.send("commit")
        async with asyncio.timeout(30):
            while "input_audio_buffer.commit" not in listening.received_types():  # noqa: ASYNC110 - another loop
                await asyncio.sleep(0.02)
        sent = [event["audio"] for event in listening.received if event["type"] == "input_audio_buffer.append"]
        assert [base64.b64decode(sound)[0] for sound in sent] == [0, 3, 4]
        assert (widget.health.microphone_frames_dropped, widget.health.microphone_frames_missing) == (2, 0)
        widget.close()


async def test_widget_whose_page_closes_the_microphone_for_another_widget_stops_listening(
    widget: rt.RealtimeWidget,
) -> None:
    """The page has two widgets, and sends `mic.close` to the first when the second begins to listen."""
    other = rt.RealtimeWidget(backend="local")
    first, second = Page(widget, "page-1"), Page(other, "page-1")
    for page in (first, second):
        page.hello()
    first.send("mic.open")
    await _until(widget, "status", lambda status: status == "listening")
    second.send("mic.open")
    first.send("mic.close", frames=0)
    await _until(other, "status", lambda status: status == "listening")
    await _until(widget, "status", lambda status: status == "idle")
    assert not widget._live_controller.sound.microphone.capturing
    first.send("mic.frame", bytes(1920), frame=0, level=0.5)
    await runtime.bring(widget._live_controller.traits.settled())
    assert widget.health.microphone_frames == 0
    await other.stop()
    other.close()


async def test_new_session_continues_the_conversation(widget: rt.RealtimeWidget) -> None:
    await widget.ask("My name is Ada.")
    await widget.stop()
    answer = await widget.ask("What is my name?")
    assert "Ada" in answer.text
    assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 2


async def test_voice_set_after_it_has_spoken_is_used_from_the_next_answer_on(
    widget: rt.RealtimeWidget,
) -> None:
    await widget.ask("My name is Ada.")
    first = widget.effective["id"]
    widget.voice = "cedar" if widget.effective["audio"]["output"]["voice"] != "cedar" else "marin"
    answer = await widget.ask("What is my name?")
    assert "Ada" in answer.text
    assert widget.effective["audio"]["output"]["voice"] == widget.voice
    assert widget.effective["id"] != first
    assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 2
    assert widget.error is None


async def test_widget_shows_reconnecting_and_continues() -> None:
    statuses: list[str] = []
    with rt.LocalServer() as server:
        async with FlakyProxy(server.url) as proxy:
            widget = rt.RealtimeWidget(backend=proxy.url)
            await widget.ask("My name is Ada.")
            widget.observe(lambda change: statuses.append(change["new"]), "status")
            proxy.refuse()
            proxy.kill()
            await _until(widget, "error", lambda error: error and "Trying again (attempt 2)" in error)
            proxy.accept()
            await _until(widget, "status", lambda status: status == "idle")
            answer = await widget.ask("What is my name?")
            await widget.stop()
            widget.close()
    assert "Ada" in answer.text
    assert statuses[0] == "reconnecting"
    assert [turn.role for turn in widget.turns] == ["user", "assistant", "system", "user", "assistant"]
    assert "system" in widget.transcript.lower() or "The connection was lost" in widget.transcript
    assert widget.error is None


async def test_local_backend_that_died_is_restarted_and_the_conversation_continues(
    widget: rt.RealtimeWidget,
) -> None:
    await widget.ask("My name is Ada.")
    backends.stop_local()
    answer = await widget.ask("What is my name?")
    assert "Ada" in answer.text
    assert widget.error is None


async def test_health_counts_fields_and_sound_of_the_server_that_could_not_be_read() -> None:
    def odd(events: list[Event], asked: Event) -> list[Event]:
        for event in events:
            if event["type"] == "response.output_audio.delta":
                event["delta"] = "*** no sound ***"
            elif event["type"] == "response.done":
                event["response"]["usage"] = "unknown"
        return events

    with Server(on_response=odd).start() as script:
        widget = rt.RealtimeWidget(backend=script.url)
        try:
            assert (await widget.ask("One")).text == "Answer 1."
            assert (widget.health.fields_unread, widget.health.sound_unread) == (1, 2)
            assert "could not be read" in repr(widget.health)
        finally:
            widget.close()


async def test_another_model_goes_on_with_the_conversation(widget: rt.RealtimeWidget) -> None:
    widget.model = "gpt-realtime-2"  # before connecting: the first session has it
    await widget.ask("My name is Ada.")
    assert widget.effective["model"] == "gpt-realtime-2"
    first = widget.connection.url
    widget.model = "gpt-realtime-2.1-mini"
    turn = await widget.ask("Hello!")
    assert widget.effective["model"] == "gpt-realtime-2.1-mini"
    assert widget.connection.url != first
    assert [t.role for t in widget.turns].count("user") == 2, "what was said before is still there"
    assert turn.text
    widget.model = None
    await widget.ask("Hello!")
    assert widget.effective["model"] == "local-practice"


async def test_a_model_that_does_not_exist_is_refused_and_the_old_one_goes_on(widget: rt.RealtimeWidget) -> None:
    await widget.ask("Hello!")
    widget.model = "gpt-realtme-2"
    turn = await widget.ask("Hello!")
    assert turn.text
    assert widget.effective["model"] == "local-practice"
    with rt.LocalServer(voice="plain") as server:
        other = rt.RealtimeWidget(backend=server.url, model="gpt-realtme-2")
        with pytest.raises(rt.ConnectError, match=r"gpt-realtme-2.*Did you mean 'gpt-realtime-2'"):
            await other.start()
        other.close()


async def test_the_practice_backend_refuses_a_voice_that_the_service_lacks() -> None:
    widget = rt.RealtimeWidget(backend="local", voice="nova")
    with pytest.raises(rt.ServerError, match=r"'nova'.*'marin'"):
        await widget.start()
    assert "nova" in (widget.error or "")
    widget.close()


async def test_effective_cannot_be_changed(widget: rt.RealtimeWidget) -> None:
    await widget.start()
    with pytest.raises(TypeError, match="set the setting instead"):
        widget.effective["audio"]["output"]["voice"] = "cedar"
    with pytest.raises(TypeError):
        widget.effective["voice"] = "cedar"  # type: ignore[index]


async def test_reset_begins_anew_with_the_same_settings(widget: rt.RealtimeWidget) -> None:
    widget.instructions = "Speak like a pirate."
    await widget.ask("My name is Ada.")
    before = widget.turns
    widget.reset()
    turn = await widget.ask("What is my name?")
    assert len(before) == 2
    assert [t.text for t in widget.turns] == ["What is my name?", turn.text]
    assert "Ada" not in turn.text
    assert widget.effective["instructions"] == "Speak like a pirate."
    assert widget.status in ("idle", "speaking")


async def test_reset_in_the_middle_of_an_answer_ends_it(widget: rt.RealtimeWidget) -> None:
    await widget.start()
    asked = asyncio.create_task(widget.ask("Count to twenty."))
    await _until(widget, "live", lambda live: any(turn.role == "assistant" for turn in live))
    widget.reset()
    with pytest.raises(rt.ConnectError, match="closed before the answer"):
        await asked
    turn = await widget.ask("Hello!")
    assert [t.role for t in widget.turns] == ["user", "assistant"]
    assert turn == widget.turns[-1]


async def test_reset_before_any_connection_connects_to_nothing(widget: rt.RealtimeWidget) -> None:
    widget.reset([("user", "Hello"), ("assistant", "Hi")])
    await _until(widget, "turns", lambda turns: len(turns) == 2)
    assert widget.status == "idle"
    with pytest.raises(rt.ConfigError, match=r"history\[0\]"):
        widget.reset(["Hello"])
    assert len(widget.turns) == 2


async def test_a_conversation_begins_with_its_history() -> None:
    first = rt.RealtimeWidget(backend="local", output="text")
    await first.ask("My name is Ada.")
    widget = rt.RealtimeWidget(backend="local", output="text", history=[("system", "Be brief."), *first.turns])
    assert [t.text for t in widget.turns] == ["Be brief.", *(t.text for t in first.turns)], "before it connects"
    turn = await widget.ask("What is my name?")
    assert "Ada" in turn.text
    assert len(widget.turns) == 5
    first.close()
    widget.close()


def test_bad_history_is_refused_at_the_call() -> None:
    with pytest.raises(rt.ConfigError, match=r"history\[1\]"):
        rt.RealtimeWidget(backend="local", history=[("user", "Hello"), ("robot", "Hi")])


async def test_traits_are_sent_again_when_a_page_missed_messages(
    widget: rt.RealtimeWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates of traits have no numbers: those that the server dropped are lost without a trace."""
    monkeypatch.setattr(trait_publisher, "_MISSED_S", 0.01)
    sent, came = list[set[str]](), asyncio.Event()
    loop = asyncio.get_running_loop()

    def send_state(key: list[str] | str) -> None:
        if isinstance(key, list):  # a text: one trait that changed
            sent.append(set(key))
            loop.call_soon_threadsafe(came.set)

    monkeypatch.setattr(widget, "send_state", send_state)
    page = Page(widget)
    page.hello()
    page._controller.receive({"v": 1, "seq": 0, "page": "page-1", "kind": "gap", "of": "state", "ranges": [[1, 1]]}, [])
    async with asyncio.timeout(10):
        await came.wait()
    assert {"status", "_info", "_health", "_latency"} <= sent[0]
    assert "turns" not in sent[0]
