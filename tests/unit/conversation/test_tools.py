from __future__ import annotations

from realtime_nb.conversation import ClientItem, Conversation, ToolProgress, TurnOpened, TurnRemoved, reduce
from realtime_nb.wire.realtime import function_output

from .dsl import conversation, wire

ARGS = '{"city": "Paris", "days": 2}'


def test_a_call_belongs_to_the_answer_that_follows_it() -> None:
    state = conversation().user("weather?").tool_call("weather", ARGS, "sunny").assistant("It is sunny.").play()
    assert [turn.role for turn in state.turns] == ["user", "assistant"]
    (call,) = state.turns[1].tool_calls
    assert (call.name, call.arguments, call.status, call.output) == ("weather", ARGS, "completed", "sunny")
    assert call.parsed == {"city": "Paris", "days": 2}


def test_tool_call_is_the_live_turn_until_an_answer_comes() -> None:
    script = conversation().user("weather?").tool_call("weather", ARGS, None)
    state = script.play()
    (live,) = state.live
    assert (live.item_id, live.role, live.status, live.text) == (script.item, "assistant", "in_progress", "")
    assert [call.name for call in live.tool_calls] == ["weather"]


def test_tool_call_turn_is_removed_when_the_answer_comes() -> None:
    script = conversation().user("weather?").tool_call("weather", ARGS, "sunny")
    call = script.call_item["id"]
    changes = script.assistant("It is sunny.").changes()
    opened, removed = changes.index(TurnOpened(call)), changes.index(TurnRemoved(call))
    assert opened < removed
    assert changes.index(TurnOpened(script.item)) < removed


def test_arguments_are_parsed_only_when_done() -> None:
    script = conversation().begin().call("weather", ARGS)
    cut = next(i for i, (e, _) in enumerate(script.events) if e.__class__.__name__.endswith("ArgumentsDone"))
    state = Conversation()
    for event, at in script.events[: cut - 1]:
        reduce(state, event, at)
    (call,) = state.live[0].tool_calls
    assert call.parsed is None
    assert call.status == "in_progress"
    for event, at in script.events[cut - 1 :]:
        reduce(state, event, at)
    (call,) = state.live[0].tool_calls
    assert call.parsed == {"city": "Paris", "days": 2}


def test_three_done_events_of_a_call_make_one_call() -> None:
    script = conversation().begin().call("weather", ARGS).finish([])
    copy = {**script.call_item, "id": "another_item"}
    script.begin().finish([script.call_item, copy])
    (turn,) = script.play().live
    assert [call.call_id for call in turn.tool_calls] == [script.call_id]


def test_parallel_calls_share_a_turn() -> None:
    script = conversation().user("both").begin().call("weather", ARGS)
    first = script.call_item
    script.call("clock", "{}").finish([first, script.call_item]).answer("noon")
    state = script.play()
    (turn,) = state.live
    assert turn.item_id == first["id"]
    assert [(c.name, c.output) for c in turn.tool_calls] == [("weather", None), ("clock", "noon")]


def test_a_chain_of_calls_belongs_to_the_one_answer() -> None:
    script = conversation().user("go").tool_call("a", "{}", "1").tool_call("b", "{}", "2").assistant("done")
    turns = script.play().turns
    assert [[call.name for call in turn.tool_calls] for turn in turns] == [[], ["a", "b"]]
    usage = turns[1].usage
    assert usage is not None
    assert usage.responses == 3


def test_message_before_a_call_is_a_separate_turn() -> None:
    script = conversation().user("go").begin().message("Let me see.").call("a", "{}").end()
    script.answer("1").assistant("Done.")
    turns = script.play().turns
    assert [(turn.text, len(turn.tool_calls)) for turn in turns[1:]] == [("Let me see.", 0), ("Done.", 1)]


def test_unanswered_call_settles_when_the_user_speaks_next() -> None:
    script = conversation().user("go").tool_call("a", "{}", "1").typed("never mind").assistant("fine")
    turns = script.play().turns
    assert [(t.role, t.text, len(t.tool_calls)) for t in turns] == [
        ("user", "go", 0),
        ("assistant", "", 1),
        ("user", "never mind", 0),
        ("assistant", "fine", 0),
    ]


