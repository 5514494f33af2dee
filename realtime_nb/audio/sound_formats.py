"""Recognises the formats of sound files by their first bytes.

Owns the known formats and the endings of their files' names. Must not know how a format is read. It imports no numpy,
because a question in words is checked here, too: it may be the name of a file.
"""

from __future__ import annotations

from typing import NamedTuple

_WITH_LIBSNDFILE = ".wav .wave .bwf .rf64 .w64 .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .caf"
_OTHERS = ".m4a .aac .mp4 .webm .mka .wma .amr"
SUFFIXES = frozenset(f"{_WITH_LIBSNDFILE} {_OTHERS}".split())
"""The endings of sound files' names."""

LONGEST_HEAD = 64
"""How many bytes of a file tell its format."""


class Format(NamedTuple):
    """A format of sound files: its name, and whether soundfile reads it."""

    name: str
    with_extra: bool


def is_wav(head: bytes) -> bool:
    """Returns whether bytes begin as a WAV file does, RF64 included."""
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def format_of(head: bytes) -> Format | None:
    """Returns the format of a file other than WAV by its first bytes; None where they are no known sound."""
    for at, magic, name, with_extra in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return Format(name, with_extra)
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # the sync word of MPEG audio
        if head[1] & 0xF6 == 0xF0:
            return Format("AAC", with_extra=False)
        # A frame has a layer, a bit rate and a sample rate; other bytes, such as UTF-16's, lack one of them.
        if head[1] & 0x06 and head[2] & 0xF0 not in (0x00, 0xF0) and head[2] & 0x0C != 0x0C:
            return Format("MP3", with_extra=True)
    return None


def is_sound(head: bytes) -> bool:
    """Returns whether a file's first bytes are those of a sound file."""
    return is_wav(head) or format_of(head) is not None


# Position, first bytes, name, and whether soundfile reads it.
_MAGIC: tuple[tuple[int, bytes, str, bool], ...] = (
    (0, b"ID3", "MP3", True),
    (0, b"fLaC", "FLAC", True),
    (0, b"OggS", "Ogg", True),
    (0, b"RIFX", "WAV with its bytes swapped (RIFX)", False),
    (0, b"riff\x2e\x91\xcf\x11", "Wave64", True),
    (0, b".snd", "AU", True),
    (0, b"caff", "CAF", True),
    (8, b"AIFF", "AIFF", True),
    (8, b"AIFC", "AIFF", True),
    (4, b"ftyp", "M4A or MP4", False),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska", False),
    (0, b"\x30\x26\xb2\x75", "WMA", False),
    (0, b"#!AMR", "AMR", False),
)
