"""Models that are downloaded at first use, from a real HTTP server in the place of the public one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime_nb.local.recognizer_process import RecognizerProcess
from realtime_nb.local.voice.download import DownloadError, Progress, cache_folder, fetch_files
from realtime_nb.local.voice.part_spec import PartSpec
from realtime_nb.local.voice.synthesizer.piper.synthesizer import PiperSynthesizer, voice_file
from tests.integration.raw_client import speech
from tests.integration.speech_server import Answer, Request, speech_server

_JOE = "/rhasspy/piper-voices/resolve/main/en/en_US/joe/medium/en_US-joe-medium.onnx"
_MODEL = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("REALTIME_NB_CACHE", str(tmp_path))
    return tmp_path


def _file(content: bytes) -> Answer:
    return Answer(blocks=[content[:1000], content[1000:]], length=len(content))


def test_named_voice_is_downloaded_once_with_its_size_and_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.dumps({"phoneme_id_map": {}}).encode()
    with speech_server({_JOE: lambda _: _file(_MODEL), f"{_JOE}.json": lambda _: _file(config)}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        reports: list[Progress] = []
        path = voice_file("en_US-joe-medium", reports.append)
        assert path.read_bytes() == _MODEL
        assert path.with_name(path.name + ".json").read_bytes() == config
        total = len(_MODEL) + len(config)
        assert (reports[0].done, reports[0].total, reports[0].state) == (0, total, "loading")
        assert reports[0].message == "Downloading piper joe: 0.0 of 1.0 MB, once."
        assert (reports[-1].done, reports[-1].state) == (total, "ready")
        before = len(server.requests)
        assert voice_file("en_US-joe-medium") == path
        assert len(server.requests) == before
    assert not list(cache_folder().rglob("*.part"))


@pytest.mark.parametrize("cut", [Answer(blocks=[_MODEL[:5000]], length=len(_MODEL)), Answer(404), Answer(503)])
def test_broken_download_names_the_next_step_and_is_tried_again(monkeypatch: pytest.MonkeyPatch, cut: Answer) -> None:
    answers = {_JOE: lambda request: _file(_MODEL) if request.method == "HEAD" and cut.status == 200 else cut}
    answers[f"{_JOE}.json"] = lambda _: _file(b"{}")
    with speech_server(answers) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        reports: list[Progress] = []
        with pytest.raises(DownloadError, match=r"could not be downloaded.*tts='piper:/path/to/voice.onnx'") as caught:
            voice_file("en_US-joe-medium", reports.append)
        assert server.url in str(caught.value)
        assert reports[-1] == Progress("piper joe", 0, 0, "failed", str(caught.value))
        assert not list(cache_folder().rglob("*.onnx"))  # half a file does not look like a voice
        server.answers[_JOE] = lambda _: _file(_MODEL)
        assert voice_file("en_US-joe-medium").read_bytes() == _MODEL


def test_optional_files_may_be_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with speech_server({"/a/b/resolve/main/model.bin": lambda _: _file(_MODEL)}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        folder = fetch_files(
            "m", "a/b", ["model.bin"], optional=["x.txt"], folder=tmp_path / "m", remedy="", report=lambda _: None
        )
    assert sorted(path.name for path in folder.iterdir()) == [".complete", "model.bin"]


async def test_speech_does_not_wait_for_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"x"
        going_on.wait(60)

    def answer(request: Request) -> Answer:
        return Answer(blocks=() if request.method == "HEAD" else slow(), length=10_000_000)

    root = "/Systran/faster-whisper-tiny.en/resolve/main"
    with speech_server({f"{root}/{name}": answer for name in ("config.json", "tokenizer.json", "model.bin")}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        loading = asyncio.Event()
        recognizer = RecognizerProcess(PartSpec("whisper", "tiny.en"), lambda _: loading.set())
        try:
            first = asyncio.create_task(recognizer.recognize(speech("Hello.")))  # waits when the download begins
            await loading.wait()
            for asking in (first, recognizer.recognize(speech("Hello."))):
                with pytest.raises(RuntimeError, match=r"Downloading whisper tiny.en: .* of 30 MB, once. Try again"):
                    await asking
        finally:
            going_on.set()
            await recognizer.close()


def test_answer_does_not_wait_for_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    going_on, loading = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"x"
        going_on.wait(60)

    answers = {path: lambda request: Answer(blocks=slow(), length=10_000_000) for path in (_JOE, f"{_JOE}.json")}
    with speech_server(answers) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        voice = PiperSynthesizer("en_US-joe-medium", report=lambda _: loading.set())
        warming = threading.Thread(target=lambda: suppressed(voice.warm))
        warming.start()
        assert loading.wait(30)
        with pytest.raises(DownloadError, match=r"Downloading piper joe: .* of 20 MB, once. Try again"):
            list(voice.stream("Hello."))
        going_on.set()
        warming.join()


def suppressed(call: Callable[[], None]) -> None:
    with contextlib.suppress(DownloadError):
        call()


async def test_recognition_without_its_model_fails_with_the_next_step_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with speech_server({}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        reports: list[Progress] = []
        recognizer = RecognizerProcess(PartSpec("whisper", "tiny.en"), reports.append)
        try:
            for _ in range(2):
                with pytest.raises(RuntimeError, match=r"^whisper tiny.en could not be.*404.*stt='whisper:/path"):
                    await recognizer.recognize(speech("Hello."))
        finally:
            await recognizer.close()
    assert [report.state for report in reports] == ["failed", "failed"]
