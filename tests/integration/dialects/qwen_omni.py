"""Qwen-Omni-Realtime (DashScope): the beta's names, formats without a rate, tools nested one level deeper.

Facts from https://www.alibabacloud.com/help/en/model-studio/server-events and
https://www.alibabacloud.com/help/en/model-studio/client-events : the session is flat and has fields of the model's
sampling; `pcm` is 16 kHz on the way in and 24 kHz on the way out (earlier: `pcm16` and `pcm24`); tools are wrapped in
`function`; errors carry no event id; `response.created` comes before `response.output_item.added` and
`conversation.item.created`. The client's page does not show a typed turn: it is answered here as a tool's output is.
"""

from __future__ import annotations

from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "id": "sess_qwen",
    "object": "realtime.session",
    "model": "qwen3-omni-flash-realtime",
    "modalities": ["text", "audio"],
    "voice": "Cherry",
    "input_audio_format": "pcm",
    "output_audio_format": "pcm",
    "input_audio_transcription": {"model": "qwen3-asr-flash-realtime"},
    "turn_detection": None,
    "enable_search": False,
    "search_options": {},
    "seed": 1314,
    "top_k": 50,
    "temperature": 0.8,
    "repetition_penalty": 1.05,
    "tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_Q$n",
    "object": "realtime.response",
    "conversation_id": "",
    "modalities": ["text", "audio"],
    "voice": "Cherry",
    "output_audio_format": "pcm",
}
MESSAGE = {"id": "item_Q$n", "object": "realtime.item", "type": "message", "role": "assistant"}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "audio", "transcript": "$text"}]}
CALL = {"id": "item_C$n", "object": "realtime.item", "type": "function_call", "name": "add", "call_id": "call_$n"}
ASKED = {**CALL, "status": "completed", "arguments": '{"a": 2, "b": 3}'}
HERE = {"response_id": "resp_Q$n", "item_id": "item_Q$n", "output_index": 0, "content_index": 0}
AT_CALL = {"response_id": "resp_Q$n", "item_id": "item_C$n", "output_index": 0, "call_id": "call_$n"}
HEARD = {
    "id": "item_U$u",
    "object": "realtime.item",
    "type": "message",
    "status": "in_progress",
    "role": "user",
    "content": [{"type": "input_audio"}],
}
USAGE = {
    "total_tokens": 377,
    "input_tokens": 336,
    "output_tokens": 41,
    "input_tokens_details": {"text_tokens": 228, "audio_tokens": 108},
    "output_tokens_details": {"text_tokens": 9, "audio_tokens": 32},
}
HEARD_WORDS = "conversation.item.input_audio_transcription.completed"

DIALECT = Dialect(
    name="Qwen-Omni-Realtime",
    source="https://www.alibabacloud.com/help/en/model-studio/server-events",
    connected=[{"type": "session.created", "event_id": "event_1", "session": SESSION}],
    updated=[{"type": "session.updated", "event_id": "event_2", "session": SESSION}],
    item=[{"type": "conversation.item.created", "item": "$item"}],
    committed=[
        {"type": "input_audio_buffer.committed", "item_id": "item_U$u"},
        {"type": "conversation.item.created", "item": HEARD},
        {"type": HEARD_WORDS, "item_id": "item_U$u", "content_index": 0, "transcript": TRANSCRIPT},
    ],
    answer=[
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
        {
            "type": "response.output_item.added",
            "response_id": "resp_Q$n",
            "output_index": 0,
            "item": {**MESSAGE, "status": "in_progress", "content": []},
        },
        {"type": "conversation.item.created", "item": {**MESSAGE, "status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **HERE, "part": {"type": "audio", "text": ""}},
        {"type": "response.audio_transcript.delta", **HERE, "delta": "$text"},
        {"type": "response.audio.delta", **HERE, "delta": "$sound_1"},
        {"type": "response.audio.delta", **HERE, "delta": "$sound_2"},
        {"type": "response.audio_transcript.done", **HERE, "transcript": "$text"},
        {"type": "response.audio.done", **HERE},
        {"type": "response.content_part.done", **HERE, "part": {"type": "audio", "text": "$text"}},
        {"type": "response.output_item.done", "response_id": "resp_Q$n", "output_index": 0, "item": SAID},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed", "output": [SAID], "usage": USAGE}},
    ],
    call=[
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_Q$n", "output_index": 0, "item": CALL},
        {"type": "conversation.item.created", "item": {**CALL, "status": "in_progress"}},
        {"type": "response.function_call_arguments.delta", **AT_CALL, "delta": '{"a": 2, '},
        {"type": "response.function_call_arguments.delta", **AT_CALL, "delta": '"b": 3}'},
        {"type": "response.function_call_arguments.done", **AT_CALL, "arguments": '{"a": 2, "b": 3}'},
        {"type": "response.output_item.done", "response_id": "resp_Q$n", "output_index": 0, "item": ASKED},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed", "output": [ASKED], "usage": USAGE}},
    ],
)
