"""Repairs of a responder's stream: characters, empty messages, calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.reply_pieces import WholeCharacters, repaired
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


async def _repair(pieces: Sequence[ReplyPiece], *, one_call: bool = False, usage: list[Any] | None = None) -> list[Any]:
    async def stream() -> AsyncGenerator[ReplyPiece, None]:
        for piece in pieces:
            yield piece

    count = [].append if usage is None else usage.append
    return [piece async for piece in repaired(stream(), count=count, one_call=one_call)]


def _text(pieces: Sequence[ReplyPiece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


def _halves(text: str) -> str:
    """Write characters beyond the basic plane as two halves, as JSON does."""
    return "".join(
        chr(0xD800 + ((ord(char) - 0x10000) >> 10)) + chr(0xDC00 + ((ord(char) - 0x10000) & 0x3FF))
        if ord(char) > 0xFFFF
        else char
        for char in text
    )


@given(st.text(), st.lists(st.integers(0, 40)))
def test_halves_of_characters_join_wherever_they_were_cut(text: str, cuts: list[int]) -> None:
    halves = _halves(text)
    places = sorted({0, len(halves), *(cut % (len(halves) + 1) for cut in cuts)})
    characters = WholeCharacters()
    joined = "".join(characters.push(halves[a:b]) for a, b in pairwise(places))
    assert joined + characters.end() == text


@given(st.lists(st.text(st.characters())))
def test_any_text_can_be_encoded_after_the_repair(texts: list[str]) -> None:
    characters = WholeCharacters()
    ("".join(characters.push(text) for text in texts) + characters.end()).encode()


async def test_blank_lines_before_a_call_are_no_message() -> None:
    call: list[ReplyPiece] = [CallBegun("a", "c1"), CallArguments("{}"), CallEnded()]
    assert await _repair([TextPiece("\n"), TextPiece("\n"), *call]) == call


async def test_white_space_at_the_beginning_only_is_dropped() -> None:
    pieces = await _repair([TextPiece("\n\n "), TextPiece(" One"), TextPiece("\n"), TextPiece("two\n")])
    assert _text(pieces) == "One\ntwo\n"


async def test_a_huge_piece_is_cut_into_small_ones() -> None:
    text = "x" * 1_000_003
    pieces = await _repair([TextPiece(text)])
    assert _text(pieces) == text
    assert max(len(piece.text) for piece in pieces) <= 2_000


@pytest.mark.parametrize("arguments", [[], [""], [" ", "\n"]])
async def test_empty_arguments_become_an_empty_object(arguments: list[str]) -> None:
    pieces = await _repair([CallBegun("a"), *map(CallArguments, arguments), CallEnded()])
    assert "".join(piece.delta for piece in pieces if isinstance(piece, CallArguments)).strip() == "{}"


async def test_calls_after_the_first_are_dropped_where_one_is_allowed() -> None:
    pieces: list[ReplyPiece] = [
        CallBegun("a"),
        CallEnded(),
        CallBegun("b"),
        CallArguments("{}"),
        CallEnded(),
        TextPiece("Done."),
    ]
    kept = await _repair(pieces, one_call=True)
    assert [piece.name for piece in kept if isinstance(piece, CallBegun)] == ["a"]
    assert kept.count(CallEnded()) == 1
    assert _text(kept) == "Done."


async def test_usage_is_counted_and_not_passed_on() -> None:
    usage: list[ReplyUsage] = []
    assert await _repair([TextPiece("Hi"), ReplyUsage(3, 1)], usage=usage) == [TextPiece("Hi")]
    assert usage == [ReplyUsage(3, 1)]


async def test_a_cut_ends_the_reply_within_a_call() -> None:
    pieces: list[ReplyPiece] = [CallBegun("a"), CallArguments('{"x'), ReplyCut("max_output_tokens")]
    assert await _repair(pieces) == pieces


@pytest.mark.parametrize(
    "pieces",
    [
        [CallBegun("a"), CallArguments("{")],
        [CallArguments("{}")],
        [CallEnded()],
        [CallBegun("a"), CallBegun("b")],
        [CallBegun("a"), TextPiece("text"), CallEnded()],
    ],
)
async def test_a_stream_out_of_order_is_an_error(pieces: list[ReplyPiece]) -> None:
    with pytest.raises(ReplyError, match="answer"):
        await _repair(pieces)


_TERMINAL = "\x00One\x1b[31m two\x1b[0m\x07,\x1b]0;title\x07 th\x7free\x9b1m.\tFour\r\nfive\x85\x1b"


@given(st.lists(st.integers(0, len(_TERMINAL))))
async def test_what_a_terminal_acts_on_is_removed_wherever_a_piece_ends(cuts: list[int]) -> None:
    places = sorted({0, len(_TERMINAL), *cuts})
    pieces = [TextPiece(_TERMINAL[a:b]) for a, b in pairwise(places)]
    assert _text(await _repair(pieces)) == "One two, three.\tFour\r\nfive"


async def test_control_characters_in_arguments_are_removed() -> None:
    pieces: list[ReplyPiece] = [
        CallBegun("add"),
        CallArguments('{"a":\x00 "x\x1b"'),
        CallArguments("\x07}"),
        CallEnded(),
    ]
    joined = "".join(piece.delta for piece in await _repair(pieces) if isinstance(piece, CallArguments))
    assert joined == '{"a": "x"}'


@given(st.text(), st.lists(st.integers(0, 60)))
async def test_other_text_stays_wherever_a_piece_ends(text: str, cuts: list[int]) -> None:
    text = "x" + "".join(char for char in text if char.isprintable() or char in "\t\n")
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    assert _text(await _repair([TextPiece(text[a:b]) for a, b in pairwise(places)])) == text
