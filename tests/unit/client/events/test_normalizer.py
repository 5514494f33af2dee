"""What a server leaves out or says otherwise is completed; what it says well passes through untouched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.conversation import ClientItem, LocalEvent
from realtime_nb.wire import realtime as wire
from tests.unit.conversation.dsl import Script
from tests.unit.conversation.strategies import SERVER_EVENTS, scripts


class Stream:
    """A server's events through a normalizer, and what became of them."""

    def __init__(self) -> None:
        self.normalizer = EventNormalizer()
        self.out: list[Any] = []

    def server(self, kind: str, **fields: Any) -> list[Any]:
        event = wire.decode_server(json.dumps({"type": kind, **fields}))
        whole = list(self.normalizer.received(event))
        self.out += whole
        return whole

    def client(self, kind: str, **fields: Any) -> dict[str, Any]:
        raw = {"type": kind, **fields}
        outward = self.normalizer.outward(raw)
        self.normalizer.sent(raw)
        return outward

    def answer(self, response: str | None, item: str | None, text: str, *, created: bool = True) -> None:
        where = {"response_id": response, "item_id": item}
        if created:
            self.server("response.created", response={"id": response, "status": "in_progress"})
        self.server("response.output_audio_transcript.delta", **where, delta=text)
        self.server("response.output_audio.delta", **where, delta="AAAA")
        self.server("response.done", response={"id": response, "status": "completed"})

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.out]

    def ids(self, kind: type) -> list[str]:
        """The response ids, or the item ids, of the events of a type that came out."""
        responses = kind in (wire.ResponseCreated, wire.ResponseDone)
        told: list[Any] = [event for event in self.out if isinstance(event, kind)]
        return [event.response.id if responses else event.item_id for event in told]

    @property
    def calls(self) -> list[tuple[str | None, str, str, str | None]]:
        """Item, name, arguments and call id of the calls that are ready to run, each once, in order."""
        ready: dict[str | None, tuple[str | None, str, str, str | None]] = {}
        for event in self.out:
            items = event.response.output or [] if isinstance(event, wire.ResponseDone) else []
            items = [event.item] if isinstance(event, wire.ResponseOutputItemDone) else items
            for item in items:
                if isinstance(item, wire.FunctionCallItem) and item.status in (None, "completed"):
                    ready.setdefault(item.call_id, (item.id, item.name, item.arguments, item.call_id))
        return list(ready.values())


# Responses


def test_a_response_that_was_not_created_begins_with_its_first_event() -> None:
    stream = Stream()
    stream.answer("r", "i", "hi", created=False)
    assert stream.types[0] == "response.created"
    assert stream.types.count("response.created") == 1
    assert stream.ids(wire.ResponseCreated) == stream.ids(wire.ResponseDone) == ["r"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("response.output_item.added", {"item": {"type": "message", "id": "i", "role": "assistant"}}),
        ("response.content_part.added", {"item_id": "i", "part": {"type": "audio"}}),
        ("response.output_text.delta", {"item_id": "i", "delta": "hi"}),
        ("response.output_audio.done", {"item_id": "i"}),
        ("response.function_call_arguments.delta", {"item_id": "i", "call_id": "c", "delta": "{"}),
        ("response.mcp_call_arguments.done", {"item_id": "i", "arguments": "{}"}),
    ],
)
def test_any_event_of_a_response_begins_it(kind: str, fields: dict[str, Any]) -> None:
    stream = Stream()
    stream.server(kind, response_id="r", **fields)
    assert stream.types == ["response.created", kind]


@pytest.mark.parametrize("response", [None, {}, {"id": None}, {"id": "", "status": None}])
def test_a_done_without_an_id_ends_the_response_that_runs(response: Any) -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    stream.server("response.output_text.delta", response_id="r", item_id="i", delta="hi")
    stream.server("response.done", response=response)
    assert stream.ids(wire.ResponseDone) == ["r"]
    assert stream.out[-1].response.status == "completed"