def test_incomplete_call_is_cancelled_and_settles() -> None:
    script = conversation().user("go").begin().call("a", '{"x": 1')
    cut = {**script.call_item, "status": "incomplete"}
    del script.events[-2:]
    script.finish([cut], status="cancelled", reason="turn_detected")
    state = script.play()
    assert state.live == ()
    turn = state.turns[-1]
    assert (turn.status, turn.tool_calls[0].status, turn.tool_calls[0].parsed) == ("interrupted", "cancelled", None)


def test_a_call_whose_answer_failed_is_shown_with_the_failure() -> None:
    script = conversation().user("go").tool_call("a", "{}", "1").begin().finish([], status="failed")
    state = script.play()
    assert state.live == ()
    assert [(t.status, t.note, len(t.tool_calls)) for t in state.turns[1:]] == [("failed", "failed", 1)]


def test_call_settles_after_an_empty_response() -> None:
    script = conversation().user("go").tool_call("a", "{}", "1").begin().finish([])
    state = script.play()
    assert state.live == ()
    assert [(t.status, len(t.tool_calls)) for t in state.turns[1:]] == [("completed", 1)]


def test_progress_is_shown_and_a_failure_stays_a_failure() -> None:
    script = conversation().begin().call("a", "{}").finish([])
    state = script.play()
    seen = []
    for status, output in [("running", None), ("failed", "Error: no such city")]:
        reduce(state, ToolProgress(script.call_id, status, output), 200.0)
        seen.append(state.live[0].tool_calls[0].status)
    reduce(state, ClientItem(function_output(script.call_id, "Error: no such city", id="o")), 201.0)
    seen.append(state.live[0].tool_calls[0].status)
    assert seen == ["running", "failed", "failed"]


def test_output_before_its_call_is_kept() -> None:
    script = conversation().begin().call("a", "{}")
    state = Conversation()
    reduce(state, ClientItem(function_output(script.call_id, "42", id="o")), 1.0)
    script.play(state)
    assert state.live[0].tool_calls[0].output == "42"


def test_progress_of_an_unknown_call_changes_nothing() -> None:
    assert reduce(Conversation(), ToolProgress("call_x", "running"), 1.0) == []


def test_mcp_calls_are_shown() -> None:
    script = conversation().user("search").begin()
    item = {"id": "mcp_1", "type": "mcp_call", "name": "search", "server_label": "docs", "arguments": ""}
    where = {"response_id": script.response, "item_id": "mcp_1", "output_index": 0}
    script.server("response.output_item.added", response_id=script.response, output_index=0, item=item)
    script.server("response.mcp_call_arguments.delta", **where, delta='{"q":')
    script.server("response.mcp_call_arguments.done", **where, arguments='{"q": 1}')
    script.server("response.mcp_call.in_progress", item_id="mcp_1", output_index=0)
    state = script.play()
    (call,) = state.live[0].tool_calls
    assert (call.call_id, call.name, call.parsed, call.status) == ("mcp_1", "search", {"q": 1}, "running")
    done = {**item, "arguments": '{"q": 1}', "output": "found"}
    reduce(state, wire(type="response.mcp_call.completed", item_id="mcp_1", output_index=0), 200.0)
    reduce(state, wire(type="conversation.item.done", item=done), 200.0)
    (call,) = state.live[0].tool_calls
    assert (call.status, call.output) == ("completed", "found")


def test_deleting_an_answer_keeps_its_call() -> None:
    script = conversation().user("go").tool_call("a", "{}", "1").assistant("done").typed("next")
    answer = next(turn.item_id for turn in script.play().turns if turn.text == "done")
    script.server("conversation.item.deleted", item_id=answer)
    turns = script.play().turns
    assert [(t.role, t.text, len(t.tool_calls)) for t in turns] == [
        ("user", "go", 0),
        ("assistant", "", 1),
        ("user", "next", 0),
    ]
