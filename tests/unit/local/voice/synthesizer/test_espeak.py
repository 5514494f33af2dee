"""The synthesiser with the real library."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("espeakng_loader", reason="the local extra is not installed")

from realtime_nb.local.voice.protocols import RATE_HZ, Chunk, Pcm
from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer, sentences
from realtime_nb.local.voice.synthesizer.espeak.voices import API_VOICES, voice_spec

_TEXT = "Hello there. It is 25 past nine, isn't it? My e-mail is café@example.org — fine!  "


def _sound(chunks: list[Chunk]) -> Pcm:
    return np.concatenate([chunk.samples for chunk in chunks])


def test_the_chunks_say_the_whole_text() -> None:
    assert "".join(chunk.text for chunk in EspeakSynthesizer().stream(_TEXT)) == _TEXT


def test_sentence_sounds_the_same_in_every_process() -> None:
    # espeak-ng draws its breath noise from the clock unless it is told what to draw from.
    code = """
import hashlib, time
from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer
print(hashlib.sha256(b"".join(c.samples.tobytes() for c in EspeakSynthesizer().stream("What time is it?"))).hexdigest())
time.sleep(1.1)
"""
    said = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(said) == 1


@pytest.mark.parametrize("text", ["", "   ", "...", "\x00\u202e", "ok\x07", "😀", "a" * 2000, "word " * 300, "日本語"])
def test_odd_texts_raise_no_error(text: str) -> None:
    assert "".join(chunk.text for chunk in EspeakSynthesizer().stream(text)) == text


def test_words_arrive_with_their_sound() -> None:
    chunks = list(EspeakSynthesizer().stream("one two three four five six seven eight"))
    total = sum(chunk.samples.size for chunk in chunks)
    at = 0
    starts = {}
    for chunk in chunks:
        for word in chunk.text.split():
            starts[word] = at / total
        at += chunk.samples.size
    assert list(starts) == ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    # Eight words of about one length, the first ones clipped short: each begins near its eighth.
    for index, start in enumerate(starts.values()):
        assert abs(start - index / 8) < 0.17


def _colour(samples: Pcm) -> npt.NDArray[np.float64]:
    """Returns the mean spectrum: what tells one voice from another whatever the phase."""
    frames = samples[: samples.size // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024)
    spectrum: npt.NDArray[np.float64] = np.log(np.mean(np.abs(np.fft.rfft(frames)), axis=0)[:300] + 1)
    return spectrum


def _same(one: Pcm, other: Pcm) -> bool:
    # Not sample for sample: espeak carries phases over from the utterance before, of any session.
    alike = np.corrcoef(_colour(one), _colour(other))[0, 1]
    return bool(abs(one.size - other.size) < 0.03 * one.size and alike > 0.97)


def test_concurrent_streams_are_independent() -> None:
    synthesizer = EspeakSynthesizer()
    text = "First sentence here. Second sentence there. And a third one to end with."
    voices = [*API_VOICES, "somebody-else", "custom"]

    def said(voice: str) -> tuple[Pcm, str]:
        chunks = list(synthesizer.stream(text, voice=voice))
        return _sound(chunks), "".join(chunk.text for chunk in chunks)

    alone = {voice: said(voice)[0] for voice in voices}
    with ThreadPoolExecutor(len(voices)) as pool:
        together = dict(zip(voices, pool.map(said, voices), strict=True))
    for voice in voices:
        sound, spoken = together[voice]
        assert spoken == text
        assert _same(sound, alone[voice]), voice


def test_voices_sound_different() -> None:
    specs = {voice_spec(voice) for voice in API_VOICES}
    assert len(specs) == len(API_VOICES)
    sounds = {_sound(list(EspeakSynthesizer().stream("Hello.", voice=voice))).tobytes() for voice in API_VOICES}
    assert len(sounds) == len(API_VOICES)


def test_unknown_voice_name_always_sounds_the_same() -> None:
    assert voice_spec("voice_1234") == voice_spec("voice_1234")
    assert _sound(list(EspeakSynthesizer().stream("Hello.", voice="voice_1234"))).size > RATE_HZ // 10


@pytest.mark.parametrize(("slow", "fast"), [(0.25, 0.5), (0.5, 1.0), (1.0, 1.5)])
def test_speed_changes_the_pace(slow: float, fast: float) -> None:
    def length(speed: float) -> int:
        return _sound(list(EspeakSynthesizer().stream("This is how fast I speak now.", speed=speed))).size

    assert length(slow) > 1.2 * length(fast)


def test_a_stopped_stream_ends_at_once() -> None:
    stop = threading.Event()
    stream = EspeakSynthesizer().stream("A long sentence that will never be finished, I am afraid. " * 20, stop=stop)
    next(stream)
    stop.set()
    assert list(stream) == []


def test_a_closed_stream_frees_the_engine_for_others() -> None:
    synthesizer = EspeakSynthesizer()
    stream = synthesizer.stream("A long sentence that will never be finished, I am afraid. " * 20)
    next(stream)
    close = getattr(stream, "close")  # noqa: B009 - an Iterator by type, a generator in fact
    close()
    assert _sound(list(synthesizer.stream("Next, please."))).size > 0


def test_sentences_join_to_the_text() -> None:
    text = "One. Two! Three? " + "long, " * 100 + "x" * 700 + " end"
    pieces = sentences(text)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 240