def test_responses_without_any_id_are_two_responses() -> None:
    stream = Stream()
    for text in ("one", "two"):
        stream.server("response.output_audio_transcript.delta", delta=text)
        stream.server("response.output_audio.delta", delta="AAAA")
        stream.server("response.done")
    first, second = stream.ids(wire.ResponseCreated)
    assert first != second
    assert stream.ids(wire.ResponseDone) == [first, second]
    one, _, two, _ = (
        stream.ids(wire.ResponseOutputAudioTranscriptDelta)[:1] * 2
        + stream.ids(wire.ResponseOutputAudioTranscriptDelta)[1:] * 2
    )
    assert "" not in (one, two)
    assert one != two


def test_a_response_id_that_comes_again_is_another_response() -> None:
    stream = Stream()
    stream.answer("r", "i", "one")
    stream.answer("r", "j", "two")
    first, second = stream.ids(wire.ResponseCreated)
    assert (first, stream.ids(wire.ResponseDone)) == ("r", [first, second])
    assert second != "r"
    assert {event.response_id for event in stream.out if getattr(event, "delta", "") == "two"} == {second}


def test_a_response_id_that_comes_again_unannounced_is_another_response_where_one_is_due() -> None:
    stream = Stream()
    stream.client("response.create")
    stream.answer("r", "i", "one", created=False)
    stream.client("response.create")
    stream.answer("r", "i", "two", created=False)
    first, second = stream.ids(wire.ResponseCreated)
    assert first != second
    assert stream.ids(wire.ResponseDone) == [first, second]
    assert len(set(stream.ids(wire.ResponseOutputAudioDelta))) == 2


def test_what_is_sent_about_a_renamed_response_has_the_servers_id() -> None:
    stream = Stream()
    stream.answer("r", "i", "one")
    stream.server("response.created", response={"id": "r"})
    name = stream.ids(wire.ResponseCreated)[-1]
    assert name != "r"
    assert stream.client("response.cancel", response_id=name)["response_id"] == "r"


def test_late_events_of_a_finished_response_stay_late() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    stream.server("response.output_text.delta", response_id="r", item_id="i", delta="hi")
    stream.server("response.done", response={"id": "r", "status": "cancelled"})
    stream.client("response.create")
    late = stream.server("response.output_text.delta", response_id="r", item_id="i", delta=" late")
    assert [(event.type, event.response_id, event.item_id) for event in late] == [
        ("response.output_text.delta", "r", "i")
    ]
    assert stream.server("response.done", response={"id": "r", "status": "completed"}) == []
    stream.server("response.created", response={"id": "s"})
    late = stream.server("response.output_text.delta", response_id="r", item_id="i", delta=" later")
    assert [event.response_id for event in late] == ["r"]
    assert stream.ids(wire.ResponseCreated) == ["r", "s"]


def test_late_events_of_a_completed_response_stay_late_where_none_is_due() -> None:
    stream = Stream()
    stream.answer("r", "i", "hi")
    late = stream.server("response.output_audio.done", response_id="r", item_id="i")
    assert [event.type for event in late] == ["response.output_audio.done"]
    assert stream.types.count("response.created") == 1


@pytest.mark.parametrize("kind", ["response.output_audio.done", "response.output_audio_transcript.done"])
def test_the_end_of_a_stream_may_be_late_where_the_next_response_is_due(kind: str) -> None:
    stream = Stream()
    stream.answer("r", "i", "hi")
    stream.client("response.create")
    assert [event.item_id for event in stream.server(kind, response_id="r", item_id="i")] == ["i"]
    assert stream.server("response.done", response={"id": "r", "status": "completed"}) == []
    stream.answer("s", "j", "ho")
    assert stream.ids(wire.ResponseCreated) == ["r", "s"]


