"""Recognition and speech by servers behind a URL, over real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from realtime_nb.audio.wav import wav_bytes
from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.http_errors import SpeechServerError
from realtime_nb.local.voice.part_spec import PartSpec
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm
from realtime_nb.local.voice.recognizer.http_transcription import HttpRecognizer
from realtime_nb.local.voice.synthesizer.http_speech import HttpSynthesizer
from tests.integration.raw_client import speech
from tests.integration.speech_server import Answer, Request, speech_server

_HEAR, _SAY = "/v1/audio/transcriptions", "/v1/audio/speech"
LIKE_A_KEY = b"sk-test-0123456789abcdefghij"
_KEY = "stt-key-of-the-test-0123456789"


def _said(text: str, **more: object) -> Answer:
    return Answer(blocks=[json.dumps({"text": text, **more}).encode()])


async def _hear(url: str, sound: Pcm, *, key: str | None = None, model: str | None = None, **hints: object) -> object:
    recognizer = HttpRecognizer(PartSpec("http", url, model), key, EnergyDetector)
    try:
        return await recognizer.recognize(sound, **hints)  # type: ignore[arg-type]
    finally:
        await recognizer.close()


def _tone(seconds: float, rate: int = RATE_HZ) -> Pcm:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


async def test_transcription_sends_a_wav_with_model_prompt_language_and_key() -> None:
    with speech_server({_HEAR: lambda _: _said(" Hello there. ")}) as server:
        sound = speech("Hello there.")
        heard = await _hear(f"{server.url}/v1", sound, key=_KEY, model="small", phrases=["Zagreb"], language="de")
    assert (heard.text, heard.understood) == ("Hello there.", True)  # type: ignore[attr-defined]
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {_KEY}"
    body = request.body
    assert wav_bytes(sound, RATE_HZ) in body
    for name, value in (("model", "small"), ("prompt", "Zagreb"), ("language", "de"), ("temperature", "0")):
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body


async def test_silence_is_not_sent() -> None:
    with speech_server({_HEAR: lambda _: _said("Thank you.")}) as server:
        heard = await _hear(f"{server.url}/v1", np.zeros(RATE_HZ, np.int16))
    assert not heard.understood  # type: ignore[attr-defined]
    assert server.requests == []


@pytest.mark.parametrize(
    ("segment", "understood"),
    [
        ({"avg_logprob": -0.2, "no_speech_prob": 0.01, "compression_ratio": 1.2}, True),
        ({"avg_logprob": -1.4, "no_speech_prob": 0.01, "compression_ratio": 1.2}, False),
        ({"avg_logprob": -0.8, "no_speech_prob": 0.9, "compression_ratio": 1.2}, False),
        ({"avg_logprob": -0.2, "no_speech_prob": 0.01, "compression_ratio": 9.0}, False),
        ({"avg_logprob": None}, True),
    ],
)
async def test_doubtful_words_are_not_understood(segment: dict[str, object], understood: bool) -> None:
    with speech_server({_HEAR: lambda _: _said("Thank you.", segments=[segment])}) as server:
        heard = await _hear(f"{server.url}/v1", speech("Hello."))
    assert heard.understood is understood  # type: ignore[attr-defined]
    assert heard.text == "Thank you."  # type: ignore[attr-defined]


async def test_server_without_the_detailed_form_is_asked_for_the_plain_one() -> None:
    def answer(request: Request) -> Answer:
        if b"verbose_json" in request.body:
            return Answer(400, [b'{"error": {"message": "response_format \'verbose_json\' is not compatible"}}'])
        return _said("Hello.")

    with speech_server({_HEAR: answer}) as server:
        recognizer = HttpRecognizer(PartSpec("http", f"{server.url}/v1"), None, EnergyDetector)
        for _ in range(2):
            assert (await recognizer.recognize(speech("Hello."))).text == "Hello."
        await recognizer.close()
    assert len(server.requests) == 3  # the form is remembered


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401, [f"wrong key {_KEY}".encode()]), r"refuses the stt_key"),
        (Answer(404, [b"no such model"]), r"#model=NAME.*no such model"),
        (Answer(500, [b"out of memory"]), r"HTTP 500.*out of memory"),
        (Answer(307, [], {"Location": "http://127.0.0.1:9/elsewhere"}), r"redirects"),
        (Answer(200, [b"<html>"]), r"not JSON with a 'text'"),
        (Answer(200, [b'{"text": 3}']), r"not JSON with a 'text'"),
        (Answer(200, [b'{"te'], length=500), r"broke"),
        (Answer(200, [b"[" * 100_000]), r"not JSON with a 'text'"),
        (Answer(200, [b'{"text": "' + b"x" * 2**21 + b'"}']), r"not JSON with a 'text'"),
        (Answer(500, [b" " * (2**20 - 10), _KEY.encode(), b" end"]), r"HTTP 500"),
    ],
)
async def test_bad_answer_is_an_error_with_url_and_next_step(answer: Answer, expected: str) -> None:
    with (
        speech_server({_HEAR: lambda _: answer}) as server,
        pytest.raises(SpeechServerError, match=expected) as caught,
    ):
        await _hear(f"{server.url}/v1", speech("Hello."), key=_KEY)
    assert server.url in str(caught.value)
    assert _KEY not in str(caught.value)


def _drips() -> Iterator[bytes]:
    for _ in range(600):
        yield b" "
        time.sleep(0.05)


async def test_server_that_drips_is_not_waited_for_without_end() -> None:
    with speech_server({_HEAR: lambda _: Answer(blocks=_drips()), _SAY: lambda _: Answer(blocks=_drips())}) as server:
        recognizer = HttpRecognizer(PartSpec("http", f"{server.url}/v1"), None, EnergyDetector, wait_s=0.5)
        with pytest.raises(SpeechServerError, match=r"in time") as caught:
            await recognizer.recognize(speech("Hello."))
        await recognizer.close()
        assert server.url in str(caught.value)
        voice = HttpSynthesizer(PartSpec("http", f"{server.url}/v1"), None, wait_s=0.5)
        with pytest.raises(SpeechServerError, match=r"in time") as caught:
            list(voice.stream("Hello."))
        assert server.url in str(caught.value)


async def test_control_characters_of_a_server_are_no_words() -> None:
    with speech_server({_HEAR: lambda _: _said("\x00Hel\x1b[31mlo\x1b[0m\x07.")}) as server:
        heard = await _hear(f"{server.url}/v1", speech("Hello."))
    assert heard.text == "Hello."  # type: ignore[attr-defined]


def test_speech_without_end_is_an_error() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield _tone(1).tobytes()

    with speech_server({_SAY: lambda _: Answer(blocks=endless())}) as server:
        voice = HttpSynthesizer(PartSpec("http", f"{server.url}/v1"), None)
        with pytest.raises(SpeechServerError, match=r"goes on after") as caught:
            for _ in voice.stream("Hello."):
                pass
        assert server.url in str(caught.value)
        assert server.gone.wait(30)


async def test_missing_server_is_an_error_with_its_url() -> None:
    with pytest.raises(SpeechServerError, match=r"http://127\.0\.0\.1:9/v1.*nothing answers"):
        await _hear("http://127.0.0.1:9/v1", speech("Hello."))
    with pytest.raises(SpeechServerError, match="nothing answers"):
        list(HttpSynthesizer(PartSpec("http", "http://127.0.0.1:9/v1"), None).stream("Hello."))


def _blocks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


_TEXT = "Hello there. This is a test, and it has words.  "


@pytest.mark.parametrize("size", [1, 777, 4_800, 100_000])
@pytest.mark.parametrize("form", ["pcm", "wav", "wav 16 kHz", "wav stereo"])
def test_speech_arrives_whole_in_blocks_of_any_size(form: str, size: int) -> None:
    tone = _tone(0.5, 16_000 if "16" in form else RATE_HZ)
    data = tone.astype("<i2").tobytes()
    if form == "wav stereo":
        data = _stereo_wav(tone)
    elif form != "pcm":
        data = wav_bytes(tone, 16_000 if "16" in form else RATE_HZ)
    with speech_server({_SAY: lambda _: Answer(blocks=_blocks(data, size))}) as server:
        voice = HttpSynthesizer(PartSpec("http", f"{server.url}/v1", "kokoro"), _KEY)
        chunks = list(voice.stream(_TEXT, voice="marin", speed=1.2))
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert "".join(chunk.text for chunk in chunks) == _TEXT
    assert abs(sound.size - RATE_HZ // 2) < 10
    assert np.abs(sound[500:-500].astype(int) - _tone(0.5)[500 : sound.size - 500]).max() < 60
    (request,) = server.requests
    sent = json.loads(request.body)
    assert (sent["model"], sent["voice"], sent["speed"], sent["response_format"]) == ("kokoro", "marin", 1.2, "pcm")
    assert request.headers["authorization"] == f"Bearer {_KEY}"


def _stereo_wav(mono: Pcm) -> bytes:
    import io
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(RATE_HZ)
        wav.writeframes(np.repeat(mono, 2).astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401, [b"no"]), "give tts_key="),
        (Answer(404, [b"no"]), "#model=NAME"),
        (Answer(200, [b"ID3\x04" + bytes(99)]), "is MP3"),
        (Answer(200, [b'{"error": "no such voice"}']), "no such voice"),
        (Answer(200, [b'{"error": "the key ' + LIKE_A_KEY + b' is wrong"}']), "is text and not sound"),
        (Answer(200, [wav_bytes(np.zeros(9, np.int16), 4_000_000)]), "4000000 samples a second"),
        (Answer(500, [b" " * (2**16 - 10), LIKE_A_KEY, b" end"]), "HTTP 500"),
        (Answer(200, []), "no sound"),
        (Answer(200, [bytes(100)], length=5000), "broke"),
    ],
)
def test_bad_speech_is_an_error_with_url_and_next_step(answer: Answer, expected: str) -> None:
    with speech_server({_SAY: lambda _: answer}) as server:
        voice = HttpSynthesizer(PartSpec("http", f"{server.url}/v1"), None)
        with pytest.raises(SpeechServerError, match=expected) as caught:
            list(voice.stream("Hello."))
    assert server.url in str(caught.value)
    assert "sk-te" not in str(caught.value)


@pytest.mark.parametrize("how", ["stop", "close"])
def test_stopped_speech_closes_the_connection_while_the_server_goes_on(how: str) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield _tone(0.1).tobytes()

    with speech_server({_SAY: lambda _: Answer(blocks=endless())}) as server:
        stop = threading.Event()
        stream = HttpSynthesizer(PartSpec("http", f"{server.url}/v1"), None).stream("Hello.", stop=stop)
        next(iter(stream))
        if how == "stop":
            stop.set()
            list(stream)
        else:
            stream.close()  # type: ignore[attr-defined]
        assert server.gone.wait(30)


async def test_speech_that_hangs_stops() -> None:
    hanging = threading.Event()

    def nothing() -> Iterator[bytes]:
        hanging.wait(60)
        yield b""

    with speech_server({_SAY: lambda _: Answer(blocks=nothing())}) as server:
        stop = threading.Event()
        stream = HttpSynthesizer(PartSpec("http", f"{server.url}/v1"), None).stream("Hello.", stop=stop)
        pulling = asyncio.create_task(asyncio.to_thread(lambda: list(stream)))
        await asyncio.sleep(0.1)
        assert not pulling.done()
        stop.set()
        assert await pulling == []
        hanging.set()
