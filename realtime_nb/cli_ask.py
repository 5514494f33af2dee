"""`realtime-nb ask`: asks one question without a notebook and prints the answer.

Owns the one connection and the output. Must not know widgets, or more of the argument parser than the names of the
arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from typing import Any

from realtime_nb import backends
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.session import RealtimeSession
from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation import Conversation, Latency, Turn

_LATENCY_WORDS = {
    "speech_end_to_committed": "end of speech to committed",
    "committed_to_response": "committed to response",
    "response_to_first_audio": "response to first audio",
    "total": "total",
}


def ask_once(arguments: argparse.Namespace) -> int:
    """Asks, prints the answer, and returns the exit code."""
    # First of all, so that a missing or unreadable file raises before a server is started or paid for.
    question = Utterance(text=arguments.text, path=arguments.wav)
    endpoint = backends.resolve(arguments.backend, arguments.model)
    user_text, turn, model = asyncio.run(_turn(endpoint, question, arguments))
    if arguments.out is not None:
        if turn.audio is None:
            raise OSError(f"{arguments.out} is not written: the answer has no audio")
        turn.audio.save(arguments.out)
    if arguments.json:
        answer = {
            "user_text": user_text,
            "text": turn.text,
            "audio_ms": turn.audio_ms,
            "latency": asdict(turn.latency),
            "usage": asdict(turn.usage) if turn.usage is not None else None,
            "model": model,
            "backend": endpoint.name,
        }
        print(json.dumps(answer, ensure_ascii=False))  # noqa: T201 - a command's output
    else:
        hearing = endpoint.hearing if arguments.wav is not None else None
        print("\n".join(_readable(endpoint, hearing, user_text, turn)))  # noqa: T201
    return 0


async def _turn(
    endpoint: backends.Endpoint, question: Utterance, arguments: argparse.Namespace
) -> tuple[str, Turn, str | None]:
    given = {"instructions": arguments.instructions, "voice": arguments.voice}
    # The end of a file is known, so turn detection is off.
    settings: dict[str, Any] = {"transcription": True, "turn_detection": None}
    settings |= {name: value for name, value in given.items() if value is not None}
    connection = await RealtimeConnection(endpoint.connector())
    try:
        conversation = Conversation(billing=endpoint.billing)
        async with RealtimeSession(connection, settings, conversation=conversation) as session:
            answer = await session.ask(question, timeout=arguments.timeout)
            said = [turn.text for turn in session.conversation.turns if turn.role == "user"]
            return said[-1] if said else "", answer, session.effective.get("model")
    finally:
        await connection.close()


def _readable(endpoint: backends.Endpoint, hearing: str | None, user_text: str, turn: Turn) -> list[str]:
    who = " ".join(filter(None, [f"[{endpoint.label}]", endpoint.whereabouts, endpoint.notice, hearing]))
    lines = [who, f"You:       {user_text}", f"Assistant: {turn.text}"]
    if turn.audio_ms is not None:
        lines.append(f"Sound:     {turn.audio_ms / 1000:.1f} s")
    parts = _latencies(turn.latency)
    return [*lines, f"Latency:   {', '.join(parts)}"] if parts else lines


def _latencies(latency: Latency) -> list[str]:
    values = asdict(latency)
    return [f"{words} {values[name]:.0f} ms" for name, words in _LATENCY_WORDS.items() if values[name] is not None]
