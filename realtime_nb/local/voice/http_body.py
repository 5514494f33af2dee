"""Read the beginning of a response's body: servers of users may send any amount.

Owns the bound, and that no part of a key stands at the cut. Must not know what a body means.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable

_LONGEST_WORD = 8192


async def beginning(source: AsyncIterable[bytes], most: int, first: bytes = b"") -> str:
    """Return the text of a body, of which at most `most` bytes are read; `first` is what was read before.

    A word that the bound cuts is left out: it may be the beginning of a key, which nothing would recognise.
    """
    pieces, size = [first], len(first)
    if size <= most:
        async for data in source:
            pieces.append(data)
            size += len(data)
            if size > most:
                break
    return _text(b"".join(pieces), most)


def beginning_of(source: Iterable[bytes], most: int) -> str:
    """Return the same of a blocking source."""
    pieces, size = [], 0
    for data in source:
        pieces.append(data)
        size += len(data)
        if size > most:
            break
    return _text(b"".join(pieces), most)


def _text(body: bytes, most: int) -> str:
    if len(body) <= most:
        return body.decode("utf-8", "replace")
    body = body[:most]
    least = max(len(body) - _LONGEST_WORD, 0)
    cut = max(body.rfind(space, least) for space in (b" ", b"\n", b"\t", b"\r"))
    return body[: cut if cut >= 0 else least].decode("utf-8", "replace")