def test_events_that_a_stream_repeats_begin_nothing() -> None:
    stream = Stream()
    for _ in range(2):
        stream.server("response.created", event_id="e1", response={"id": "r", "status": "in_progress"})
        stream.server("response.output_text.delta", event_id="e2", response_id="r", item_id="i", delta="hi")
        stream.server("response.done", event_id="e3", response={"id": "r", "status": "completed"})
    assert stream.ids(wire.ResponseCreated) == ["r"]
    assert stream.ids(wire.ResponseDone) == ["r"]


def test_a_done_of_a_response_that_just_began_is_its_beginning() -> None:
    stream = Stream()
    stream.server("response.done", response={"id": "r", "status": "in_progress"})
    assert stream.types == ["response.created"]
    stream.server("response.output_text.delta", response_id="r", item_id="i", delta="hi")
    stream.server("response.done", response={"id": "r", "status": "completed"})
    assert stream.types == ["response.created", "response.output_text.delta", "response.done"]


def test_an_answer_still_in_progress_at_its_end_is_completed() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    stream.server("response.done", response={"id": "r", "status": "in_progress"})
    assert stream.out[-1].response.status == "completed"


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_how_a_response_ended_is_the_servers_word(status: str) -> None:
    stream = Stream()
    stream.server("response.done", response={"id": "r", "status": status})
    assert stream.out[-1].response.status == status


def test_responses_side_by_side_stay_apart() -> None:
    stream = Stream()
    for response in ("r", "s"):
        stream.server("response.created", response={"id": response})
    for response in ("r", "s", "r"):
        stream.server("response.output_text.delta", response_id=response, item_id=f"i_{response}", delta="x")
    stream.server("response.done", response={"id": "r", "status": "completed"})
    stream.server("response.output_text.delta", item_id="i_s", delta="x")
    stream.server("response.done", response={"status": "completed"})
    assert stream.ids(wire.ResponseOutputTextDelta) == ["i_r", "i_s", "i_r", "i_s"]
    assert stream.ids(wire.ResponseDone) == ["r", "s"]


# Calls


def _arguments(stream: Stream, **fields: Any) -> None:
    stream.server("response.function_call_arguments.done", **{"response_id": "r", "arguments": "{}", **fields})


def test_a_call_told_by_its_arguments_alone_is_ready() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    _arguments(stream, item_id="i", call_id="c", name="add")
    stream.server("response.done", response={"id": "r", "status": "completed", "output": None})
    assert stream.calls == [("i", "add", "{}", "c")]
    assert stream.types.index("response.output_item.done") < stream.types.index("response.done")


def test_a_call_whose_arguments_come_in_pieces_only_is_ready() -> None:
    stream = Stream()
    item = {"type": "function_call", "id": "i", "call_id": "c", "name": "add", "arguments": "", "status": "in_progress"}
    stream.server("response.created", response={"id": "r"})
    stream.server("response.output_item.added", response_id="r", item=item)
    for piece in ('{"a":', " 2}"):
        where = {"response_id": "r", "item_id": "i", "call_id": "c"}
        stream.server("response.function_call_arguments.delta", **where, delta=piece)
    stream.server("response.done", response={"id": "r", "status": "completed"})
    assert stream.calls == [("i", "add", '{"a": 2}', "c")]


@pytest.mark.parametrize("null", ["null", " null\n", "", None])
def test_arguments_that_say_null_are_none(null: str | None) -> None:
    stream = Stream()
    item = {"type": "function_call", "id": "i", "call_id": "c", "name": "now", "arguments": null, "status": "completed"}
    stream.server("response.created", response={"id": "r"})
    _arguments(stream, item_id="i", call_id="c", name="now", arguments=null)
    stream.server("response.output_item.done", response_id="r", item=item)
    stream.server("response.done", response={"id": "r", "status": "completed", "output": [item]})
    assert stream.calls == [("i", "now", "", "c")]


