"""Put the pieces of a responder's stream in order: whole and plain characters, complete calls.

Owns these repairs, which every model needs now and then. Must not know events, sound, or how a model is asked.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from realtime_nb.local.voice.plain_text import PlainText, without_controls
from realtime_nb.local.voice.reply import (
    CallArguments,
    CallBegun,
    CallEnded,
    ReplyCut,
    ReplyError,
    ReplyPiece,
    ReplyUsage,
    TextPiece,
)

# Megabytes may come as one piece. The steps behind this one work on a piece without a pause, on the event loop.
_LONGEST = 2_000
_HALF = re.compile(r"[\ud800-\udfff]")


class WholeCharacters:
    """Joins the halves of a character that a stream cut apart; a half that stays alone becomes U+FFFD.

    A model's tokens may end within an emoji, and JSON can carry each half of a surrogate pair: such text has no UTF-8,
    so the event with it could not be sent.
    """

    def __init__(self) -> None:
        self._half = ""

    def push(self, text: str) -> str:
        """Return the next text; the first half of a pair at its end waits for the other one."""
        text, self._half = self._half + text, ""
        if not _HALF.search(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return _repaired(text)

    def end(self) -> str:
        """Return what waits."""
        text, self._half = self._half, ""
        return _repaired(text)


def _repaired(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


async def repaired(
    stream: AsyncGenerator[ReplyPiece, None], *, count: Callable[[ReplyUsage], None], one_call: bool
) -> AsyncGenerator[ReplyPiece, None]:
    """Yield the pieces of a reply, repaired.

    White space at the beginning of a message is dropped, and with it a message of nothing else: some models write blank
    lines before a call. Arguments that are empty become `{}`.

    Args:
        stream: the responder's; it is closed with this one.
        count: called with the model's token counts as soon as they come; they are not yielded.
        one_call: whether calls after the first are dropped.

    Raises:
        ReplyError: as the stream does, or because it ended within a call.
    """
    message = _Message()
    call: _Call | None = None
    calls = 0
    async with aclosing(stream):
        async for piece in stream:
            match piece:
                case ReplyUsage():
                    count(piece)
                case TextPiece() if call is None:
                    for text in message.push(piece.text):
                        yield TextPiece(text)
                case CallBegun() if call is None:
                    if text := message.end():
                        yield TextPiece(text)
                    calls += 1
                    call = _Call(piece.name, dropped=one_call and calls > 1)
                    if not call.dropped:
                        yield CallBegun(_repaired(piece.name), piece.call_id)
                case CallArguments() if call is not None:
                    for text in call.push(piece.delta):
                        yield CallArguments(text)
                case CallEnded() if call is not None:
                    if text := call.end():
                        yield CallArguments(text)
                    if not call.dropped:
                        yield piece
                    call = None
                case ReplyCut():
                    if text := message.end():
                        yield TextPiece(text)
                    yield piece
                    return
                case _:
                    raise ReplyError(f"The model's answer has a {type(piece).__name__} out of place.")
    if text := message.end():
        yield TextPiece(text)
    if call is not None and not call.dropped:
        raise ReplyError(f"The model's answer ended within its call of {call.name!r}.", code="incomplete_call")


class _Message:
    def __init__(self) -> None:
        self._characters = WholeCharacters()
        self._plain = PlainText()
        self._begun = False

    def push(self, text: str) -> Iterator[str]:
        text = self._plain.push(self._characters.push(text))
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return _parts(text)

    def end(self) -> str:
        self._begun = False
        return self._plain.push(self._characters.end()) + self._plain.end()


class _Call:
    def __init__(self, name: str, *, dropped: bool) -> None:
        self.name = name
        self.dropped = dropped
        self._characters = WholeCharacters()
        self._empty = True

    def push(self, delta: str) -> Iterator[str]:
        # Within JSON, control characters are escapes; one as it is makes a text that no parser takes.
        text = "" if self.dropped else without_controls(self._characters.push(delta))
        self._empty = self._empty and not text.strip()
        return _parts(text)

    def end(self) -> str:
        text = self._characters.end()
        return text if self.dropped or text or not self._empty else "{}"


def _parts(text: str) -> Iterator[str]:
    return (text[start : start + _LONGEST] for start in range(0, len(text), _LONGEST))
