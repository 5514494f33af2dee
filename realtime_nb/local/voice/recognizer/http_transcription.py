"""Speech recognition by a server with OpenAI's `/audio/transcriptions`, on the event loop.

Owns the request, the reading of the answer, and the check that there is speech. Must not know sessions. The key goes to
the server's own address only: a redirect is an error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from realtime_nb.audio.wav import wav_bytes
from realtime_nb.local.voice.http_body import beginning
from realtime_nb.local.voice.http_errors import refused, unreachable, unreadable
from realtime_nb.local.voice.part_spec import PartSpec
from realtime_nb.local.voice.plain_text import plain
from realtime_nb.local.voice.protocols import RATE_HZ, Detector, Pcm, Recognition, ToolSpecs
from realtime_nb.local.voice.recognizer.judge_whisper import NOTHING, WhisperEvidence, recognition
from realtime_nb.loopback import is_loopback

_MODEL = "whisper-1"
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_MOST_BODY = 2**20
_SHORTEST_S = 0.1
_SPEECH_PROBABILITY = 0.4
_PROMPT_CHARS = 600
_WHAT = "Recognition (stt)"


class HttpRecognizer:
    """Recognises speech by requests to one server; an `AsyncRecognizer`.

    Args:
        spec: the URL up to `/v1`, and the model.
        key: for this server, or None.
        detector: decides whether there is speech; without it, Whisper models invent words for noise.
        wait_s: how long an answer may take, to its end.
    """

    def __init__(self, spec: PartSpec, key: str | None, detector: type[Detector], *, wait_s: float = 90.0) -> None:
        self._url = f"{spec.value}/audio/transcriptions"
        self._model = spec.model or _MODEL
        self._key = key
        self._detector = detector
        self._wait_s = wait_s
        # With the detailed form come log probabilities. Not every model has it.
        self._format = "json" if self._model.startswith("gpt-") else "verbose_json"
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=not is_loopback(spec.hostname))

    def __repr__(self) -> str:
        return f"HttpRecognizer({self._url!r}, model={self._model!r})"

    async def recognize(
        self, sound: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """See `AsyncRecognizer`.

        Raises:
            SpeechServerError: there was no usable answer; with the URL and the next step.
        """
        if sound.size < _SHORTEST_S * RATE_HZ or not await asyncio.to_thread(_has_speech, self._detector, sound):
            return NOTHING
        fields = {"model": self._model, "temperature": "0"}
        if language:
            fields["language"] = language
        if prompt := " ".join(phrases)[:_PROMPT_CHARS]:
            fields["prompt"] = prompt
        wav = wav_bytes(sound, RATE_HZ)
        status, text = await self._post(wav, fields)
        if status in (400, 422) and self._format != "json" and "response_format" in text:
            self._format = "json"
            status, text = await self._post(wav, fields)
        if not 200 <= status < 300:
            said = text.replace(self._key, "***") if self._key else text
            raise refused(_WHAT, self._url, status, said, setting="stt", has_key=self._key is not None)
        try:
            body = json.loads(text)
            words = body["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            words = None
        if not isinstance(words, str):
            raise unreadable(_WHAT, self._url, "the answer is not JSON with a 'text'")
        return recognition(plain(words).strip(), _evidence(body.get("segments")))

    async def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Do nothing: the model is the server's."""

    async def close(self) -> None:
        """Close the connections; requests under way fail."""
        await self._client.aclose()

    async def _post(self, wav: bytes, fields: Mapping[str, str]) -> tuple[int, str]:
        """Return the status and the text of the answer."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            # A bound for the whole: a server that sends a byte now and then keeps within each read's own.
            async with (
                asyncio.timeout(self._wait_s),
                self._client.stream(
                    "POST",
                    self._url,
                    headers=headers,
                    data={**fields, "response_format": self._format},
                    files={"file": ("speech.wav", wav, "audio/wav")},
                ) as answer,
            ):
                return answer.status_code, await beginning(answer.aiter_bytes(), _MOST_BODY)
        except TimeoutError:
            raise unreachable(_WHAT, self._url, httpx.ReadTimeout("")) from None
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client is closed
            raise unreachable(_WHAT, self._url, error) from error


def _has_speech(detector: type[Detector], sound: Pcm) -> bool:
    one = detector()
    size = one.frame_samples
    starts = range(0, sound.size - size + 1, size)
    return any(one.process(sound[at : at + size]) >= _SPEECH_PROBABILITY for at in starts)


def _evidence(segments: Any) -> WhisperEvidence | None:
    """Return the signs of reliability, or None where the server does not give them."""
    if not isinstance(segments, list) or not segments:
        return None
    try:
        return WhisperEvidence(
            logprob=sum(float(one["avg_logprob"]) for one in segments) / len(segments),
            no_speech=max(float(one["no_speech_prob"]) for one in segments),
            compression=max(float(one["compression_ratio"]) for one in segments),
        )
    except (KeyError, TypeError, ValueError):
        return None