def test_a_call_told_by_the_beginning_of_its_item_alone_is_ready() -> None:
    stream = Stream()
    item = {"type": "function_call", "id": "i", "call_id": "c", "name": "add", "arguments": "{}"}
    stream.server("response.output_item.added", response_id="r", item={**item, "status": "in_progress"})
    stream.server("response.done", response={"id": "r", "status": "completed"})
    assert stream.calls == [("i", "add", "{}", "c")]


def test_a_call_told_in_every_shape_is_ready_once() -> None:
    stream = Stream()
    item = {"type": "function_call", "id": "i", "call_id": "c", "name": "add", "arguments": "{}", "status": "completed"}
    stream.server("response.created", response={"id": "r"})
    begun = {**item, "arguments": "", "status": "in_progress"}
    stream.server("response.output_item.added", response_id="r", item=begun)
    _arguments(stream, item_id="i", call_id="c", name="add")
    stream.server("response.output_item.done", response_id="r", item=item)
    stream.server("response.done", response={"id": "r", "status": "completed", "output": [item]})
    assert stream.calls == [("i", "add", "{}", "c")]
    assert stream.types.count("response.output_item.done") == 1


@pytest.mark.parametrize("named_in", ["added", "arguments", "done"])
def test_the_name_of_a_call_is_taken_from_where_it_stands(named_in: str) -> None:
    stream = Stream()
    item = {"type": "function_call", "id": "i", "call_id": "c", "name": "", "arguments": "", "status": "completed"}
    stream.server("response.created", response={"id": "r"})
    added = {**item, "status": "in_progress", "name": "add" if named_in == "added" else ""}
    stream.server("response.output_item.added", response_id="r", item=added)
    _arguments(stream, item_id="i", call_id="c", **({"name": "add"} if named_in == "arguments" else {}))
    stream.server(
        "response.output_item.done", response_id="r", item={**item, "name": "add" if named_in == "done" else ""}
    )
    stream.server("response.done", response={"id": "r", "status": "completed", "output": [item]})
    assert stream.calls == [("i", "add", "{}", "c")]


def test_a_call_id_that_comes_again_is_another_call() -> None:
    stream = Stream()
    for response, item in (("r", "i"), ("s", "j")):
        stream.server("response.created", response={"id": response})
        _arguments(stream, response_id=response, item_id=item, call_id="c", name="add")
        stream.server("response.done", response={"id": response, "status": "completed"})
    first, second = (call_id for *_, call_id in stream.calls)
    assert (first, [item for item, *_ in stream.calls]) == ("c", ["i", "j"])
    assert second != "c"
    output = {"type": "function_call_output", "call_id": second, "output": "5"}
    assert stream.client("conversation.item.create", item=output)["item"]["call_id"] == "c"


@pytest.mark.parametrize("ids", [{}, {"item_id": None, "call_id": None}, {"item_id": "", "call_id": ""}])
def test_calls_without_ids_are_as_many_as_were_told(ids: dict[str, Any]) -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    for city in ("Bonn", "Ulm"):
        _arguments(stream, name="weather", arguments=json.dumps({"city": city}), output_index=0, **ids)
    stream.server("response.done", response={"status": "completed"})
    assert [json.loads(arguments)["city"] for _, _, arguments, _ in stream.calls] == ["Bonn", "Ulm"]
    assert len({item for item, *_ in stream.calls}) == len({call_id for *_, call_id in stream.calls}) == 2


def test_calls_that_share_an_item_id_are_two_calls() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    for call in ("c", "d"):
        _arguments(stream, item_id="i", call_id=call, name="add")
    stream.server("response.done", response={"id": "r", "status": "completed"})
    assert [call_id for *_, call_id in stream.calls] == ["c", "d"]
    assert len({item for item, *_ in stream.calls}) == 2


