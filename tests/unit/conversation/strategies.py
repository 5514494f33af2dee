"""Hypothesis strategies: realistic conversations, and arbitrary events made with the real codec."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from realtime_nb.conversation import (
    ClearSent,
    ClientItem,
    CommitSent,
    ConnectionEnded,
    InputAppended,
    LocalEvent,
    LocalInterrupt,
    NotPlayed,
    Played,
    ResponseInterrupted,
    ToolProgress,
)
from realtime_nb.wire.realtime import ServerEvent, decode_server, function_output, user_message
from realtime_nb.wire.realtime.server_events import UnknownEvent

from .dsl import Script, conversation

WORDS = st.lists(st.sampled_from(["hello", "one", "two", "été", "日本", "", "<b>"]), min_size=1, max_size=6).map(
    " ".join
)

STEPS: dict[str, Any] = {
    "user": st.tuples(WORDS),
    "untranscribed": st.just(()),
    "typed": st.tuples(WORDS),
    "assistant": st.tuples(WORDS, st.booleans(), st.integers(0, 3)),
    "cancelled": st.tuples(WORDS, st.integers(1, 4)),
    "out_of_band": st.tuples(WORDS),
    "tool_call": st.tuples(
        st.just("f"), st.sampled_from(["{}", '{"a": 1}', "{not json"]), st.sampled_from(["42", None])
    ),
    "interrupted": st.tuples(st.integers(0, 700)),
    "played": st.tuples(st.integers(0, 700), st.booleans()),
}
SAYING = ("user", "typed", "assistant", "out_of_band", "tool_call")


@st.composite
def scripts(draw: st.DrawFn, *, kinds: tuple[str, ...] = tuple(STEPS), max_steps: int = 6) -> Script:
    """Draw a conversation as a correct server would send it."""
    script = conversation(transcribing=draw(st.booleans()) if kinds is not SAYING else True)
    spoke = False
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=max_steps)):
        arguments = draw(STEPS[kind])
        match kind:
            case "assistant":
                script.assistant(arguments[0], audio=arguments[1], lead=arguments[2])
                spoke = True
            case "cancelled":
                script.cancelled(arguments[0], words=arguments[1])
                spoke = True
            case "untranscribed":
                script.user(None)
            case "interrupted" if spoke:
                script.interrupted_after(ms=arguments[0])
            case "played" if spoke:
                script.played(ms=arguments[0], final=arguments[1])
            case "user" | "typed" | "out_of_band" | "tool_call":
                getattr(script, kind)(*arguments)
    return script


# -- arbitrary events: few ids, so that they meet

IDS = st.sampled_from(["a", "b", "c", "root", ""])
RESPONSES = st.sampled_from(["r", "s", "a", ""])
CALLS = st.sampled_from(["call_1", "call_2", ""])
INTS = st.one_of(st.integers(0, 3), st.integers(-(10**12), 10**12))
TEXT = st.one_of(st.sampled_from(["", "x", "hello you", "{}"]), st.text(max_size=5))
NULLABLE_TEXT = st.one_of(st.none(), TEXT)
SOUND = st.one_of(st.binary(max_size=9).map(lambda b: b64encode(b).decode()), TEXT)
STATUS = st.sampled_from([None, "in_progress", "completed", "incomplete", "cancelled", "failed", "new status"])
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "audio", "output_text", "output_audio", "input_text", "input_audio", "?"])},
    optional={"text": NULLABLE_TEXT, "transcript": NULLABLE_TEXT, "audio": st.one_of(st.none(), SOUND)},
)
ITEM = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.sampled_from(["user", "assistant", "system", "developer", "ghost"]),
            "content": st.lists(PART, max_size=3),
            "id": IDS,
            "status": STATUS,
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("function_call"),
            "name": TEXT,
            "arguments": TEXT,
            "call_id": CALLS,
            "id": IDS,
            "status": STATUS,
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("function_call_output"), "call_id": CALLS, "output": TEXT, "id": IDS, "status": STATUS}
    ),
    st.fixed_dictionaries(
        {"type": st.just("mcp_call"), "name": TEXT, "server_label": TEXT, "id": IDS, "output": NULLABLE_TEXT}
    ),
    st.fixed_dictionaries({"type": st.just("mcp_approval_request"), "name": TEXT, "server_label": TEXT, "id": IDS}),
)
COUNT = st.one_of(st.none(), st.integers(-5, 10**9))
USAGE = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": COUNT,
        "output_tokens": COUNT,
        "input_token_details": st.fixed_dictionaries({}, optional={"cached_tokens": COUNT, "audio_tokens": COUNT}),
    },
)
RESPONSE = st.fixed_dictionaries(
    {"id": RESPONSES, "status": STATUS},
    optional={
        "conversation_id": st.sampled_from([None, "conv"]),
        "output": st.one_of(st.none(), st.lists(ITEM, max_size=3)),
        "usage": st.one_of(st.none(), USAGE),
        "status_details": st.one_of(st.none(), st.fixed_dictionaries({"reason": NULLABLE_TEXT})),
    },
)
AUDIO = st.fixed_dictionaries(
    {
        "input": st.fixed_dictionaries(
            {
                "transcription": st.sampled_from([None, {}, {"model": "gpt-realtime-whisper"}]),
                "turn_detection": st.sampled_from([None, {"type": "semantic_vad"}]),
            }
        )
    }
)
SESSION = st.fixed_dictionaries(
    {"type": st.sampled_from(["realtime", "transcription"]), "id": st.sampled_from(["s1", "s2"])},
    optional={"audio": AUDIO},
)
TRANSCRIPTION_USAGE = st.one_of(
    st.none(),
    st.just({"type": "duration", "seconds": 2.5}),
    st.just({"type": "tokens", "input_tokens": 3, "output_tokens": 4, "total_tokens": 7}),
)
FIELDS: dict[str, Any] = {
    "event_id": st.sampled_from(["", "e1", "e2", "e3"]),
    "item_id": IDS,
    "previous_item_id": st.one_of(st.none(), IDS),
    "response_id": RESPONSES,
    "call_id": CALLS,
    "content_index": INTS,
    "output_index": INTS,
    "audio_start_ms": INTS,
    "audio_end_ms": INTS,
    "delta": st.one_of(TEXT, SOUND),
    "text": TEXT,
    "transcript": TEXT,
    "arguments": TEXT,
    "name": TEXT,
    "item": ITEM,
    "response": RESPONSE,
    "part": PART,
    "session": SESSION,
    "usage": TRANSCRIPTION_USAGE,
    "error": st.fixed_dictionaries({}, optional={"message": NULLABLE_TEXT, "event_id": st.sampled_from(["m1", None])}),
    "conversation": st.just({}),
    "rate_limits": st.just([]),
}


def _decoded(kind: str, fields: dict[str, Any]) -> ServerEvent | UnknownEvent:
    return decode_server(json.dumps({"type": kind, **fields}))


def _events_of(cls: type[msgspec.Struct]) -> st.SearchStrategy[ServerEvent | UnknownEvent]:
    known = {f.name: FIELDS[f.name] for f in msgspec.structs.fields(cls) if f.name in FIELDS}
    required = {f.name for f in msgspec.structs.fields(cls) if f.required}
    fields = st.fixed_dictionaries(
        {name: known[name] for name in known if name in required},
        optional={name: known[name] for name in known if name not in required},
    )
    return fields.map(lambda values: _decoded(str(cls.__struct_config__.tag), values))


SERVER_EVENTS = st.one_of([_events_of(cls) for cls in get_args(ServerEvent)])
FACTS: st.SearchStrategy[LocalEvent] = st.one_of(
    st.builds(InputAppended, st.binary(max_size=50)),
    st.just(CommitSent()),
    st.just(ClearSent()),
    st.builds(ConnectionEnded, NULLABLE_TEXT),
    st.builds(Played, IDS, INTS, INTS, st.booleans()),
    st.builds(NotPlayed, IDS),
    st.builds(LocalInterrupt, IDS, INTS, INTS),
    st.builds(ResponseInterrupted, IDS),
    st.builds(ToolProgress, CALLS, st.sampled_from(["running", "completed", "failed", "?"]), NULLABLE_TEXT),
    st.builds(
        ClientItem,
        st.one_of(
            st.builds(lambda t, i: user_message(t, id=i), TEXT, IDS),
            st.builds(lambda c, o, i: function_output(c, o, id=i), CALLS, TEXT, IDS),
        ),
        st.one_of(st.none(), IDS),
        st.sampled_from([None, "m1"]),
    ),
)
UNKNOWN = st.just(UnknownEvent(type="response.tomorrow", raw={}))
ANYTHING = st.one_of(SERVER_EVENTS, SERVER_EVENTS, FACTS, UNKNOWN)
TIMES = st.floats(0, 1000)
CHAOS = st.lists(st.tuples(ANYTHING, TIMES), max_size=30)
