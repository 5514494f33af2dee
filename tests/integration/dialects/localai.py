"""LocalAI: current event names, one event id for all, and events of its own between.

Facts from https://localai.io/features/openai-realtime and
https://github.com/mudler/LocalAI/blob/master/core/http/endpoints/openai/types/server_events.go : `event_id` is a
constant on session events and absent elsewhere; ids that are empty are left out (`previous_item_id`); there is no
`conversation.created`; the speaker, detected sounds and a classifier's result are told in events of their own; the
sound of an answer may come in one delta.
"""

from __future__ import annotations

from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "type": "realtime",
    "id": "sess_local",
    "object": "realtime.session",
    "model": "gpt-realtime",
    "instructions": "You are a voice assistant.",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "whisper-large-turbo"},
            "turn_detection": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "", "speed": 1},
    },
    "max_output_tokens": 0,
}
MESSAGE = {"id": "item_$n", "type": "message", "object": "realtime.item", "status": "in_progress", "role": "assistant"}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "output_audio", "transcript": "$text"}]}
CALL = {"id": "item_f$n", "type": "function_call", "object": "realtime.item", "name": "add", "call_id": "call_$n"}
ASKED = {**CALL, "status": "completed", "arguments": '{"a": 2, "b": 3}'}
HERE = {"response_id": "resp_$n", "item_id": "item_$n", "output_index": 0, "content_index": 0}
RESPONSE: dict[str, Any] = {"id": "resp_$n", "object": "realtime.response"}
HEARD = {
    "id": "item_u$u",
    "type": "message",
    "object": "realtime.item",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": TRANSCRIPT, "audio": ""}],
}
HEARD_WORDS = "conversation.item.input_audio_transcription.completed"
SCORES = {"mode": "direct", "scores": [{"label": "chat", "score": 0.9}]}

DIALECT = Dialect(
    name="LocalAI",
    source="https://localai.io/features/openai-realtime",
    connected=[{"type": "session.created", "event_id": "event_TODO", "session": SESSION}],
    updated=[{"type": "session.updated", "event_id": "event_TODO", "session": SESSION}],
    item=[
        {"type": "conversation.item.added", "item": "$item"},
        {"type": "conversation.item.done", "item": "$item"},
    ],
    committed=[
        {"type": "input_audio_buffer.committed", "item_id": "item_u$u"},
        {"type": "conversation.item.sound_detection", "item_id": "item_u$u", "sounds": [{"label": "speech"}]},
        {"type": HEARD_WORDS, "item_id": "item_u$u", "content_index": 0, "transcript": TRANSCRIPT},
        {"type": "conversation.item.speaker", "item_id": "item_u$u", "speaker": {"name": "Ada", "score": 0.8}},
        {"type": "conversation.item.added", "item": HEARD},
    ],
    answer=[
        {"type": "localai.classifier.result", "response_id": "resp_$n", "result": SCORES},
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": MESSAGE},
        {"type": "response.content_part.added", **HERE, "part": {"type": "audio", "audio": "", "transcript": ""}},
        {"type": "response.output_audio_transcript.delta", **HERE, "delta": "$text"},
        {"type": "response.output_audio_transcript.done", **HERE, "transcript": "$text"},
        {"type": "response.output_audio.delta", **HERE, "delta": "$sound"},
        {"type": "response.output_audio.done", **HERE},
        {"type": "response.content_part.done", **HERE, "part": {"type": "audio", "transcript": "$text"}},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": SAID},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed"}},
    ],
    call=[
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": CALL},
        {
            "type": "response.function_call_arguments.delta",
            "response_id": "resp_$n",
            "item_id": "item_f$n",
            "output_index": 0,
            "call_id": "call_$n",
            "delta": '{"a": 2, "b": 3}',
        },
        {
            "type": "response.function_call_arguments.done",
            "response_id": "resp_$n",
            "item_id": "item_f$n",
            "output_index": 0,
            "call_id": "call_$n",
            "arguments": '{"a": 2, "b": 3}',
            "name": "add",
        },
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": ASKED},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed"}},
    ],
)
