"""The end of a widget and of its session: closed for good, and freed."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import ipywidgets
import pytest

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.testing import ScriptedServer
from tests.contract.kernel_messages import PageNumbers
from tests.faults.server import Server


def _made(listening: ScriptedServer, **options: Any) -> rt.RealtimeWidget:
    return rt.RealtimeWidget(backend=listening.url, turn_detection=None, transcription=False, **options)


async def _disposed(widget: rt.RealtimeWidget) -> None:
    """Wait until a closed widget has disconnected."""

    async def wait() -> None:
        disposing = widget._live_controller._disposing
        assert disposing is not None
        await disposing

    await runtime.bring(wait())


async def test_a_closed_widget_is_closed_at_once_and_opens_no_session(
    server: Server, listening: ScriptedServer
) -> None:
    widget = _made(listening)
    await widget.ask("Hello")
    widget.close()
    assert widget.status == "closed"
    await _disposed(widget)
    widget.close()
    for refused in (widget.ask, widget.use_transport):
        with pytest.raises(rt.RealtimeError, match="closed for good"):
            await refused("kernel")
    for refused_call in (widget.start, widget.commit):
        with pytest.raises(rt.RealtimeError, match="closed for good"):
            await refused_call()
    with pytest.raises(rt.RealtimeError, match="closed for good"):
        widget.speed = 1.2
    with pytest.raises(rt.RealtimeError, match="closed for good"):
        widget.on("event", print)
    await widget.stop()
    assert server.connections == 1
    assert (widget.status, len(widget.turns)) == ("closed", 2)


async def test_a_page_cannot_wake_a_closed_widget(server: Server, listening: ScriptedServer) -> None:
    widget = _made(listening)
    await widget.start()
    controller = widget._live_controller
    widget.close()
    await _disposed(widget)
    messages: list[dict[str, Any]] = [{"kind": "hello", "version": 1}, {"kind": "send", "text": "Hi"}]
    for seq, message in enumerate(messages, 1):
        controller.receive({"v": 1, "seq": seq, "page": "p", **message}, None)
    await runtime.bring(asyncio.sleep(0.2))
    assert server.connections == 1
    assert len(controller.pages) == 0
    assert controller.lifecycle._tasks == set()


@pytest.mark.parametrize("moment", ["greeting", "response"])
async def test_closing_ends_a_pending_ask_with_an_error_that_says_so(moment: str) -> None:
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def silent(events: Any, asked: Any) -> list[Any]:
        loop.call_soon_threadsafe(reached.set)
        return []

    server = Server(on_greeting=silent) if moment == "greeting" else Server(on_response=silent)
    with server.start() as listening:
        widget = _made(listening)
        asking = asyncio.ensure_future(widget.ask("Hello"))
        await reached.wait()
        widget.close()
        with pytest.raises(rt.RealtimeError, match="closed before the answer came") as error:
            await asking
        assert type(error.value) is rt.RealtimeError
        assert widget.status == "closed"


async def test_stopping_while_connecting_ends_a_pending_ask_with_an_error() -> None:
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def silent(events: Any, asked: Any) -> list[Any]:
        loop.call_soon_threadsafe(reached.set)
        return []

    with Server(on_greeting=silent).start() as listening:
        widget = _made(listening)
        asking = asyncio.ensure_future(widget.ask("Hello"))
        await reached.wait()
        await widget.stop()
        with pytest.raises(rt.ConnectError, match="stopped while it was starting"):
            await asking
        widget.close()


def test_two_hundred_closed_widgets_are_freed_with_their_turns_and_sound(listening: ScriptedServer) -> None:
    freed: list[weakref.ref[Any]] = []

    def use_one() -> None:
        widget = _made(listening)
        turn = rt.run(widget.ask("Hello", timeout=30))
        assert turn.audio is not None
        freed.extend(map(weakref.ref, (widget, widget._live_controller, turn.audio.samples)))
        widget.close()
        rt.run(_disposed(widget))

    for _ in range(200):
        use_one()
    rt.run(runtime.notifier().settled())
    gc.collect()
    alive = [kept for kept in (known() for known in freed) if kept is not None]
    assert len(freed) == 600
    assert alive == []


def test_the_layout_closes_with_its_widget_unless_the_user_made_it() -> None:
    from ipywidgets.widgets.widget import _instances

    shared = ipywidgets.Layout(width="50%")
    ours, users = rt.RealtimeWidget(backend="local"), rt.RealtimeWidget(backend="local", layout=shared)
    own = ours.layout
    ours.close()
    users.close()
    assert own not in _instances.values()
    assert shared in _instances.values()
    shared.close()


class Page:
    """A simulated page: sends comm messages, and keeps the kernel's."""

    def __init__(self, widget: rt.RealtimeWidget, name: str = "p") -> None:
        self.name = name
        self._receive = widget._live_controller.receive
        self._numbers = PageNumbers()

    def send(self, kind: str, **fields: Any) -> None:
        self._receive({"v": 1, "seq": self._numbers.next(kind), "page": self.name, "kind": kind, **fields}, None)

    def show(self) -> None:
        """Draw the card; no gesture has unlocked the sound yet."""
        self.send("hello", version=1)
        self.send("play.state", epoch=0, state="blocked", items=[], underruns=0)
        self.send("views", count=1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parks a second after the last view is gone."""
    monkeypatch.setattr("realtime_nb.notebook.parking._UNVIEWED_S", 0.2)
    monkeypatch.setattr("realtime_nb.notebook.session_lifecycle._LOOK_S", 0.05)


async def _status(widget: rt.RealtimeWidget, wanted: str) -> None:
    async with asyncio.timeout(20):
        while widget.status != wanted:  # noqa: ASYNC110 - traits are written on another thread
            await asyncio.sleep(0.02)


async def _until_closed(listening: ScriptedServer, number: int) -> None:
    async with asyncio.timeout(20):
        while not listening.scripts[number].socket.close_code:  # noqa: ASYNC110 - the server has a loop of its own
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("impatient")
async def test_a_parked_session_says_why_and_the_next_ask_continues_it(
    server: Server, listening: ScriptedServer
) -> None:
    widget = _made(listening)
    await widget.ask("Hello")
    page = Page(widget)
    page.show()
    page.send("views", count=0)
    await _until_closed(listening, 0)
    await _status(widget, "idle")
    assert widget.error is None
    assert widget.health.parked is not None
    assert "No page shows the card any more" in widget.health.parked
    await runtime.bring(widget._live_controller.traits.settled())
    assert widget._info["parked"] == widget.health.parked
    with pytest.raises(rt.ConnectError):
        _ = widget.connection
    turn = await widget.ask("Again")
    assert turn.text
    assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 2
    assert widget.health.parked is None
    assert server.connections == 2
    told = [event["item"] for event in listening.scripts[1].received if event["type"] == "conversation.item.create"]
    said = [(item["role"], item["content"][0]["text"]) for item in told]
    assert said == [("user", "Hello"), ("assistant", widget.turns[1].text), ("user", "Again")]
    widget.close()


@pytest.mark.usefixtures("impatient")
async def test_a_gesture_continues_a_parked_session(server: Server, listening: ScriptedServer) -> None:
    widget = _made(listening)
    await widget.ask("Hello")
    page = Page(widget)
    page.show()
    page.send("views", count=0)
    await _until_closed(listening, 0)
    page.send("views", count=1)
    page.send("send", text="And now?")
    async with asyncio.timeout(20):
        while len(widget.turns) < 4:  # noqa: ASYNC110 - traits are written on another thread
            await asyncio.sleep(0.02)
    assert server.connections == 2
    widget.close()


@pytest.mark.usefixtures("impatient")
async def test_parking_in_the_middle_of_an_answer_cuts_the_turn() -> None:
    def unfinished(events: list[Any], asked: Any) -> list[Any]:
        return events[:4]  # up to its first words

    with Server(on_response=unfinished).start() as listening:
        widget = _made(listening)
        page = Page(widget)
        page.send("hello", version=1)
        page.send("views", count=1)
        page.send("send", text="Hello")
        await _status(widget, "thinking")
        page.send("views", count=0)
        await _until_closed(listening, 0)
        await _status(widget, "idle")
        assert widget.live == ()
        widget.close()


@pytest.mark.usefixtures("impatient")
async def test_speech_of_a_card_that_is_gone_is_not_answered(listening: ScriptedServer) -> None:
    widget = rt.RealtimeWidget(backend=listening.url)
    page = Page(widget)
    page.send("hello", version=1)
    page.send("views", count=1)
    page.send("mic.open")
    await _status(widget, "listening")
    page.send("views", count=0)
    page.send("mic.close", frames=0)
    await _until_closed(listening, 0)
    assert "input_audio_buffer.clear" in listening.received_types()
    assert "input_audio_buffer.commit" not in listening.received_types()
    widget.close()


def test_a_widget_that_was_never_shown_dies_with_its_last_reference(listening: ScriptedServer) -> None:
    gc.collect()
    gc.disable()
    try:
        widget = _made(listening)
        rt.run(widget.ask("Hello", timeout=30))
        rt.run(runtime.notifier().settled())
        known, comm = weakref.ref(widget), widget.comm
        del widget
        assert known() is None
    finally:
        gc.enable()
    rt.run(_until_closed(listening, 0))
    assert comm is None or comm._closed


def test_a_widget_that_was_shown_stays(listening: ScriptedServer) -> None:
    shown, viewed = _made(listening), _made(listening)
    shown._repr_mimebundle_()
    Page(viewed).send("views", count=1)
    rt.run(viewed._live_controller.traits.settled())
    known = [weakref.ref(shown), weakref.ref(viewed)]
    del shown, viewed
    gc.collect()
    for reference in known:
        alive = reference()
        assert alive is not None
        alive.close()


def test_a_page_that_is_reloaded_gets_the_state_of_a_widget_that_was_not_shown_yet(listening: ScriptedServer) -> None:
    widget = _made(listening)
    assert widget.model_id in ipywidgets.Widget.get_manager_state()["state"]
    model_id = widget.model_id
    del widget
    assert model_id not in ipywidgets.Widget.get_manager_state()["state"]


def test_a_cell_that_is_run_again_leaves_one_session(server: Server, listening: ScriptedServer) -> None:
    for _ in range(5):
        widget = _made(listening)
        rt.run(widget.ask("Hello", timeout=30))
    for number in range(4):
        rt.run(_until_closed(listening, number))
    assert server.connections == 5
    assert widget.status != "closed"
    widget.close()


@pytest.mark.usefixtures("impatient")
async def test_a_session_without_page_and_call_is_parked_after_idle_minutes(listening: ScriptedServer) -> None:
    widget = _made(listening, idle_minutes=0.005)
    patient = _made(listening, idle_minutes=None)
    await patient.ask("Hello")
    await widget.ask("Hello")
    await _until_closed(listening, 1)
    assert "no call was made, for 0.005 minutes" in str(widget.health.parked)
    assert patient.health.parked is None
    assert not listening.scripts[0].socket.close_code
    widget.close()
    patient.close()


@pytest.mark.usefixtures("impatient")
async def test_events_that_are_sent_by_hand_keep_a_session(listening: ScriptedServer) -> None:
    widget = _made(listening, idle_minutes=0.02)
    await widget.start()
    for _ in range(40):
        await widget.connection.input_audio_buffer.clear()
        await asyncio.sleep(0.05)
    assert widget.health.parked is None
    await _until_closed(listening, 0)
    with pytest.raises(rt.ConnectError, match="parked"):
        _ = widget.connection
    widget.close()


def test_a_widget_without_a_name_lives_until_its_answer(listening: ScriptedServer) -> None:
    assert rt.run(_made(listening).ask("Hello", timeout=30)).text == "Answer 1."
    rt.run(_until_closed(listening, 0))


@pytest.mark.parametrize("bad", [0, -1, "5"])
def test_idle_minutes_is_checked(bad: Any) -> None:
    with pytest.raises(rt.ConfigError, match="idle_minutes"):
        rt.RealtimeWidget(idle_minutes=bad)
