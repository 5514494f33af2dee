"""vLLM and vLLM-Omni: a greeting without a session, and ids of the server's own for the client's items.

Facts from https://docs.vllm.ai/en/stable/api/vllm/entrypoints/openai/realtime/connection/ (the greeting has an `id`
and a time, and no session), https://docs.vllm.ai/projects/vllm-omni/en/latest/serving/realtime_openai_duplex_api/
(a subset of the current API with manual turns, text, sound and function calling; audio events name their rate) and
https://github.com/vllm-project/vllm-omni/issues/5558 (what it leaves out or names otherwise).
"""

from __future__ import annotations

from typing import Any

from .server import Dialect

SESSION: dict[str, Any] = {
    "model": "Qwen/Qwen3-Omni-30B-A3B-Instruct",
    "output_modalities": ["audio"],
    "audio": {"input": {"turn_detection": None}, "output": {"format": {"type": "audio/pcm", "rate": 24000}}},
    "tools": [],
}
MESSAGE = {"id": "item_$n", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "output_audio", "transcript": "$text"}]}
CALL = {"id": "fc_$n", "type": "function_call", "name": "add", "call_id": "call_$n", "status": "completed"}
ASKED = {**CALL, "arguments": '{"a": 2, "b": 3}'}
HERE = {"response_id": "resp_$n", "item_id": "item_$n", "output_index": 0, "content_index": 0}
AT_CALL = {"response_id": "resp_$n", "item_id": "fc_$n", "output_index": 0, "call_id": "call_$n"}
HEARD = {
    "id": "item_server_$u",
    "type": "message",
    "role": "user",
    "status": "completed",
    "content": [{"type": "input_audio"}],
}
RATE = {"sample_rate_hz": 24000}

DIALECT = Dialect(
    name="vLLM-Omni",
    source="https://docs.vllm.ai/projects/vllm-omni/en/latest/serving/realtime_openai_duplex_api/",
    connected=[{"type": "session.created", "id": "sess-3f2a", "created": 1764280000}],
    updated=[{"type": "session.updated", "session": SESSION}],
    item=[
        {"type": "conversation.item.added", "item": "$renamed"},
        {"type": "conversation.item.done", "item": "$renamed"},
    ],
    committed=[
        {"type": "input_audio_buffer.committed", "item_id": "item_server_$u"},
        {"type": "conversation.item.added", "item": HEARD},
        {"type": "conversation.item.done", "item": HEARD},
    ],
    answer=[
        {"type": "response.created", "response": {"id": "resp_$n", "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": MESSAGE},
        {"type": "conversation.item.added", "item": MESSAGE},
        {"type": "response.output_audio_transcript.delta", **HERE, "delta": "$text"},
        {"type": "response.output_audio.delta", **HERE, **RATE, "delta": "$sound_1"},
        {"type": "response.output_audio.delta", **HERE, **RATE, "delta": "$sound_2"},
        {"type": "response.output_audio.done", **HERE},
        {"type": "response.output_audio_transcript.done", **HERE, "transcript": "$text"},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": SAID},
        {"type": "conversation.item.done", "item": SAID},
        {"type": "response.done", "response": {"id": "resp_$n", "status": "completed", "output": [SAID]}},
    ],
    call=[
        {"type": "response.created", "response": {"id": "resp_$n", "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": CALL},
        {"type": "response.function_call_arguments.delta", **AT_CALL, "delta": '{"a": 2, "b": 3}'},
        {"type": "response.function_call_arguments.done", **AT_CALL, "arguments": '{"a": 2, "b": 3}'},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": ASKED},
        {"type": "response.done", "response": {"id": "resp_$n", "status": "completed", "output": [ASKED]}},
    ],
)
