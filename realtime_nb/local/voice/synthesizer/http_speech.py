"""Speech from a server with OpenAI's `/audio/speech`, streamed.

Owns the request, the reading of the sound (PCM or WAV), and the estimate of the words' places. Must not know sessions.
The key goes to the server's own address only: a redirect is an error.
"""

from __future__ import annotations

import queue
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np

from realtime_nb.audio.resample import Resampler
from realtime_nb.local.voice.http_body import beginning_of
from realtime_nb.local.voice.http_errors import SpeechServerError, refused, unreachable, unreadable
from realtime_nb.local.voice.part_spec import PartSpec
from realtime_nb.local.voice.protocols import RATE_HZ, Chunk, Pcm
from realtime_nb.local.voice.vocabulary import words_with_spaces
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import redact

_MODEL = "tts-1"
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_BLOCK_BYTES = RATE_HZ // 10 * 2
_CHARS_A_SECOND = 14.0  # of English speech
_STOP_S = 0.02  # how often `stop` is looked at while the server sends nothing
_AHEAD_BLOCKS = 64  # read from the server before they are asked for
_LONGEST_HEADER = 4096
_MOST_REFUSAL = 2**16
_LONGEST_S, _LONGEST_S_A_CHAR = 30.0, 1.0  # more sound than that is no speech of the text
_RATES_HZ = (4_000, 192_000)
_WHAT = "Speech (tts)"
_OTHER_FORMATS = {b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3"}


@dataclass(frozen=True, slots=True)
class _Format:
    """How samples stand in the body: their rate, the number of channels, and where they begin."""

    rate_hz: int = RATE_HZ
    channels: int = 1
    start: int = 0


class HttpSynthesizer:
    """Streams speech from one server. Any number of streams, from any threads.

    Args:
        spec: the URL up to `/v1`, the model, and a voice of that server; without a voice, the API's name is sent.
        key: for this server, or None.
        wait_s: how long the next tenth of a second of sound may take.
    """

    def __init__(self, spec: PartSpec, key: str | None, *, wait_s: float = 60.0) -> None:
        self._url = f"{spec.value}/audio/speech"
        self._model = spec.model or _MODEL
        self._voice = spec.voice
        self._key = key
        self._wait_s = wait_s
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=not is_loopback(spec.hostname))

    def __repr__(self) -> str:
        return f"HttpSynthesizer({self._url!r}, model={self._model!r})"

    def warm(self) -> None:
        """Do nothing: the model is the server's."""

    def stream(
        self, text: str, *, voice: str = "alloy", speed: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Chunk]:
        """Yield the sound as it comes; see `protocols.Synthesizer`.

        Raises:
            SpeechServerError: the server gave no sound; with the URL and the next step.
        """
        if not any(character.isalnum() for character in text):
            yield Chunk(np.empty(0, np.int16), text)
            return
        stopped = threading.Event() if stop is None else stop
        words = _Words(text, speed)
        request = {
            "model": self._model,
            "input": text,
            "voice": self._voice or voice,
            "speed": speed,
            "response_format": "pcm",
        }
        resampler: Resampler | None = None
        longest_s = _LONGEST_S + len(text) * _LONGEST_S_A_CHAR
        seconds = 0.0
        for samples, rate_hz in self._sound(request, stopped):
            seconds += samples.size / rate_hz
            if seconds > longest_s:
                raise unreadable(_WHAT, self._url, f"the sound of {len(text)} characters goes on after {seconds:.0f} s")
            if resampler is None:
                resampler = Resampler(rate_hz, RATE_HZ)
            sound = resampler.process(samples)
            yield Chunk(sound, words.until(sound.size))
        if stopped.is_set():
            return
        rest = resampler.flush().astype(np.int16) if resampler is not None else np.empty(0, np.int16)
        yield Chunk(rest, words.rest())

    def _sound(self, request: dict[str, object], stop: threading.Event) -> Iterator[tuple[Pcm, int]]:
        """Yield mono samples with their rate."""
        body = b""
        form: _Format | None = None
        came = False
        for block in self._body(request, stop):
            body += block
            if form is None:
                form = _format_of(body, self._url)
                if form is None:
                    continue
                body = body[form.start :]
            whole = len(body) - len(body) % (2 * form.channels)
            if whole:
                came = True
                samples = np.frombuffer(body[:whole], "<i2").astype(np.int16)
                if form.channels > 1:
                    samples = samples.reshape(-1, form.channels).mean(axis=1).astype(np.int16)
                body = body[whole:]
                yield samples, form.rate_hz
        if not came and not stop.is_set():
            raise unreadable(_WHAT, self._url, "the answer has no sound")

    def _body(self, request: dict[str, object], stop: threading.Event) -> Iterator[bytes]:
        """Yield the body in blocks, read by a thread of its own: a read cannot be interrupted, and `stop` must be."""
        blocks: queue.Queue[bytes | Exception | None] = queue.Queue(_AHEAD_BLOCKS)
        ended = threading.Event()
        threading.Thread(target=self._read, args=(request, blocks, ended), name="speech-http", daemon=True).start()
        until = time.monotonic() + self._wait_s
        try:
            while not stop.is_set():
                try:
                    block = blocks.get(timeout=_STOP_S)
                except queue.Empty:
                    # A server that sends a byte now and then keeps within the bound of each read.
                    if time.monotonic() > until:
                        raise unreachable(_WHAT, self._url, httpx.ReadTimeout("")) from None
                    continue
                if block is None:
                    return
                if isinstance(block, Exception):
                    raise block
                yield block
                until = time.monotonic() + self._wait_s
        finally:
            ended.set()

    def _read(
        self, request: dict[str, object], blocks: queue.Queue[bytes | Exception | None], ended: threading.Event
    ) -> None:
        def put(block: bytes | Exception | None) -> None:
            while not ended.is_set():
                try:
                    blocks.put(block, timeout=_STOP_S)
                except queue.Full:
                    continue
                return

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            with self._client.stream("POST", self._url, json=request, headers=headers) as answer:
                if not answer.is_success:
                    body = beginning_of(answer.iter_bytes(), _MOST_REFUSAL)
                    put(self._refused(answer.status_code, body))
                    return
                for block in answer.iter_bytes(_BLOCK_BYTES):
                    put(block)
                    if ended.is_set():
                        return  # leaves the `with`, which closes the connection
            put(None)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client is closed
            put(unreachable(_WHAT, self._url, error))

    def _refused(self, status: int, body: str) -> SpeechServerError:
        body = body.replace(self._key, "***") if self._key else body
        return refused(_WHAT, self._url, status, body, setting="tts", has_key=self._key is not None)


