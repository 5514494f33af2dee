"""Azure Voice Live: the beta's names, with settings, voices and events of its own.

Facts from https://learn.microsoft.com/en-us/azure/ai-services/speech-service/voice-live-how-to and
https://learn.microsoft.com/en-us/dotnet/api/azure.ai.voicelive?view=azure-dotnet-preview :
the session is flat; turn detection is of the type `azure_semantic_vad`; the voice is an object; noise reduction and
echo cancellation have types of their own; the output format names its rate (`pcm16-16000hz`); animation and word
timing travel in events of their own.
"""

from __future__ import annotations

from typing import Any

from .server import TRANSCRIPT, Dialect

SESSION: dict[str, Any] = {
    "id": "sess_azure",
    "object": "realtime.session",
    "model": "gpt-realtime",
    "modalities": ["text", "audio"],
    "voice": {"type": "azure-standard", "name": "en-US-Ava:DragonHDLatestNeural", "temperature": 0.8},
    "input_audio_format": "pcm16",
    "input_audio_sampling_rate": 24000,
    "output_audio_format": "pcm16",
    "input_audio_noise_reduction": {"type": "azure_deep_noise_suppression"},
    "input_audio_echo_cancellation": {"type": "server_echo_cancellation"},
    "input_audio_transcription": {"model": "azure-speech", "phrase_list": ["Contoso"]},
    "turn_detection": {
        "type": "azure_semantic_vad",
        "threshold": 0.3,
        "prefix_padding_ms": 200,
        "silence_duration_ms": 200,
        "remove_filler_words": False,
        "end_of_utterance_detection": {"model": "semantic_detection_v1", "threshold": 0.01, "timeout": 2},
        "create_response": False,
    },
    "animation": {"outputs": ["viseme_id"]},
    "output_audio_timestamp_types": ["word"],
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "tool_choice": "auto",
    "tools": [],
    "agent": None,
    "avatar": None,
}
RESPONSE: dict[str, Any] = {
    "id": "resp_$n",
    "object": "realtime.response",
    "conversation_id": "conv_1",
    "modalities": ["text", "audio"],
    "voice": SESSION["voice"],
    "output_audio_format": "pcm16",
    "temperature": 0.8,
    "max_output_tokens": "inf",
    "metadata": "$metadata",
}
MESSAGE = {"id": "item_a$n", "object": "realtime.item", "type": "message", "role": "assistant"}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "audio", "transcript": "$text"}]}
CALL = {"id": "item_c$n", "object": "realtime.item", "type": "function_call", "name": "add", "call_id": "call_$n"}
ASKED = {**CALL, "status": "completed", "arguments": '{"a": 2, "b": 3}'}
HERE = {"response_id": "resp_$n", "item_id": "item_a$n", "output_index": 0, "content_index": 0}
AT_CALL = {"response_id": "resp_$n", "item_id": "item_c$n", "output_index": 0, "call_id": "call_$n"}
HEARD = {
    "id": "item_u$u",
    "object": "realtime.item",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": TRANSCRIPT}],
}
USAGE = {"total_tokens": 90, "input_tokens": 60, "output_tokens": 30, "input_token_details": {"cached_tokens": 0}}

DIALECT = Dialect(
    name="Azure Voice Live",
    source="https://learn.microsoft.com/en-us/azure/ai-services/speech-service/voice-live-how-to",
    connected=[{"type": "session.created", "event_id": "e1", "session": SESSION}],
    updated=[{"type": "session.updated", "event_id": "e2", "session": SESSION}],
    item=[{"type": "conversation.item.created", "event_id": "e3", "previous_item_id": None, "item": "$item"}],
    committed=[
        {"type": "input_audio_buffer.committed", "event_id": "e4", "previous_item_id": "", "item_id": "item_u$u"},
        {"type": "conversation.item.created", "event_id": "e5", "previous_item_id": None, "item": HEARD},
    ],
    answer=[
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": MESSAGE},
        {"type": "conversation.item.created", "previous_item_id": None, "item": MESSAGE},
        {"type": "response.content_part.added", **HERE, "part": {"type": "audio", "transcript": ""}},
        {"type": "response.audio_transcript.delta", **HERE, "delta": "$text"},
        {"type": "response.audio.delta", **HERE, "delta": "$sound_1"},
        {"type": "response.animation_viseme.delta", **HERE, "audio_offset_ms": 0, "viseme_id": 19},
        {"type": "response.audio_timestamp.delta", **HERE, "audio_offset_ms": 0, "audio_duration_ms": 90, "text": "x"},
        {"type": "response.audio.delta", **HERE, "delta": "$sound_2"},
        {"type": "response.audio.done", **HERE},
        {"type": "response.animation_viseme.done", **HERE},
        {"type": "response.audio_transcript.done", **HERE, "transcript": "$text"},
        {"type": "response.content_part.done", **HERE, "part": {"type": "audio", "transcript": "$text"}},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": SAID},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed", "output": [SAID], "usage": USAGE}},
    ],
    call=[
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_$n", "output_index": 0, "item": CALL},
        {"type": "response.function_call_arguments.delta", **AT_CALL, "delta": '{"a": 2, "b": 3}'},
        {"type": "response.function_call_arguments.done", **AT_CALL, "name": "add", "arguments": '{"a": 2, "b": 3}'},
        {"type": "response.output_item.done", "response_id": "resp_$n", "output_index": 0, "item": ASKED},
        {"type": "response.done", "response": {**RESPONSE, "status": "completed", "output": [ASKED], "usage": USAGE}},
    ],
)
