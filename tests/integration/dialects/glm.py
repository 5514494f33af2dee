"""GLM-Realtime: the beta's names, deltas without an item, calls without an id, a `response.done` without a response.

Facts from https://github.com/MetaGLM/glm-realtime-sdk/blob/main/GLM-Realtime-doc-for-llm.md and
https://docs.bigmodel.cn/cn/asyncapi/realtime : `heartbeat` events come between all others and have nothing but a type;
speech events have no `item_id`; deltas name their response only; a call comes in `function_call_arguments.done` with
neither item nor call id; `response.done` may have no `response`; settings of its own stand in `beta_fields`.
The documented input format is `wav`; what the client appends is not looked at here.
"""

from __future__ import annotations

from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "object": "realtime.session",
    "id": "sess_glm",
    "model": "glm-realtime",
    "modalities": ["text", "audio"],
    "voice": "tongtong",
    "input_audio_format": "wav",
    "output_audio_format": "pcm",
    "instructions": "",
    "turn_detection": {"type": "client_vad"},
    "beta_fields": {"chat_mode": "audio", "tts_source": "e2e", "auto_search": "True"},
    "tools": [{"type": "function", "name": "add", "description": "", "parameters": {"type": "object"}}],
}
HEARD = {
    "id": "item$u",
    "object": "realtime.item",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": None}],
}
HERE: dict[str, Any] = {
    "client_timestamp": 1737454110889,
    "response_id": "respglm$n",
    "output_index": 0,
    "content_index": 0,
}
BEGUN: dict[str, Any] = {
    "event_id": "event45",
    "type": "response.created",
    "response": {"id": "respglm$n", "object": "realtime.response", "status": "in_progress"},
}
HEARTBEAT = {"type": "heartbeat"}
HEARD_WORDS = "conversation.item.input_audio_transcription.completed"

DIALECT = Dialect(
    name="GLM-Realtime",
    source="https://github.com/MetaGLM/glm-realtime-sdk/blob/main/GLM-Realtime-doc-for-llm.md",
    connected=[{"event_id": "event1", "type": "session.created", "session": SESSION}, HEARTBEAT],
    updated=[{"event_id": "", "type": "session.updated", "session": SESSION}, HEARTBEAT],
    item=[{"event_id": "event29", "type": "conversation.item.created", "item": "$item"}],
    committed=[
        {"event_id": "event19", "type": "input_audio_buffer.committed", "item_id": "item$u"},
        {"event_id": "event29", "type": "conversation.item.created", "item": HEARD},
        {"event_id": "event30", "type": HEARD_WORDS, "item_id": "item$u", "transcript": TRANSCRIPT},
    ],
    answer=[
        BEGUN,
        {"event_id": "event2d", "type": "response.audio_transcript.delta", **HERE, "delta": "$text"},
        {"event_id": "event89", "type": "response.audio.delta", **HERE, "delta": "$sound_1"},
        HEARTBEAT,
        {"event_id": "event89", "type": "response.audio.delta", **HERE, "delta": "$sound_2"},
        {"event_id": "event0b", "type": "response.done"},
    ],
    call=[
        BEGUN,
        {
            "event_id": "event59",
            "type": "response.function_call_arguments.done",
            "client_timestamp": 1737454330410,
            "response_id": "respglm$n",
            "output_index": 0,
            "name": "add",
            "arguments": '{"a": 2, "b": 3}',
        },
        {"event_id": "event0b", "type": "response.done"},
    ],
)
