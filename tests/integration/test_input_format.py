"""Sound is sent in the format that the server's echo names, or refused aloud."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.audio import g711
from realtime_nb.audio.resample import resample
from realtime_nb.errors import AudioError, ConfigError
from tests.faults.server import Server, default_session, of_type

TONE = (8000 * np.sin(np.arange(24_000) * 2 * np.pi * 440 / 24_000)).astype(np.int16)
MANUAL = {"turn_detection": None}


def hears(kind: str, rate_hz: int | None) -> Server:
    """A server that takes its sound in this format, whatever it is asked for."""
    session = default_session()
    session["audio"]["input"]["format"] = {"type": kind} | ({"rate": rate_hz} if rate_hz else {})
    return Server(session=session)


def _appended(received: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(event["audio"]) for event in of_type(received, "input_audio_buffer.append"))


@pytest.mark.parametrize(
    ("kind", "rate_hz"), [("audio/pcmu", None), ("audio/pcma", 8000), ("audio/pcm", 16_000), ("audio/pcm", 48_000)]
)
async def test_a_recording_is_sent_in_the_format_of_the_echo(kind: str, rate_hz: int | None) -> None:
    with hears(kind, rate_hz).start() as script:
        async with rt.connect(url=script.url) as conn, rt.RealtimeSession(conn, MANUAL) as session:
            await session.ask(TONE, timeout=20)
            if kind == "audio/pcm":
                with pytest.raises(AudioError, match="append bytes in that format"):
                    await conn.input_audio_buffer.append(audio=TONE)
        data = _appended(script.received)
    laws: dict[str, Any] = {"audio/pcmu": "pcmu", "audio/pcma": "pcma"}
    heard = g711.decode(data, laws[kind]) if kind in laws else np.frombuffer(data, "<i2").astype(np.int16)
    assert abs(len(heard) - (rate_hz or 8000)) <= 2, "one second of sound"
    back = resample(heard, rate_hz or 8000, 24_000)[2400:21_600].astype(float)
    assert np.corrcoef(back, TONE[2400:21_600])[0, 1] > 0.99


async def test_a_format_that_is_not_written_is_refused_aloud() -> None:
    reported: list[Exception] = []
    with hears("audio/opus", None).start() as script:
        async with rt.connect(url=script.url) as conn:
            session = rt.RealtimeSession(conn, MANUAL)
            session.on_error = reported.append
            await session.start()
            await session.update(instructions="Be brief.")
            with pytest.raises(AudioError, match="audio/opus"):
                await session.ask(TONE, timeout=20)
            await session.append(TONE)  # the microphone is not a caller: nothing is sent, and nothing raises
            assert (await session.ask("Hello", timeout=20)).status == "completed"
        assert [getattr(error, "code", None) for error in reported] == ["audio_format"], reported
        assert not of_type(script.received, "input_audio_buffer.append")


async def test_another_session_on_a_connection_is_refused() -> None:
    with Server().start() as script:
        async with rt.connect(url=script.url) as conn:
            async with rt.RealtimeSession(conn, {"instructions": "Be brief."}):
                pass
            with pytest.raises(ConfigError, match="open another connection"):
                rt.RealtimeSession(conn, {"output": "text"})
