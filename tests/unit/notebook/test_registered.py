"""Observers on the notifier thread run in the context in which they were registered."""

from __future__ import annotations

import contextvars
import logging
import threading

import pytest
import traitlets as t

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.notebook.registered import Observer

_cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")


def _on_notifier(observer: Observer, change: object) -> None:
    done = threading.Event()
    runtime.notifier().call(lambda: observer(change))
    runtime.notifier().call(done.set)
    assert done.wait(10)


def _registered(cell: str, function: object) -> Observer:
    context = contextvars.copy_context()
    context.run(_cell.set, cell)
    return context.run(Observer, function)  # type: ignore[arg-type]


def test_notifier_calls_it_in_a_fresh_copy_of_its_context() -> None:
    seen: list[str] = []

    def look(change: object) -> None:
        seen.append(_cell.get())
        _cell.set("changed by the first call")

    observer = _registered("third", look)
    _on_notifier(observer, {})
    _on_notifier(observer, {})
    assert seen == ["third", "third"]


def test_other_threads_call_it_in_their_own_context_and_get_its_exception() -> None:
    def bad(change: object) -> None:
        raise ValueError(_cell.get())

    with pytest.raises(ValueError, match="none"):
        _registered("third", bad)({})


def test_exception_on_the_notifier_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def bad(change: object) -> None:
        raise ValueError("the observer")

    with caplog.at_level(logging.ERROR, "realtime_nb"):
        _on_notifier(_registered("third", bad), {"name": "turns"})
    assert "An observer of 'turns' raised" in caplog.text


def test_unobserve_finds_the_function() -> None:
    w = rt.RealtimeWidget(backend="local")
    seen: list[object] = []
    w.observe(seen.append, ["speed", "muted"])
    w.observe(seen.append, "speed")
    w.speed = 1.2
    assert len(seen) == 1, "registered twice, called once"
    w.unobserve(seen.append, "speed")
    w.speed = 1.3
    assert len(seen) == 1
    w.muted = True
    assert len(seen) == 2
    w.unobserve_all()
    w.close()


def test_observers_that_traitlets_itself_registers_are_left_alone() -> None:
    class Card(rt.RealtimeWidget):
        heard: object = None

        @t.observe("speed")
        def _note(self, change: object) -> None:
            self.heard = change

    w = Card(backend="local")
    w.speed = 1.2
    assert w.heard is not None
    w.close()
