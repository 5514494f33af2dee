"""Saves a conversation to a file; the ending of the file's name chooses the format.

Owns the formats. Must not know widgets or events.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.wav import wav_bytes
from realtime_nb.conversation import Turn
from realtime_nb.conversation.plain_text import indented, printable
from realtime_nb.conversation.turn import SPEAKERS, as_text, shown_text
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.recording.page import to_html
from realtime_nb.replace_file import replace_file

# What Markdown reads as markup anywhere, and at the beginning of a line.
_MARKUP = re.compile(r"[\\`*_\[\]|~]")
_MARKUP_AT_START = re.compile(r"(?m)^([ \t]*(?:\d+(?=[.)]))?)([#+\-=.):])")

_PAUSE = np.zeros(RATE_HZ // 4, np.int16)


def save(turns: Sequence[Turn], path: str | Path) -> Path:
    """Writes a conversation; the ending of `path` chooses the format.

    `.html` is a page with players, `.txt` and `.md` are the transcript, `.json` holds every turn without its audio, and
    `.wav` is the audio of all turns, one after the other, at 24 kHz. A file of that name is replaced when the new one
    is whole.

    Returns:
        the path.

    Raises:
        ConfigError: another ending.
        AudioError: a `.wav` of a conversation without audio.
        OSError: the file cannot be written; the old one stays.
    """
    target = Path(path).expanduser()
    written = _FORMATS.get(target.suffix.lower())
    if written is None:
        raise ConfigError(f"{str(path)!r} should end in one of {', '.join(_FORMATS)}: the ending chooses the format.")
    replace_file(target, written(turns))
    return target


def _html(turns: Sequence[Turn]) -> bytes:
    page = f'<!doctype html><html><head><meta charset="utf-8"><title>Conversation</title></head><body>{to_html(turns)}'
    return _encoded(f"{page}</body></html>")


def _text(turns: Sequence[Turn]) -> bytes:
    return _encoded(f"{as_text(turns)}\n" if turns else "")


def _markdown(turns: Sequence[Turn]) -> bytes:
    """Writes a paragraph for each turn, in which no text is markup; its further lines are a quotation."""
    paragraphs = [f"{SPEAKERS[turn.role]}: {indented(_without_markup(shown_text(turn)), '> ')}\n" for turn in turns]
    return _encoded("\n".join(paragraphs))


def _without_markup(text: str) -> str:
    escaped = html.escape(_MARKUP.sub(r"\\\g<0>", printable(text)), quote=False)
    return _MARKUP_AT_START.sub(r"\1\\\2", escaped)


def _json(turns: Sequence[Turn]) -> bytes:
    return _encoded(json.dumps([_facts(turn) for turn in turns], indent=1, ensure_ascii=False))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a server's text may hold half of a surrogate pair


def _facts(turn: Turn) -> dict[str, Any]:
    names = (
        "item_id",
        "response_id",
        "role",
        "text",
        "heard_text",
        "status",
        "audio_ms",
        "note",
        "images",
    )
    return {
        **{name: getattr(turn, name) for name in names},
        "started_at": turn.started_at.isoformat(timespec="milliseconds") if turn.started_at is not None else None,
        "latency": asdict(turn.latency),
        "usage": asdict(turn.usage) if turn.usage is not None else None,
        "tool_calls": [asdict(call) for call in turn.tool_calls],
    }


def _wav(turns: Sequence[Turn]) -> bytes:
    clips = [turn.audio.exported() for turn in turns if turn.audio is not None]
    if not clips:
        raise AudioError("This conversation has no sound to save; '.txt' and '.html' take its text.")
    return wav_bytes(np.concatenate([piece for clip in clips for piece in (clip, _PAUSE)]), RATE_HZ)


_FORMATS: dict[str, Callable[[Sequence[Turn]], bytes]] = {
    ".html": _html,
    ".txt": _text,
    ".md": _markdown,
    ".json": _json,
    ".wav": _wav,
}
