"""A host of model files for tests, and a stand-in for faster-whisper, which the tests do not install.

Owns a Whisper model that "recognises" the words in its own file, so that a recognised question proves that the file
came. The server's process downloads it for real. `python -m tests.models` runs the real models.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.speech_server import Answer, Request, SpeechServer, speech_server

WORDS = "Please open the window."
"""The words that the model hears in any sound."""
SIZE = 8_000_000
_STEP = 200_000
_ROOT = "/Systran/faster-whisper-tiny.en/resolve/main"
_MODEL = WORDS.encode() + b"\n" + bytes(SIZE - len(WORDS) - 1)

_WHISPER = """
from pathlib import Path
from types import SimpleNamespace

class WhisperModel:
    supported_languages = ["en"]

    def __init__(self, folder, **options):
        self.words = (Path(folder) / "model.bin").read_bytes().partition(b"\\n")[0].decode()
        self.model = SimpleNamespace(is_multilingual=False)

    def transcribe(self, sound, **options):
        found = SimpleNamespace(
            text=self.words, tokens=[1] * 5, avg_logprob=-0.1, no_speech_prob=0.0, compression_ratio=1.0
        )
        return iter([found]), None
"""
_VAD = """
class VadOptions:
    def __init__(self, **options): pass

def get_speech_timestamps(sound, options, **more):
    return [1]
"""


@dataclass
class ModelHost:
    """A running host of the model `whisper:tiny.en`.

    Attributes:
        stand_in: the folder to import the stand-in from.
        environment: the variables with which a process downloads from it, and imports the stand-in.
        status: of its answers; anything but 200 is a failure.
        rest: the second half of the model is sent once this is set.
    """

    stand_in: Path
    environment: dict[str, str]
    status: int = 200
    rest: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)

    def cell(self) -> str:
        """Return the source of a notebook's cell after which the kernel uses this host and the stand-in."""
        return f"import os, sys; os.environ.update({self.environment!r}); sys.path.insert(0, {str(self.stand_in)!r})"


@contextmanager
def model_host(folder: Path) -> Iterator[ModelHost]:
    """Serve the model, and write the stand-in and the cache below `folder`."""
    package = folder / "stand-in" / "faster_whisper"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_WHISPER)
    (package / "vad.py").write_text(_VAD)

    def model(request: Request) -> Answer:
        if host.status != 200:
            return Answer(host.status)
        return Answer(blocks=() if request.method == "HEAD" else halves(), length=SIZE)

    def halves() -> Iterator[bytes]:
        half = SIZE // 2
        for at in range(0, half, _STEP):  # slowly, as progress is reported twice a second
            yield _MODEL[at : at + _STEP]
            host.rest.wait(0.1)
        host.rest.wait(120)
        yield _MODEL[half:]

    small = {
        f"{_ROOT}/{name}": lambda _: Answer(blocks=[b"{}"], length=2) for name in ("config.json", "tokenizer.json")
    }
    server: SpeechServer
    with speech_server({**small, f"{_ROOT}/model.bin": model}) as server:
        paths = [str(package.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        variables = {
            "HF_ENDPOINT": server.url,
            "REALTIME_NB_CACHE": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        host = ModelHost(package.parent, variables, requests=server.requests)
        try:
            yield host
        finally:
            host.rest.set()
