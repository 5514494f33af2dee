from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.chat.sse import SseDecoder
from tests.unit.local.voice.chat.cuts import cut_anywhere


def _decoded(pieces: list[bytes]) -> list[str]:
    decoder = SseDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.end()]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\ndata:b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]),
        (b": comment\n\nevent: error\nid: 3\ndata: a\n\n", ["a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: unfinished", ["unfinished"]),
        (b"data: \xc3\xa9\xff\n\n", ["é�"]),
        (b"data:  two spaces\n\n", [" two spaces"]),
        (b"", []),
    ],
)
def test_events(data: bytes, events: list[str]) -> None:
    assert _decoded([data]) == events


_LINES = st.lists(st.sampled_from([b"data: caf\xc3\xa9", b"data:x", b": ping", b"", b"event: e", b"data: {}"]))
_ENDS = st.sampled_from([b"\n", b"\r\n"])


@given(st.tuples(_LINES, _ENDS).flatmap(lambda given: cut_anywhere(st.just(given[1].join([*given[0], b"", b""])))))
def test_cuts_change_nothing(pieces: list[bytes]) -> None:
    assert _decoded(pieces) == _decoded([b"".join(pieces)])


def test_line_without_an_end_is_refused() -> None:
    decoder = SseDecoder()
    list(decoder.feed(b"x" * 2**24))
    with pytest.raises(ValueError, match="a line of more than"):
        list(decoder.feed(b"x"))


def test_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert list(SseDecoder().feed(b"\xef\xbb\xbfdata: one\n\ndata: two\n\n")) == ["one", "two"]
