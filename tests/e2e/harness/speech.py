"""Makes speech for the fake microphone with espeak-ng and sox: 48 kHz, mono, 16 bit, with silence around it.

Owns the WAV files of a test run. When a page opens the microphone, Chromium plays the file from its beginning, in a
loop, so every file ends with a long silence.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest


class Speech:
    """Makes WAV files in `folder`, each one once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def say(self, *parts: str | float, tail_s: float = 90, voice: str = "en-us", words_a_minute: int = 150) -> Path:
        """Return a file with the strings as speech and the numbers as pauses in seconds, after 0.5 s of silence."""
        for tool in ("espeak-ng", "sox"):
            if shutil.which(tool) is None:
                pytest.fail(f"the microphone's speech needs {tool}: apt-get install espeak-ng sox")
        recipe = repr((parts, tail_s, voice, words_a_minute))
        name = hashlib.sha256(recipe.encode()).hexdigest()[:16]
        target = self._folder / f"{name}.wav"
        if target.exists():
            return target
        pieces: list[Path] = []
        for number, part in enumerate((0.5, *parts, tail_s)):
            piece = self._folder / f"{name}-{number}.wav"
            if isinstance(part, str):
                raw = piece.with_suffix(".raw.wav")
                _run("espeak-ng", "-v", voice, "-s", str(words_a_minute), "-w", str(raw), part)
                _run("sox", "-D", str(raw), "-r", "48000", "-c", "1", "-b", "16", str(piece), "gain", "-n", "-6")
                raw.unlink()
            else:
                _run("sox", "-D", "-n", "-r", "48000", "-c", "1", "-b", "16", str(piece), "trim", "0", str(part))
            pieces.append(piece)
        _run("sox", "-D", *map(str, pieces), str(target))
        for piece in pieces:
            piece.unlink()
        return target


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
