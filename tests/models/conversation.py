"""Spoken turns with real models behind the local backend: how soon it answers, and whether instructions count."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from realtime_nb.local.voice.protocols import RATE_HZ, Pcm

SILENCE_MS = 500
_FRAME_S = 0.02
_PATIENCE_S = 180.0
_LOUD = 300


@dataclass(frozen=True)
class Turn:
    """One spoken turn and its answer.

    Attributes:
        heard: the words that were recognised.
        answer: the answer's transcript.
        sound: the answer's sound.
        status: of the response, with its error's message if it failed.
        detected_s, recognised_s, sounded_s: from the end of speech to the end of the turn, to its words, and to the
            first sound of the answer; not a number where it did not come.
    """

    heard: str
    answer: str
    sound: Pcm
    status: str
    detected_s: float
    recognised_s: float
    sounded_s: float


@asynccontextmanager
async def session(url: str, instructions: str) -> AsyncIterator[ClientConnection]:
    """Open a session that detects turns and transcribes them."""
    detection = {"type": "server_vad", "silence_duration_ms": SILENCE_MS}
    audio = {"input": {"turn_detection": detection, "transcription": {"model": "whisper-1"}}}
    async with connect(url, max_size=None, compression=None) as socket:
        update = {"type": "realtime", "instructions": instructions, "audio": audio, "max_output_tokens": 60}
        await socket.send(json.dumps({"type": "session.update", "session": update}))
        while json.loads(await socket.recv())["type"] != "session.updated":
            pass
        yield socket


async def spoken_turn(socket: ClientConnection, speech: Pcm) -> Turn:
    """Send speech in real time, then silence, until the answer is complete."""
    ended = asyncio.get_running_loop().create_future()
    sending = asyncio.create_task(_send(socket, speech, ended))
    times: dict[str, float] = {}
    heard, answer, blocks, status = "", "", [], "none"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                event: dict[str, Any] = json.loads(await socket.recv())
                kind = event["type"]
                times.setdefault(kind, time.perf_counter())
                if kind == "conversation.item.input_audio_transcription.completed":
                    heard = event["transcript"]
                elif kind == "response.output_audio_transcript.delta":
                    answer += event["delta"]
                elif kind == "response.output_audio.delta":
                    blocks.append(np.frombuffer(base64.b64decode(event["delta"]), "<i2"))
                elif kind == "response.done":
                    response = event["response"]
                    error = ((response.get("status_details") or {}).get("error") or {}).get("message")
                    status = response["status"] + (f": {error}" if error else "")
                    break
                elif kind == "error":
                    status = str(event["error"])
                    break
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    end = await ended if ended.done() else time.perf_counter()
    after = {kind: at - end for kind, at in times.items()}
    return Turn(
        heard,
        answer.strip(),
        np.concatenate(blocks).astype(np.int16) if blocks else np.empty(0, np.int16),
        status,
        after.get("input_audio_buffer.speech_stopped", float("nan")),
        after.get("conversation.item.input_audio_transcription.completed", float("nan")),
        after.get("response.output_audio.delta", float("nan")),
    )


async def _send(socket: ClientConnection, speech: Pcm, ended: asyncio.Future[float]) -> None:
    step = int(_FRAME_S * RATE_HZ)
    frames = [speech[at : at + step] for at in range(0, speech.size, step)]
    last = int(np.flatnonzero(np.abs(speech) > _LOUD)[-1]) // step + 1  # the silence after speech is no speech
    begin = time.perf_counter()
    number = 0
    while True:
        frame = frames[number] if number < len(frames) else np.zeros(step, np.int16)
        await socket.send(
            json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(frame.tobytes()).decode()})
        )
        number += 1
        if number == last:
            ended.set_result(time.perf_counter())
        await asyncio.sleep(max(0.0, begin + number * _FRAME_S - time.perf_counter()))