@pytest.mark.parametrize("left_out", [None, "added", "arguments", "done", "output"])
@pytest.mark.parametrize("calls", [1, 2])
def test_a_call_whose_events_have_different_call_ids_is_one_call(left_out: str | None, calls: int) -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    call = {"type": "function_call", "name": "add", "arguments": "{}", "status": "completed"}
    output = []
    for n in range(calls):
        where = {"response_id": "r", "output_index": n}
        begun = {**call, "id": f"i{n}", "call_id": f"c{n}", "arguments": "", "status": "in_progress"}
        if left_out != "added":
            stream.server("response.output_item.added", **where, item=begun)
        if left_out != "arguments":
            _arguments(stream, item_id=f"i{n}", call_id=f"d{n}", output_index=n, name="add")
        if left_out != "done":
            stream.server("response.output_item.done", **where, item={**call, "id": f"i{n}", "call_id": f"e{n}"})
        output.append({**call, "id": f"i{n}", "call_id": f"f{n}"})
    told = {} if left_out == "output" else {"output": output}
    stream.server("response.done", response={"id": "r", "status": "completed", **told})
    assert [(item, name, arguments) for item, name, arguments, _ in stream.calls] == [
        (f"i{n}", "add", "{}") for n in range(calls)
    ]


def test_a_call_under_the_id_of_the_message_before_it_is_no_message() -> None:
    stream = Stream()
    where = {"response_id": "r", "item_id": "i"}
    stream.server("response.output_audio_transcript.done", **where, transcript="One moment.")
    _arguments(stream, **where, call_id="c", name="add")
    stream.server("response.output_audio.delta", **where, delta="AAAA")
    stream.server("response.done", response={"id": "r", "status": "completed"})
    assert [(name, call_id) for _, name, _, call_id in stream.calls] == [("add", "c")]
    assert stream.calls[0][0] != "i"
    assert stream.ids(wire.ResponseOutputAudioDelta) == ["i"]


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_a_call_of_a_response_that_did_not_complete_does_not_run(status: str) -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    _arguments(stream, item_id="i", call_id="c", name="add")
    stream.server("response.done", response={"id": "r", "status": status})
    assert stream.calls == []


# Items


def test_an_item_id_that_comes_again_in_another_response_is_another_item() -> None:
    stream = Stream()
    stream.answer("r", "i", "one")
    stream.answer("s", "i", "two")
    first, second = stream.ids(wire.ResponseOutputAudioTranscriptDelta)
    assert first == "i"
    assert second != "i"
    assert stream.ids(wire.ResponseOutputAudioDelta) == [first, second]
    truncated = stream.client("conversation.item.truncate", item_id=second, content_index=0, audio_end_ms=5)
    assert truncated["item_id"] == "i"


def test_deltas_without_an_item_id_belong_to_the_item_of_their_index() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    item = {"type": "message", "id": "i", "role": "assistant"}
    stream.server("response.output_item.added", response_id="r", output_index=0, item=item)
    stream.server("response.output_audio.delta", response_id="r", output_index=0, delta="AAAA")
    stream.server("response.output_audio.delta", response_id="r", delta="AAAA")
    stream.server("response.output_text.delta", response_id="r", output_index=1, delta="x")
    assert stream.ids(wire.ResponseOutputAudioDelta) == ["i", "i"]
    assert stream.ids(wire.ResponseOutputTextDelta) != ["i"]


def _typed(stream: Stream, item_id: str, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "id": item_id, "role": "user", "content": content}
    stream.client("conversation.item.create", event_id=f"e_{item_id}", item=item)


