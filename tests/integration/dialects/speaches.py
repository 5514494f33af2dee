"""Speaches: the beta's names, with an unfinished response called `incomplete` from its first event.

Facts from https://github.com/speaches-ai/speaches/blob/master/src/speaches/types/realtime.py and
https://github.com/speaches-ai/speaches/blob/master/src/speaches/realtime/response_event_router.py : items and
responses know `incomplete` and `completed` only, and begin as `incomplete`; the session has fields of its own
(`speech_model`, `no_response_token`); a call's arguments end without a name; the item in a message's
`conversation.item.created` is empty; assistant parts carry `audio` as an empty text; metadata is not echoed.
"""

from __future__ import annotations

from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "id": "sess_speaches",
    "model": "gpt-4o-mini",
    "modalities": ["audio", "text"],
    "instructions": "Be brief.",
    "voice": "af_heart",
    "speech_model": "speaches-ai/Kokoro-82M-v1.0-ONNX",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "Systran/faster-distil-whisper-small.en", "language": None},
    "turn_detection": {
        "type": "server_vad",
        "threshold": 0.9,
        "prefix_padding_ms": 0,
        "silence_duration_ms": 550,
        "create_response": True,
        "barge_in_delay_ms": 400,
    },
    "no_response_token": "*",
    "no_speech_prob_threshold": 0.6,
    "temperature": 0.8,
    "tool_choice": "auto",
    "tools": [{"type": "function", "name": "add", "parameters": {}, "execution": "client"}],
    "max_response_output_tokens": "inf",
}
RESPONSE: dict[str, Any] = {"id": "resp_$n", "object": "realtime.response", "modalities": ["audio", "text"]}
MESSAGE = {"id": "item_$n", "object": "realtime.item", "type": "message", "role": "assistant"}
STARTED = {**MESSAGE, "status": "incomplete", "content": []}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "audio", "transcript": "$text", "audio": ""}]}
CALL = {"id": "item_f$n", "object": "realtime.item", "type": "function_call", "call_id": "chatcmpl-tool-$n"}
WANTED = {**CALL, "status": "incomplete", "name": "add", "arguments": ""}
ASKED = {**CALL, "status": "completed", "name": "add", "arguments": '{"a": 2, "b": 3}'}
HERE = {"response_id": "resp_$n", "item_id": "item_$n", "output_index": 0, "content_index": 0}
AT_CALL = {"response_id": "resp_$n", "item_id": "item_f$n", "output_index": 0, "call_id": "chatcmpl-tool-$n"}
HEARD = {
    "id": "item_u$u",
    "object": "realtime.item",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": None}],
}
HEARD_WORDS = "conversation.item.input_audio_transcription.completed"

DIALECT = Dialect(
    name="Speaches",
    source="https://github.com/speaches-ai/speaches/blob/master/src/speaches/types/realtime.py",
    connected=[{"type": "session.created", "event_id": "event_1", "session": SESSION}],
    updated=[{"type": "session.updated", "event_id": "event_2", "session": SESSION}],
    item=[{"type": "conversation.item.created", "event_id": "event_3", "previous_item_id": None, "item": "$item"}],
    committed=[
        {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": "item_u$u"},
        {"type": "conversation.item.created", "previous_item_id": None, "item": HEARD},
        {"type": HEARD_WORDS, "item_id": "item_u$u", "content_index": 0, "transcript": TRANSCRIPT},
    ],
    answer=[
        {"type": "response.created", "response": {**RESPONSE, "status": "incomplete", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": STARTED},
        {"type": "conversation.item.created", "previous_item_id": None, "item": STARTED},
        {"type": "response.content_part.added", **HERE, "part": {"type": "audio", "transcript": ""}},
        {"type": "response.audio_transcript.delta", **HERE, "delta": "$text"},
        {"type": "response.audio.delta", **HERE, "delta": "$sound_1"},
        {"type": "response.audio.delta", **HERE, "delta": "$sound_2"},
        {"type": "response.audio.done", **HERE},
        {"type": "response.audio_transcript.done", **HERE, "transcript": "$text"},
        {"type": "response.content_part.done", **HERE, "part": {"type": "audio", "transcript": "$text"}},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": SAID},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed", "output": [SAID]}},
    ],
    call=[
        {"type": "response.created", "response": {**RESPONSE, "status": "incomplete", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": WANTED},
        {"type": "conversation.item.created", "previous_item_id": None, "item": WANTED},
        {"type": "response.function_call_arguments.delta", **AT_CALL, "delta": '{"a": 2, "b": 3}'},
        {"type": "response.function_call_arguments.done", **AT_CALL, "arguments": '{"a": 2, "b": 3}'},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": ASKED},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed", "output": [ASKED]}},
    ],
)