class _Words:
    """Deals out the words of a text along its sound, whose length is not known before its end."""

    def __init__(self, text: str, speed: float) -> None:
        self._pieces = deque(words_with_spaces(text) or [text])
        self._per_sample = _CHARS_A_SECOND * speed / RATE_HZ
        self._samples = 0
        self._chars = 0

    def until(self, samples: int) -> str:
        """Return the words that begin in the next `samples`."""
        self._samples += samples
        found = ""
        while self._pieces and self._chars < self._samples * self._per_sample:
            piece = self._pieces.popleft()
            self._chars += len(piece)
            found += piece
        return found

    def rest(self) -> str:
        """Return the words that are left."""
        found, self._pieces = "".join(self._pieces), deque()
        return found


def _format_of(body: bytes, url: str) -> _Format | None:
    """Return the form of a body from its beginning; None where that is too short to tell.

    Raises:
        SpeechServerError: it is neither PCM nor 16 bit WAV.
    """
    if len(body) < 4:
        return None
    for mark, name in _OTHER_FORMATS.items():
        if body.startswith(mark):
            raise unreadable(_WHAT, url, f"the sound is {name}, and response_format 'pcm' was asked for: PCM or WAV")
    if body.lstrip()[:1] in (b"{", b"<") and body[:64].isascii():
        said = redact(body[:_LONGEST_HEADER].decode("ascii", "replace"))[:120]
        raise unreadable(_WHAT, url, f"the answer is text and not sound: {said}")
    if not body.startswith(b"RIFF"):
        return _Format()
    at = 12
    form: tuple[int, ...] | None = None
    while len(body) >= at + 8:
        tag, size = body[at : at + 4], struct.unpack_from("<I", body, at + 4)[0]
        if tag == b"data":
            if form is None:
                raise unreadable(_WHAT, url, "the WAV file has no format before its sound")
            if not _RATES_HZ[0] <= form[2] <= _RATES_HZ[1]:
                raise unreadable(_WHAT, url, f"the WAV file has {form[2]} samples a second")
            return _Format(form[2], form[1], at + 8)
        if tag == b"fmt " and len(body) >= at + 24:
            form = struct.unpack_from("<HHIIHH", body, at + 8)
            if form[5] != 16 or form[0] not in (1, 0xFFFE) or not form[1] or not form[2]:
                kind = f"{form[5]} bits of the kind {form[0]}, {form[1]} channels, {form[2]} Hz"
                raise unreadable(_WHAT, url, f"the WAV file has {kind}; PCM of 16 bits is read")
        at += 8 + size + size % 2
    if len(body) > _LONGEST_HEADER:
        raise unreadable(_WHAT, url, "the WAV file has no sound in its first 4 kB")
    return None
