"""Saves a conversation to a file; the ending of the file's name chooses the format.

Owns the formats. Must not know widgets or events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.wav import write_wav
from realtime_nb.conversation import Turn
from realtime_nb.conversation.turn import as_text
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.recording.page import to_html

_PAUSE = np.zeros(RATE_HZ // 4, np.int16)


def save(turns: Sequence[Turn], path: str | Path) -> Path:
    """Writes a conversation; the ending of `path` chooses the format.

    `.html` is a page with players, `.txt` and `.md` are the transcript, `.json` holds every turn without its audio, and
    `.wav` is the audio of all turns, one after the other, at 24 kHz.

    Returns:
        the path.

    Raises:
        ConfigError: another ending.
        AudioError: a `.wav` of a conversation without audio.
    """
    target = Path(path).expanduser()
    write = _FORMATS.get(target.suffix.lower())
    if write is None:
        raise ConfigError(f"{str(path)!r} should end in one of {', '.join(_FORMATS)}: the ending chooses the format.")
    write(turns, target)
    return target


def _html(turns: Sequence[Turn], path: Path) -> None:
    page = f'<!doctype html><html><head><meta charset="utf-8"><title>Conversation</title></head><body>{to_html(turns)}'
    path.write_text(f"{page}</body></html>", encoding="utf-8")


def _text(turns: Sequence[Turn], path: Path) -> None:
    path.write_text(f"{as_text(turns)}\n" if turns else "", encoding="utf-8")


def _json(turns: Sequence[Turn], path: Path) -> None:
    path.write_text(json.dumps([_facts(turn) for turn in turns], indent=1, ensure_ascii=False), encoding="utf-8")


def _facts(turn: Turn) -> dict[str, Any]:
    names = (
        "item_id",
        "response_id",
        "role",
        "text",
        "heard_text",
        "status",
        "started_at",
        "audio_ms",
        "note",
        "images",
    )
    return {
        **{name: getattr(turn, name) for name in names},
        "latency": asdict(turn.latency),
        "usage": asdict(turn.usage) if turn.usage is not None else None,
        "tool_calls": [asdict(call) for call in turn.tool_calls],
    }


def _wav(turns: Sequence[Turn], path: Path) -> None:
    clips = [turn.audio.exported() for turn in turns if turn.audio is not None]
    if not clips:
        raise AudioError("This conversation has no sound to save; '.txt' and '.html' take its text.")
    write_wav(path, np.concatenate([piece for clip in clips for piece in (clip, _PAUSE)]), RATE_HZ)


_FORMATS: dict[str, Callable[[Sequence[Turn], Path], None]] = {
    ".html": _html,
    ".txt": _text,
    ".md": _text,
    ".json": _json,
    ".wav": _wav,
}
