"""Laws of a session under any events in any order, sensible or not.

Whatever a client sends, the session answers and never raises; every event it emits is one that the official SDK knows;
no id is given twice; at most one response of the conversation is under way; and each response that began ends once.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_nb.local.voice.protocols import Recognition
from tests.unit.local.driver import FRAME, Driver, base64_of

_ids = st.sampled_from(["a", "b", "root", "", "nobody"]) | st.none()
_text = st.sampled_from(["", "hello", "\u202e<b>", "x" * 300])
_part = st.fixed_dictionaries(
    {"type": st.sampled_from(["input_text", "output_text", "input_audio", "output_audio", "text", "nonsense"])},
    optional={"text": _text, "audio": st.sampled_from(["", "AAAA", "?", base64_of(np.ones(2_400, np.int16))])},
)
_item = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("message"), "role": st.sampled_from(["user", "assistant", "system", "robot"])},
        optional={"id": _ids, "content": st.lists(_part, max_size=2)},
    ),
    st.fixed_dictionaries({"type": st.just("function_call"), "name": _text, "arguments": _text}, optional={"id": _ids}),
    st.fixed_dictionaries({"type": st.just("function_call_output"), "call_id": _text, "output": _text}),
)
_detection = st.none() | st.fixed_dictionaries(
    {"type": st.sampled_from(["server_vad", "semantic_vad", "vad"])},
    optional={
        "threshold": st.sampled_from([0.0, 0.5, 1.0, 2.0, None]),
        "silence_duration_ms": st.sampled_from([0, 100, 500]),
        "idle_timeout_ms": st.sampled_from([None, 200, 5_000]),
        "create_response": st.booleans(),
        "interrupt_response": st.booleans(),
    },
)
_format = st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma"]).map(lambda kind: {"type": kind})
_tools = st.lists(
    st.sampled_from(
        [
            {"type": "function", "name": "f", "parameters": {"type": "object"}},
            {"type": "function"},
            {"type": "function", "name": None, "description": None},
            {"type": "mcp", "server_label": "docs"},
        ]
    ),
    max_size=2,
)
_choice = st.sampled_from(
    [None, "auto", "required", {"type": "function", "name": "f"}, {"type": "mcp", "server_label": "x"}]
)
_session = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["realtime", "realtime", "realtime", "transcription"]),
        "instructions": _text | st.none(),
        "output_modalities": st.sampled_from([["text"], ["audio"], ["text", "audio"], []]),
        "tools": _tools,
        "tool_choice": _choice,
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "turn_detection": _detection,
                        "format": _format,
                        "transcription": st.sampled_from([None, {}, {"model": "whisper-1"}]),
                    },
                ),
                "output": st.fixed_dictionaries({}, optional={"voice": _text, "format": _format}),
            },
        ),
    },
)
_response = st.fixed_dictionaries(
    {},
    optional={
        "conversation": st.sampled_from(["auto", "none", None]),
        "input": st.lists(_item | st.fixed_dictionaries({"type": st.just("item_reference"), "id": _text}), max_size=2),
        "max_output_tokens": st.sampled_from([1, 20, "inf", 0]),
        "output_modalities": st.sampled_from([["text"], ["audio"]]),
        "tools": _tools,
        "tool_choice": _choice,
    },
)
_client_events = st.one_of(
    st.builds(lambda session: {"type": "session.update", "session": session}, _session),
    st.builds(
        lambda item, after: {"type": "conversation.item.create", "item": item, "previous_item_id": after}, _item, _ids
    ),
    st.builds(
        lambda kind, name, ms: (
            {"type": f"conversation.item.{kind}", "item_id": name, "audio_end_ms": ms}
            if kind == "truncate"
            else {"type": f"conversation.item.{kind}", "item_id": name}
        ),
        st.sampled_from(["delete", "retrieve", "truncate"]),
        st.sampled_from(["a", "b", "newest"]),
        st.integers(-1, 900),
    ),
    st.sampled_from(["input_audio_buffer.commit", "input_audio_buffer.clear", "response.cancel", "nonsense"]).map(
        lambda kind: {"type": kind}
    ),
    st.builds(lambda response: {"type": "response.create", "response": response}, _response | st.none()),
)
# What the world does meanwhile: sound comes in, words are recognised, a response goes on or ends.
_steps = _client_events | st.sampled_from(["speech", "silence", "heard", "unheard", "speak", "call", "complete"])


def _step(driver: Driver, step: dict[str, Any] | str, newest: str) -> list[dict[str, Any]]:
    if isinstance(step, dict):
        if step.get("item_id") == "newest":
            step = {**step, "item_id": newest}
        driver.machine.receive(json.dumps(step))
        return driver.drain()
    if step in ("speech", "silence"):
        return driver.say(*[float(step == "speech")] * 20)
    if step in ("heard", "unheard"):
        for job in [job for job in driver.jobs if type(job).__name__ == "Recognize"]:
            failed = Recognition("", False, 0.0, failure="no model")
            recognition = Recognition("hello there", True, 0.9) if step == "heard" else failed
            driver.machine.recognized(job.stored, recognition, job.transcription)  # type: ignore[union-attr]
        return driver.drain()
    for writer in driver.writers:
        if step == "speak":
            writer.end_message() if writer._open else writer.begin_message()
            for word in ("one", " two"):
                if writer.speaks:
                    writer.write_transcript(word, FRAME)
                    writer.write_audio(np.ones(FRAME, np.int16))
                else:
                    writer.write_text(word)
        elif step == "call":
            if not writer._open:
                writer.begin_call("f")
                writer.write_arguments("{}")
                writer.end_call()
        elif step == "complete":
            driver.machine.finish(writer, "completed")
    return driver.drain()


@settings(max_examples=150, deadline=None)
@given(st.lists(_steps, max_size=25))
def test_session_keeps_its_laws_under_any_events(steps: list[dict[str, Any] | str]) -> None:
    driver = Driver()
    seen: set[str] = set()
    running: set[str] = set()
    ended: set[str] = set()
    newest = "nobody"
    for step in steps:
        for event in _step(driver, step, newest):
            assert event["event_id"] not in seen
            seen.add(event["event_id"])
            if event["type"] == "conversation.item.added":
                newest = event["item"]["id"]
            if event["type"] == "response.created":
                assert event["response"]["id"] not in ended
                if event["response"]["conversation_id"] is not None:
                    running.add(event["response"]["id"])
                assert len(running) <= 1
            elif event["type"] == "response.done":
                assert event["response"]["id"] not in ended
                ended.add(event["response"]["id"])
                running.discard(event["response"]["id"])
            elif "response_id" in event:
                assert event["response_id"] not in ended
