"""Hugging Face speech-to-speech: few events, no items of an answer, calls told by their arguments alone.

Facts from https://github.com/huggingface/speech-to-speech/blob/main/src/speech_to_speech/api/openai_realtime/README.md
and https://github.com/huggingface/speech-to-speech/issues/416 : the server detects turns by itself and takes no
commit; `response.created` comes with the first sound, so a call's arguments or the words may come before it; there are
no `output_item`, `content_part` or `item.added` events and no transcript deltas; `response.done` lists no output.
"""

from __future__ import annotations

from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_hf",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "turn_detection": {"type": "server_vad", "interrupt_response": True},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "Aiden"},
    },
}
HERE = {"response_id": "resp_$n", "item_id": "item_$n", "output_index": 0, "content_index": 0}
REFUSED = {
    "type": "error",
    "event_id": "event_e",
    "error": {
        "type": "invalid_request_error",
        "code": "unknown_or_invalid_event",
        "message": "unknown or invalid event",
        "event_id": "$event_id",
    },
}
BEGUN: dict[str, Any] = {
    "type": "response.created",
    "response": {"id": "resp_$n", "object": "realtime.response", "status": "in_progress"},
}
ENDED: dict[str, Any] = {
    "type": "response.done",
    "response": {"id": "resp_$n", "object": "realtime.response", "status": "completed", "output": None},
}
ANSWER: list[dict[str, Any]] = [
    {"type": "response.output_audio_transcript.done", **HERE, "transcript": "$text"},
    BEGUN,
    {"type": "response.output_audio.delta", **HERE, "delta": "$sound_1"},
    {"type": "response.output_audio.delta", **HERE, "delta": "$sound_2"},
    {"type": "response.output_audio.done", **HERE},
    ENDED,
]
WORDS = "conversation.item.input_audio_transcription"

DIALECT = Dialect(
    name="HF speech-to-speech",
    source="https://github.com/huggingface/speech-to-speech/blob/main/src/speech_to_speech/api/openai_realtime/README.md",
    connected=[{"type": "session.created", "event_id": "event_1", "session": SESSION}],
    updated=[{"type": "session.updated", "event_id": "event_2", "session": SESSION}],
    item=[{"type": "conversation.item.created", "event_id": "event_3", "item": "$item"}],
    committed=[REFUSED],
    cleared=[REFUSED],
    heard=[
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_u$u"},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": "item_u$u"},
        {"type": f"{WORDS}.delta", "item_id": "item_u$u", "content_index": 0, "delta": "good"},
        {
            "type": f"{WORDS}.completed",
            "item_id": "item_u$u",
            "content_index": 0,
            "transcript": TRANSCRIPT,
            "usage": {"type": "duration", "seconds": 0.9},
        },
        *ANSWER,
    ],
    answer=ANSWER,
    call=[
        {
            "type": "response.function_call_arguments.done",
            "response_id": "resp_$n",
            "item_id": "item_$n",
            "output_index": 0,
            "call_id": "call_$n",
            "name": "add",
            "arguments": '{"a": 2, "b": 3}',
        },
        ENDED,
    ],
)