@pytest.mark.parametrize("kinds", [("added", "done"), ("created",)])
@pytest.mark.parametrize("text", ["Hello", "", None])
def test_an_item_of_ours_under_the_servers_id_is_ours(kinds: tuple[str, ...], text: str | None) -> None:
    stream = Stream()
    _typed(stream, "ours", "Hello")
    theirs = {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": text}]}
    for kind in kinds:
        stream.server(f"conversation.item.{kind}", item=theirs)
    assert [event.item.id for event in stream.out] == ["ours"] * len(kinds)
    assert stream.client("conversation.item.delete", item_id="ours")["item_id"] == "msg_1"
    after = {"type": "message", "id": "a", "role": "assistant"}
    added = stream.server("conversation.item.added", previous_item_id="msg_1", item=after)
    assert [event.previous_item_id for event in added] == ["ours"]


def test_items_of_ours_are_followed_in_the_order_in_which_they_were_sent() -> None:
    stream = Stream()
    _typed(stream, "one", "Hello")
    _typed(stream, "two", "Hello")
    for theirs in ("a", "b"):
        item = {"type": "message", "id": theirs, "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
        stream.server("conversation.item.added", item=item)
    assert [event.item.id for event in stream.out] == ["one", "two"]


def test_an_item_of_the_server_is_not_taken_for_ours() -> None:
    stream = Stream()
    _typed(stream, "ours", "Hello")
    others: list[dict[str, Any]] = [
        {"type": "message", "id": "a", "role": "assistant", "content": []},
        {"type": "message", "id": "b", "role": "user", "content": [{"type": "input_audio", "transcript": None}]},
        {"type": "message", "id": "c", "role": "user", "content": [{"type": "input_text", "text": "Goodbye"}]},
        {"type": "function_call_output", "id": "d", "call_id": "x", "output": "5"},
    ]
    for item in others:
        stream.server("conversation.item.added", item=item)
    assert [event.item.id for event in stream.out] == ["a", "b", "c", "d"]


def test_an_item_that_the_server_never_confirms_is_there_once_it_is_answered() -> None:
    stream = Stream()
    _typed(stream, "ours", "Hello")
    stream.client("response.create")
    stream.answer("r", "i", "hi")
    confirmed = [event for event in stream.out if event.type in ("conversation.item.added", "conversation.item.done")]
    assert [(event.item.id, event.item.status) for event in confirmed] == [("ours", "completed")] * 2
    assert stream.types[-1] == "response.done"


@pytest.mark.parametrize("event_id", ["e_ours", None])
def test_an_item_that_the_server_refused_is_not_there(event_id: str | None) -> None:
    stream = Stream()
    _typed(stream, "ours", "Hello")
    stream.client("response.create")
    stream.server("error", error={"message": "no", "event_id": event_id})
    stream.answer("r", "i", "hi")
    assert "conversation.item.added" not in stream.types


def test_an_item_sent_during_a_response_is_not_confirmed_by_it() -> None:
    stream = Stream()
    stream.client("response.create")
    stream.server("response.created", response={"id": "r"})
    _typed(stream, "ours", "Hello")
    stream.client("response.create")
    stream.server("response.done", response={"id": "r", "status": "completed"})
    assert "conversation.item.added" not in stream.types


@pytest.mark.parametrize("announced", [True, False])
def test_a_message_under_another_id_at_its_end_is_the_same_message(announced: bool) -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    message = {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "hi"}]}
    if announced:
        stream.server("response.output_item.added", response_id="r", item={**message, "id": "i", "content": []})
    stream.server("response.output_audio_transcript.delta", response_id="r", item_id="i", delta="hi")
    if not announced:
        stream.server("response.output_item.done", response_id="r", item={**message, "id": "msg_1"})
    stream.server("response.done", response={"id": "r", "status": "completed", "output": [{**message, "id": "msg_2"}]})
    assert [item.id for item in stream.out[-1].response.output] == ["i"]
    assert {event.item.id for event in stream.out if isinstance(event, wire.ResponseOutputItemDone)} <= {"i"}


