"""Checks recognition, speech and answers with real models: `python -m tests.models --weights FOLDER`.

It needs `pip install 'realtime-nb[local,whisper,piper]'`. The weights are fetched once, pinned by hash (`weights.py`).
The language model is the one that REALTIME_NB_CHAT_URL and REALTIME_NB_CHAT_MODEL name; without them SmolLM2 runs
behind `llama_cpp.server` of the interpreter `--llama PYTHON` (pip install 'llama-cpp-python[server]'), and without that
the part is left out. The exit status is 1 where a check fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from realtime_nb.local import LocalServer
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.recognizer_process import RecognizerProcess
from realtime_nb.local.voice.part_spec import PartSpec, installed
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm
from realtime_nb.local.voice.synthesizer.piper.synthesizer import PiperSynthesizer
from tests.models.chat_process import llama_server
from tests.models.conversation import SILENCE_MS, Turn, session, spoken_turn
from tests.models.sentences import SENTENCES, word_errors, words_of
from tests.models.sounds import without_speech
from tests.models.weights import PIPER, SMOLLM, WHISPER, fetched

_WORST = 0.1
_WORST_ANSWER = 0.34  # a small model's answers have names and rare words
_INSTRUCTIONS = (
    "You are a cook. Answer in one short sentence, and speak about food only.",
    "You are an astronaut. Answer in one short sentence, and speak about space only.",
)
_QUESTION = "Please tell me, what do you like most?"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _verdict(ok: bool) -> str:
    return "ok" if ok else "FAILED"


def spoken(voice: PiperSynthesizer, text: str) -> Pcm:
    """Return a text as sound between two silences."""
    pause = np.zeros(RATE_HZ // 5, np.int16)
    return np.concatenate([pause, *(chunk.samples for chunk in voice.stream(text)), pause])


async def _recognition(recognizer: RecognizerProcess, voice: PiperSynthesizer) -> bool:
    _say("recognition of 15 sentences, spoken by the voice")
    errors = total = 0
    took = length = 0.0
    for sentence in SENTENCES:
        sound = spoken(voice, sentence)
        begin = time.perf_counter()
        heard = await recognizer.recognize(sound)
        took += time.perf_counter() - begin
        length += sound.size / RATE_HZ
        wrong = word_errors(sentence, heard.text)
        errors, total = errors + wrong, total + len(words_of(sentence))
        if wrong or not heard.understood:
            _say(f"     {sentence!r} -> {heard.text!r}{'' if heard.understood else ', not understood'}")
    rate = errors / total
    ok = rate < _WORST
    _say(f"     word error rate {rate:.3f} ({errors} of {total} words); {took / len(SENTENCES):.2f} s a sentence of "
         f"{length / len(SENTENCES):.1f} s  {_verdict(ok)}")  # fmt: skip
    return ok


async def _silence(recognizer: RecognizerProcess) -> bool:
    _say("sounds without speech are not understood")
    good = True
    for name, sound in without_speech().items():
        heard = await recognizer.recognize(sound)
        good = good and not heard.understood
        _say(f"     {name}: {'not understood' if not heard.understood else f'UNDERSTOOD as {heard.text!r}'}")
    return good


def _speech(voice: PiperSynthesizer) -> bool:
    begin = time.perf_counter()
    first = length = 0.0
    text = ""
    for chunk in voice.stream(SENTENCES[3]):
        first = first or time.perf_counter() - begin
        length += chunk.samples.size / RATE_HZ
        text += chunk.text
    took = time.perf_counter() - begin
    ok = text == SENTENCES[3] and length > 1
    _say(f"speech: first sound after {first:.2f} s, {length:.1f} s of sound in {took:.2f} s  {_verdict(ok)}")
    return ok


@contextlib.contextmanager
def _chat(arguments: argparse.Namespace) -> Iterator[ModelOptions | None]:
    parts = {
        "stt": f"whisper:{fetched(WHISPER, arguments.weights)}",
        "tts": f"piper:{fetched(PIPER, arguments.weights)}",
        "options": {"temperature": 0},
    }
    named = ModelOptions.from_environment(parts) if os.environ.get("REALTIME_NB_CHAT_URL") else None
    if named is not None:
        yield named.resolved()
    elif arguments.llama is not None:
        with llama_server(arguments.llama, fetched(SMOLLM, arguments.weights)) as url:
            yield ModelOptions(chat_url=url, chat_model=Path(SMOLLM.inside).stem, **parts)  # type: ignore[arg-type]
    else:
        yield None


async def _conversation(models: ModelOptions, recognizer: RecognizerProcess, voice: PiperSynthesizer) -> bool:
    question = spoken(voice, _QUESTION)
    turns: list[Turn] = []
    async with LocalServer(models=models) as server:
        _say(f"local server: {server.label}")
        url = server.url
        async with session(url, _INSTRUCTIONS[0]) as socket:  # loads every model
            await spoken_turn(socket, question)
        for instructions in (*_INSTRUCTIONS, _INSTRUCTIONS[0]):
            async with session(url, instructions) as socket:
                turns.append(await spoken_turn(socket, question))
    _say(f"spoken turns with {models.chat_model} (instructions -> heard -> answer)")
    good = True
    for instructions, turn in zip((*_INSTRUCTIONS, _INSTRUCTIONS[0]), turns, strict=True):
        back = await recognizer.recognize(turn.sound)
        share = word_errors(turn.answer, back.text) / max(1, len(words_of(turn.answer)))
        complete = turn.status.startswith(("completed", "incomplete"))
        said = complete and bool(turn.answer) and share <= _WORST_ANSWER
        good = good and said
        _say(f"     {instructions!r}\n       -> {turn.heard!r}\n       -> {turn.answer!r} ({turn.status})")
        _say(f"       the sound, recognised: {back.text!r}, word error rate {share:.2f}  {_verdict(said)}")
        rest = turn.sounded_s - turn.recognised_s
        _say(
            f"       end of speech to first sound {turn.sounded_s:.2f} s: turn detection {turn.detected_s:.2f} "
            f"({SILENCE_MS} ms of silence), recognition {turn.recognised_s - turn.detected_s:.2f}, "
            f"language model and voice {rest:.2f}"
        )
    changed = turns[0].answer != turns[1].answer
    _say(f"     other instructions, another answer  {_verdict(changed)}")
    return good and changed


async def _run(arguments: argparse.Namespace) -> bool:
    voice = PiperSynthesizer(str(fetched(PIPER, arguments.weights)))
    recognizer = RecognizerProcess(PartSpec("whisper", str(fetched(WHISPER, arguments.weights))))
    voice.warm()
    await recognizer.warm()
    try:
        results = [await _recognition(recognizer, voice), await _silence(recognizer), _speech(voice)]
        with _chat(arguments) as models:
            if models is None:
                _say("spoken turns: left out, without --llama and REALTIME_NB_CHAT_URL")
            else:
                results.append(await _conversation(models, recognizer, voice))
    finally:
        await recognizer.close()
    return all(results)


def main() -> int:
    """Run the checks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.models", description=__doc__)
    default = Path(tempfile.gettempdir()) / "realtime-nb-weights"
    parser.add_argument("--weights", type=Path, default=default, help="keeps the weights; default: %(default)s")
    parser.add_argument("--llama", metavar="PYTHON", help="an interpreter with llama-cpp-python[server]")
    arguments = parser.parse_args()
    missing = [name for name in ("faster_whisper", "onnxruntime", "espeakng_loader") if not installed(name)]
    if missing:
        _say(f"{', '.join(missing)} missing: pip install 'realtime-nb[local,whisper,piper]'")
        return 1
    return 0 if asyncio.run(_run(arguments)) else 1


if __name__ == "__main__":
    sys.exit(main())
