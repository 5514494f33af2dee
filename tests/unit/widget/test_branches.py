from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.widget.branches import branch_options, present_options

SENTINEL = "sk-sentinel-0123456789"
HISTORY = [("user", "<b>What</b> is the time?"), ("assistant", "Noon."), ("user", "And now?")]


def look(place: str) -> str:
    """Look at a place."""
    return place


@pytest.fixture
def widget() -> Iterator[rt.RealtimeWidget]:
    made = rt.RealtimeWidget(
        api_key=SENTINEL,
        backend="ws://127.0.0.1:9/v1/realtime",
        instructions="Be kind.",
        voice="cedar",
        idle_minutes=7,
        session={"truncation": "auto"},
        history=HISTORY,
    )
    yield made
    for fork in made.branches:
        fork.close()
    made.close()


def _options(widget: rt.RealtimeWidget) -> Any:
    return widget._live_controller.state.options


def test_fork_has_the_present_settings_and_options_and_what_was_said_before(widget: rt.RealtimeWidget) -> None:
    widget.speed = 1.2
    fork = widget.fork(2, instructions="Be brief.", idle_minutes=3)
    assert (fork.instructions, fork.voice, fork.speed) == ("Be brief.", "cedar", 1.2)
    assert [(turn.role, turn.text) for turn in fork.turns] == HISTORY[:2]
    assert _options(fork).backend == _options(widget).backend
    assert _options(fork).api_key is _options(widget).api_key
    assert _options(fork).idle_minutes == 3
    assert fork._live_controller.state.config.further == {"truncation": "auto"}
    assert (widget.instructions, len(widget.turns)) == ("Be kind.", 3)


def test_another_backend_gets_neither_key_nor_model_nor_session_fields(widget: rt.RealtimeWidget) -> None:
    fork = widget.fork(0, backend="ws://127.0.0.1:10/v1/realtime")
    assert _options(fork).api_key is None
    assert fork._live_controller.state.config.further == {}
    present = {"backend": "openai", "model": "m", "api_key": "k", "session": {"a": 1}, "voice": "cedar"}
    assert branch_options(present, {"backend": "local"}) == {"backend": "local", "voice": "cedar"}
    assert branch_options(present, {"backend": "local", "model": "n"})["model"] == "n"
    assert branch_options(present, {"backend": "openai"}) == present


def test_unknown_option_history_and_bad_values_are_refused_and_make_no_fork(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(TypeError, match=r"fork\(\) has no option 'instruction'\. Did you mean 'instructions'"):
        widget.fork(0, instruction="x")
    with pytest.raises(rt.ConfigError, match="takes no history="):
        widget.fork(0, history=[])
    with pytest.raises(rt.ConfigError, match="speed"):
        widget.fork(0, speed=9)
    with pytest.raises(rt.ConfigError, match="turn=9 is no index"):
        widget.fork(9)
    assert len(widget.branches) == 0


def test_every_option_of_the_constructor_can_be_given_to_a_fork(widget: rt.RealtimeWidget) -> None:
    assert set(present_options(widget, widget._live_controller.state)) == set(
        rt.RealtimeWidget.__init__.__kwdefaults__ or {}
    ) - {"history"}


def test_branches_are_a_tree_that_is_read_as_text_and_as_html(widget: rt.RealtimeWidget) -> None:
    first = widget.fork(0, instructions="Be brief.")
    second = widget.fork(turn=2, speed=1.1, tools=[look])
    twig = second.fork(0, voice={"id": "voice_1"})
    assert (first.parent, second.parent, widget.parent) == (widget, widget, None)
    assert list(widget.branches) == [first, second]
    assert repr(second).endswith("2 turns, forked at turn 2>")
    lines = repr(widget.branches).splitlines()
    assert lines[0].startswith("the conversation: 3 turns")
    assert lines[1].startswith("├─ forked at turn 0 '<b>What</b> is the time?', instructions='Be brief.': 0 turns")
    assert lines[2].startswith("└─ forked at turn 2 'And now?', speed=1.1, tools=['look']: 2 turns")
    assert lines[3].startswith("   └─ forked at turn 0")
    shown = widget.branches._repr_html_()
    assert "&lt;b&gt;What&lt;/b&gt;" in shown
    assert "<b>" not in shown
    twig.close()
    assert len(second.branches) == 0


def test_closed_fork_leaves_its_parent_and_a_closed_parent_its_forks(widget: rt.RealtimeWidget) -> None:
    first, second = widget.fork(0), widget.fork(2)
    first.close()
    assert list(widget.branches) == [second]
    widget.close()
    assert len(widget.branches) == 0
    assert second.status != "closed"
    second.close()
    with pytest.raises(rt.RealtimeError, match="closed for good"):
        widget.fork(0)


def test_tree_dies_with_the_last_reference_to_its_root_without_the_collector() -> None:
    widget = rt.RealtimeWidget(backend="ws://127.0.0.1:9/v1/realtime", history=HISTORY)
    fork = widget.fork(0)
    with pytest.raises(rt.ConnectError):
        rt.run(fork.first_answer())
    rt.run(fork._live_controller.traits.settled())
    known = [weakref.ref(widget), weakref.ref(fork)]
    gc.collect()
    gc.disable()
    try:
        del widget
        assert known[0]() is None
        assert fork.parent is None
        del fork
        assert known[1]() is None
    finally:
        gc.enable()


def test_key_given_to_a_fork_is_not_shown(widget: rt.RealtimeWidget) -> None:
    fork = widget.fork(0, api_key="sk-another-0123456789")
    shown = repr(widget.branches) + str(widget.branches._repr_html_()) + repr(fork) + repr(widget._branches)
    assert "another" not in shown


def test_widget_that_is_no_fork_has_no_first_answer(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ConfigError, match="this widget is no fork"):
        rt.run(widget.first_answer())
