"""The strings that choose a recogniser and a voice, and the errors for wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.local.voice import part_spec
from realtime_nb.local.voice.part_spec import PartSpec, recognizer_spec, synthesizer_spec


@pytest.fixture(autouse=True)
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_spec, "installed", lambda *_: True)


@pytest.mark.parametrize(
    ("text", "spec", "short"),
    [
        ("commands", PartSpec("commands"), "commands"),
        ("whisper:base.en", PartSpec("whisper", "base.en"), "whisper base.en"),
        ("http://localhost:8000/v1/", PartSpec("http", "http://localhost:8000/v1"), "localhost:8000"),
        ("https://h/v1#model=a%2Fb", PartSpec("http", "https://h/v1", "a/b"), "a/b"),
    ],
)
def test_recognizers(text: str, spec: PartSpec, short: str) -> None:
    assert recognizer_spec(text) == spec
    assert spec.short_name == short


@pytest.mark.parametrize(
    ("text", "spec", "short"),
    [
        ("espeak", PartSpec("espeak"), "espeak"),
        ("piper:en_US-joe-medium", PartSpec("piper", "en_US-joe-medium"), "piper joe"),
        (
            "http://localhost:8880/v1#model=kokoro&voice=af_heart",
            PartSpec("http", "http://localhost:8880/v1", "kokoro", "af_heart"),
            "kokoro",
        ),
    ],
)
def test_synthesizers(text: str, spec: PartSpec, short: str) -> None:
    assert synthesizer_spec(text) == spec
    assert spec.short_name == short


def test_folder_and_file_are_taken_by_path(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json"):
        (tmp_path / name).write_text("{}")
    assert recognizer_spec(f"whisper:{tmp_path}") == PartSpec("whisper", str(tmp_path))
    voice = tmp_path / "de_DE-thorsten-high.onnx"
    voice.touch()
    voice.with_name(voice.name + ".json").write_text('{"phoneme_id_map": {}}')
    assert synthesizer_spec(f"piper:{voice}").short_name == "piper thorsten"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is none of"),
        ("wisper:base", "Did you mean 'whisper:base.en'"),
        ("whisper", "no Whisper model has this name"),
        ("whisper:bse.en", "Did you mean 'whisper:base.en'"),
        ("whisper:/no/such/folder", "there is no such folder"),
        ("whisper:.", "the folder has no model.bin"),
        ("http://", "names a host"),
        ("http://me:secret@host/v1", "stt_key="),
        ("http://host/v1?key=secret", "stt_key="),
        ("http://host/v1#voice=x", "model=NAME"),
        ("http://host/v1#small", "model=NAME"),
        ("http://host:port/v1", "not a URL"),
    ],
)
def test_wrong_recognizer_is_refused_with_the_next_step(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        recognizer_spec(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("commands", "is none of"),
        ("piper:joe", "LANGUAGE-NAME-QUALITY"),
        ("piper:/no/such/voice.onnx", "no such file"),
        ("https://me:secret@host/v1", "tts_key="),
    ],
)
def test_wrong_voice_is_refused_with_the_next_step(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        synthesizer_spec(text)
    assert "secret" not in str(caught.value)


def test_file_that_is_no_voice_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "voice.wav"
    other.touch()
    with pytest.raises(ConfigError, match=r"an \.onnx file"):
        synthesizer_spec(f"piper:{other}")
    voice = tmp_path / "voice.onnx"
    voice.touch()
    with pytest.raises(ConfigError, match="is missing beside it"):
        synthesizer_spec(f"piper:{voice}")
    beside = tmp_path / "voice.onnx.json"
    for content, expected in (("no", "is not JSON"), ("[]", "phoneme_id_map"), ("{}", "phoneme_id_map")):
        beside.write_text(content)
        with pytest.raises(ConfigError, match=expected):
            synthesizer_spec(f"piper:{voice}")


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_spec, "installed", lambda *_: False)
    with pytest.raises(ConfigError, match=r"pip install 'realtime-nb\[whisper\]'"):
        recognizer_spec("whisper:base.en")
    with pytest.raises(ConfigError, match=r"pip install 'realtime-nb\[piper\]'"):
        synthesizer_spec("piper:en_US-joe-medium")
    with pytest.raises(ConfigError, match=r"pip install 'realtime-nb\[local\]'"):
        synthesizer_spec("espeak")
