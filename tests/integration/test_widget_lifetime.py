"""The end of a widget and of its session: closed for good, and freed."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.testing import ScriptedServer
from tests.faults.server import Server


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def listening(server: Server) -> Iterator[ScriptedServer]:
    with server.start() as started:
        yield started


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
