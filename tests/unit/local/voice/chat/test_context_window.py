from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.chat.context_window import ContextWindow
from tests.unit.local.voice.chat.test_messages import assistant, call, result, system, user


def _long(turns: int) -> list[dict[str, Any]]:
    items = [{**system("s"), "id": "s"}]
    for turn in range(turns):
        items += [
            {**user(f"question {turn}"), "id": f"u{turn}"},
            {**call(f"c{turn}"), "id": f"c{turn}"},
            {**result(f"c{turn}", "result " * 20), "id": f"r{turn}"},
            {**assistant("answer " * 20), "id": f"a{turn}"},
        ]
    return items


def test_everything_stays_that_fits() -> None:
    history = _long(3)
    assert ContextWindow().fit(history, 10_000)[0] == history


def test_whole_turns_go_and_system_items_stay() -> None:
    kept, size = ContextWindow().fit(_long(30), 1000)
    assert kept[0]["id"] == "s"
    assert kept[1]["id"].startswith("u")
    assert kept[-1]["id"] == "a29"
    assert size <= 750


def test_cut_stays_until_the_room_is_full_again(caplog: pytest.LogCaptureFixture) -> None:
    window = ContextWindow()
    firsts = [window.fit(_long(turns), 2000)[0][1]["id"] for turns in range(20, 60)]
    assert len(set(firsts)) < 15
    assert firsts == sorted(firsts, key=lambda name: int(name[1:]))
    assert len([record for record in caplog.records if "context" in record.message]) == 1


def test_result_goes_with_its_call() -> None:
    history = [user("old " * 300), call("1"), user("new"), result("1", "late")]
    kept, _ = ContextWindow().fit(history, 100)
    assert kept == [user("new")]


def test_last_turn_always_stays() -> None:
    history = [user("old"), user("word " * 1000)]
    kept, size = ContextWindow().fit(history, 100)
    assert kept == history[1:]
    assert size > 1000


def test_turn_that_cannot_be_trimmed_is_not_noted(caplog: pytest.LogCaptureFixture) -> None:
    ContextWindow().fit([user("word " * 1000)], 100)
    assert not caplog.records


def test_estimate_follows_the_servers_counts() -> None:
    window, history = ContextWindow(), _long(10)
    before = window.tokens(history)
    window.observe(before, before * 2)
    assert window.tokens(history) == pytest.approx(before * 2, rel=0.01)
    window.observe(10, 5000)
    assert window.tokens(history) == pytest.approx(before * 2, rel=0.01), "a short prompt proves nothing"


def test_many_conversations_are_not_kept() -> None:
    window = ContextWindow()
    for number in range(1000):
        history = _long(5)
        window.fit([{**system("x"), "id": f"first{number}"}, *history], 100)
    assert len(window._first_kept) <= 256


_KINDS = st.sampled_from(["user", "assistant", "system", "call", "result"])


@given(st.lists(st.tuples(_KINDS, st.integers(0, 200)), max_size=20), st.integers(1, 2000))
def test_any_history_is_cut_at_a_turn(kinds: list[tuple[str, int]], room: int) -> None:
    make = {"user": user, "assistant": assistant, "system": system}
    history = []
    for at, (kind, size) in enumerate(kinds):
        item = make[kind]("x" * size) if kind in make else call(f"{at}") if kind == "call" else result(f"{at - 1}", "x")
        history.append({**item, "id": str(at)})
    kept, _ = ContextWindow().fit(history, room)
    ids = [item["id"] for item in kept]
    assert ids == sorted(ids, key=int)
    assert {item["id"] for item in history if item.get("role") == "system"} <= set(ids)
    users = [item["id"] for item in history if item.get("role") == "user"]
    assert not users or users[-1] in ids
    kept_calls = {item["call_id"] for item in kept if item["type"] == "function_call"}
    all_calls = {item["call_id"] for item in history if item["type"] == "function_call"}
    results = {item["call_id"] for item in kept if item["type"] == "function_call_output"}
    assert results & all_calls <= kept_calls
