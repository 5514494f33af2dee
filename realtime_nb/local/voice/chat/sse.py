"""Decode server-sent events: bytes, cut anywhere, become the `data` of each event.

Owns the event framing. Sans-IO. Must not know what an event holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r")
_MOST_BYTES = 2**24
"""The longest unfinished line that is kept; a server that sends more has lost the framing."""


_MARK = b"\xef\xbb\xbf"  # a byte order mark, which may begin a stream
_LINE_BYTES = 64  # about what a kept line costs beside its text


class SseDecoder:
    """Decodes one stream.

    Lines end in CR LF, LF or CR. Comments and fields other than `data` are dropped: proxies send comments to keep a
    connection open.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the data of each event that is complete.

        Raises:
            ValueError: a line or an event is longer than any can be.
        """
        searched = max(len(self._rest) - 1, 0)  # a long line that grows is not searched again from its beginning
        self._rest += data
        done = 0
        for match in _LINE_END.finditer(self._rest, searched):
            # A CR at the very end may be the first half of CR LF.
            if match[0] == b"\r" and match.end() == len(self._rest):
                break
            yield from self._line(self._rest[done : match.start()])
            done = match.end()
        self._rest = self._rest[done:]
        if len(self._rest) > _MOST_BYTES:
            raise ValueError(f"a line of more than {_MOST_BYTES} bytes")

    def end(self) -> Iterator[str]:
        """Yield the last event, where the stream ended without the empty line that ends an event."""
        if self._rest:
            yield from self._line(self._rest.rstrip(b"\r"))
            self._rest = b""
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[str]:
        name, _, value = line.partition(b":")
        if name.removeprefix(_MARK) == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value) + _LINE_BYTES
            if self._size > _MOST_BYTES:
                raise ValueError(f"an event of more than {_MOST_BYTES} bytes")
        elif not line and self._data:
            # Whole lines only are decoded: a character may be cut between two reads.
            yield b"\n".join(self._data).decode("utf-8", "replace")
            self._data, self._size = [], 0
