"""xAI (Grok Voice Agent API): current event names, a session half flat and half nested.

Facts from https://docs.x.ai/docs/guides/voice/agent , https://github.com/BerriAI/litellm-docs/pull/362 and
https://github.com/gptme/gptme-contrib/pull/709 : the first event is `session.created` today and was
`conversation.created` before, when nothing but `session.updated` followed; `voice` and `turn_detection` stand beside
a nested `audio` whose formats name their rate (8 to 48 kHz) or are G.711; tools of the server's own (`web_search`,
`x_search`) are echoed; a tool call comes as `response.function_call_arguments.done`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "id": "sess_grok",
    "voice": "Eve",
    "instructions": "You are Grok.",
    "turn_detection": {"type": None},
    "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24000}},
        "output": {"format": {"type": "audio/pcm", "rate": 24000}},
    },
    "tools": [{"type": "web_search"}, {"type": "x_search", "allowed_x_handles": ["xai"]}],
}
MESSAGE = {"id": "msg_$n", "object": "realtime.item", "type": "message", "role": "assistant", "status": "in_progress"}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "audio", "transcript": "$text"}]}
HERE = {"response_id": "resp_$n", "item_id": "msg_$n", "output_index": 0, "content_index": 0}
HEARD = {
    "id": "msg_u$u",
    "object": "realtime.item",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": None}],
}
CREATED = {"type": "response.created", "response": {"id": "resp_$n", "object": "realtime.response", "output": []}}
DONE: dict[str, Any] = {
    "type": "response.done",
    "response": {"id": "resp_$n", "object": "realtime.response", "status": "completed", "usage": None},
}
CONVERSATION = {
    "type": "conversation.created",
    "event_id": "ev_1",
    "conversation": {"id": "conv_1", "object": "realtime.conversation"},
}
HEARD_WORDS = "conversation.item.input_audio_transcription.completed"

DIALECT = Dialect(
    name="xAI",
    source="https://docs.x.ai/docs/guides/voice/agent",
    connected=[{"type": "session.created", "event_id": "ev_0", "session": SESSION}, CONVERSATION],
    updated=[{"type": "session.updated", "event_id": "ev_2", "session": SESSION}],
    item=[{"type": "conversation.item.added", "event_id": "ev_3", "previous_item_id": None, "item": "$item"}],
    committed=[
        {"type": "input_audio_buffer.committed", "event_id": "ev_4", "previous_item_id": None, "item_id": "msg_u$u"},
        {"type": "conversation.item.added", "event_id": "ev_5", "previous_item_id": None, "item": HEARD},
        {"type": HEARD_WORDS, "event_id": "ev_6", "item_id": "msg_u$u", "transcript": TRANSCRIPT},
    ],
    answer=[
        CREATED,
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": MESSAGE},
        {"type": "conversation.item.added", "previous_item_id": None, "item": MESSAGE},
        {"type": "response.content_part.added", **HERE, "part": {"type": "audio"}},
        {"type": "response.output_audio_transcript.delta", **HERE, "delta": "$text", "start_time": 0.1},
        {"type": "response.output_audio.delta", **HERE, "delta": "$sound_1"},
        {"type": "response.output_audio.delta", **HERE, "delta": "$sound_2"},
        {"type": "response.output_audio.done", **HERE},
        {"type": "response.output_audio_transcript.done", **HERE},
        {"type": "response.content_part.done", **HERE, "part": {"type": "audio"}},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": SAID},
        DONE,
    ],
    call=[
        CREATED,
        {
            "type": "response.function_call_arguments.done",
            "response_id": "resp_$n",
            "item_id": "fc_$n",
            "output_index": 0,
            "call_id": "call_$n",
            "name": "add",
            "arguments": '{"a":2,"b":3}',
        },
        DONE,
    ],
)

EARLIER = dataclasses.replace(DIALECT, name="xAI, before session.created", connected=[CONVERSATION])

AT_16_KHZ = dataclasses.replace(
    DIALECT,
    name="xAI at 16 kHz",
    updated=[
        {
            "type": "session.updated",
            "session": {**SESSION, "audio": {"output": {"format": {"type": "audio/pcm", "rate": 16000}}}},
        }
    ],
    rate=16_000,
)