@pytest.mark.parametrize("first", ["conversation", "response"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_message_under_another_id_in_the_conversation_is_the_same_message(first: str, announced: bool) -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    message = {"type": "message", "role": "assistant", "content": []}

    def in_conversation() -> None:
        stream.server("conversation.item.added", item={**message, "id": "conv_1"})

    def in_response() -> None:
        if announced:
            stream.server("response.output_item.added", response_id="r", item={**message, "id": "i"})
        stream.server("response.output_text.delta", response_id="r", item_id="i", delta="hi")

    for tell in (in_conversation, in_response) if first == "conversation" else (in_response, in_conversation):
        tell()
    stream.server("response.done", response={"id": "r", "status": "completed"})
    stream.server("conversation.item.done", item={**message, "id": "conv_1"})
    items = [event.item.id for event in stream.out if getattr(event, "item", None) is not None]
    assert {*items, *stream.ids(wire.ResponseOutputTextDelta)} == {"conv_1" if first == "conversation" else "i"}


def test_a_second_message_at_the_end_is_another_message() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    stream.server("response.output_text.delta", response_id="r", item_id="i", delta="hi")
    output = [{"type": "message", "role": "assistant", "id": item_id} for item_id in ("i", "j")]
    stream.server("response.done", response={"id": "r", "status": "completed", "output": output})
    assert [item.id for item in stream.out[-1].response.output] == ["i", "j"]


def test_a_call_under_other_ids_at_its_end_is_the_same_call() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    _arguments(stream, item_id="i", call_id="c", name="add")
    whole = {"type": "function_call", "id": "fc_1", "call_id": "d", "name": "add", "arguments": "{}"}
    stream.server("response.done", response={"id": "r", "status": "completed", "output": [whole]})
    assert stream.calls == [("i", "add", "{}", "c")]


def test_a_deletion_that_names_no_item_deletes_none() -> None:
    stream = Stream()
    stream.server("input_audio_buffer.committed", item_id="u")
    for kind in ("conversation.item.deleted", "conversation.item.truncated"):
        assert [event.item_id for event in stream.server(kind)] == [""]


def test_a_tools_output_is_recognised_where_its_call_id_came_before() -> None:
    stream = Stream()
    for response in ("r", "s"):
        stream.server("response.created", response={"id": response})
        _arguments(stream, response_id=response, item_id=f"i_{response}", call_id="c", name="add")
        stream.server("response.done", response={"id": response, "status": "completed"})
    output = {"type": "function_call_output", "id": "ours", "call_id": stream.calls[-1][-1], "output": "5"}
    sent = stream.client("conversation.item.create", event_id="e", item=output)
    added = stream.server("conversation.item.added", item={**sent["item"], "id": "srv_1"})
    assert [(event.item.id, event.item.call_id) for event in added] == [("ours", output["call_id"])]


# The user's sound


def test_user_items_that_share_an_id_are_two_items() -> None:
    stream = Stream()
    for words in ("one", "two"):
        stream.server("input_audio_buffer.committed", item_id="u")
        stream.server("conversation.item.input_audio_transcription.completed", item_id="u", transcript=words)
    first, second = stream.ids(wire.InputAudioBufferCommitted)
    assert first != second
    assert stream.ids(wire.ConversationItemInputAudioTranscriptionCompleted) == [first, second]


def test_detected_speech_that_shares_an_id_is_two_items() -> None:
    stream = Stream()
    for _ in range(2):
        stream.server("input_audio_buffer.speech_started", item_id="u")
        stream.server("input_audio_buffer.speech_stopped", item_id="u")
        stream.server("input_audio_buffer.committed", item_id="u")
        stream.server("conversation.item.added", item={"type": "message", "id": "u", "role": "user"})
    first, second = stream.ids(wire.InputAudioBufferCommitted)
    assert first != second
    for kind in (wire.InputAudioBufferSpeechStarted, wire.InputAudioBufferSpeechStopped):
        assert stream.ids(kind) == [first, second]
    assert [event.item.id for event in stream.out if isinstance(event, wire.ConversationItemAdded)] == [first, second]


def test_a_commit_without_an_item_id_makes_an_item() -> None:
    stream = Stream()
    for words in ("one", "two"):
        stream.server("input_audio_buffer.committed")
        stream.server("conversation.item.input_audio_transcription.completed", transcript=words)
    first, second = stream.ids(wire.InputAudioBufferCommitted)
    assert "" not in (first, second)
    assert first != second
    assert stream.ids(wire.ConversationItemInputAudioTranscriptionCompleted) == [first, second]


# Sessions


def test_another_session_uses_the_ids_anew() -> None:
    stream = Stream()
    stream.answer("r", "i", "one")
    stream.normalizer.restart()
    stream.answer("r", "i", "two")
    first, second = stream.ids(wire.ResponseCreated)
    assert first != second
    assert len(set(stream.ids(wire.ResponseOutputAudioDelta))) == 2


def test_a_response_that_another_session_left_open_is_over() -> None:
    stream = Stream()
    stream.server("response.created", response={"id": "r"})
    stream.normalizer.restart()
    stream.answer(None, None, "two", created=False)
    assert len(stream.ids(wire.ResponseCreated)) == 2
    assert stream.ids(wire.ResponseDone) == stream.ids(wire.ResponseCreated)[1:]


def test_an_item_that_is_said_again_in_another_session_keeps_its_name() -> None:
    stream = Stream()
    _typed(stream, "ours", "Hello")
    item = {"type": "message", "id": "ours", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    stream.server("conversation.item.added", item=item)
    stream.answer("r", "theirs", "hi")
    stream.normalizer.restart()
    stream.out.clear()
    for item_id, role, kind in (("ours", "user", "input_text"), ("theirs", "assistant", "output_text")):
        again = {"type": "message", "id": item_id, "role": role, "content": [{"type": kind, "text": "Hello"}]}
        sent = stream.client("conversation.item.create", event_id="e", item=again)["item"]["id"]
        assert (sent == item_id) is (item_id == "ours"), "a short id of the server's may come again in this session"
        stream.server("conversation.item.added", item={**again, "id": sent})
    assert [event.item.id for event in stream.out] == ["ours", "theirs"]


# Laws


def _play(script: Script) -> list[tuple[Any, list[Any]]]:
    normalizer = EventNormalizer()
    came = []
    for event, _ in script.events:
        if isinstance(event, ClientItem):
            raw = {"type": "conversation.item.create", "event_id": "e", "item": wire.to_dict(event.item)}
            assert normalizer.outward(raw) is raw
            normalizer.sent(raw)
        elif not isinstance(event, LocalEvent):
            came.append((event, list(normalizer.received(event))))
    return came


@given(scripts(max_steps=10))
def test_a_well_formed_stream_passes_through_untouched(script: Script) -> None:
    for event, out in _play(script):
        assert len(out) == 1
        assert out[0] is event


@given(st.lists(SERVER_EVENTS, max_size=40))
def test_whatever_comes_every_response_begins_before_it_goes_on_and_ends_once(events: list[Any]) -> None:
    normalizer = EventNormalizer()
    begun: set[str] = set()
    ended: set[str] = set()
    for event in events:
        for whole in normalizer.received(event):
            if isinstance(whole, wire.ResponseCreated):
                assert whole.response.id
                assert whole.response.id not in ended
                begun.add(whole.response.id)
            elif isinstance(whole, wire.ResponseDone):
                assert whole.response.id in begun
                assert whole.response.id not in ended
                assert whole.response.status != "in_progress"
                ended.add(whole.response.id or "")
            elif (
                response_id := getattr(whole, "response_id", None)
            ) is not None and "output_audio_buffer" not in whole.type:
                assert response_id in begun
                if not isinstance(whole, wire.ResponseOutputItemAdded | wire.ResponseOutputItemDone):
                    assert whole.item_id


@given(st.lists(SERVER_EVENTS, max_size=40))
def test_whatever_comes_no_item_is_part_of_two_responses(events: list[Any]) -> None:
    normalizer = EventNormalizer()
    owner: dict[str, str] = {}
    for event in events:
        for whole in normalizer.received(event):
            response_id = getattr(whole, "response_id", None)
            item = getattr(whole, "item", None)
            item_id = item.id if item is not None else getattr(whole, "item_id", None)
            if response_id and item_id:
                assert owner.setdefault(item_id, response_id) == response_id
