"""A bare server: the fewest events with which a program can still be said to speak the protocol.

It is no vendor's. It shows what the public reports have in common where a server is written in an afternoon, such as
https://github.com/Project-N-E-K-O/N.E.K.O/issues/2900 (no `response.created`, one id for all responses): no ids, no
session objects, no answers to items, and nothing of an answer but its words, its sound and its end.
"""

from __future__ import annotations

from .server import TRANSCRIPT, Dialect

DIALECT = Dialect(
    name="a bare server",
    source="https://github.com/Project-N-E-K-O/N.E.K.O/issues/2900",
    connected=[{"type": "session.created"}],
    updated=[{"type": "session.updated"}],
    item=[],
    cleared=[],
    committed=[
        {"type": "input_audio_buffer.committed"},
        {"type": "conversation.item.input_audio_transcription.completed", "transcript": TRANSCRIPT},
    ],
    answer=[
        {"type": "response.output_audio_transcript.delta", "delta": "$text"},
        {"type": "response.output_audio.delta", "delta": "$sound_1"},
        {"type": "response.output_audio.delta", "delta": "$sound_2"},
        {"type": "response.done"},
    ],
    call=[
        {"type": "response.function_call_arguments.done", "name": "add", "arguments": '{"a": 2, "b": 3}'},
        {"type": "response.done"},
    ],
)
