"""The written text appears along with its sound: all of it, and no word before its chunk."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.speakable import SpeechFilter
from tests.unit.local.voice.test_speakable import SAID


def along(written: str) -> list[str]:
    """The written text for each spoken word, and the rest."""
    said = SpeechFilter().say(written)
    words = said.words()
    return [*(words.begun(word) for word in re.findall(r"\s*\S+", said.spoken)), words.rest()]


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("Hello there.", ["Hello", " there.", ""]),
        ("**Hello** there 🎉.", ["**Hello**", " there 🎉.", ""]),
        ("Great! 🎉 Next", ["Great!", " 🎉 Next", ""]),
        ("Go to https://a.com/b now", ["Go", " to", "", "", " https://a.com/b", " now", ""]),
        ("See [the docs](http://x.y) now", ["See", " [the", " docs](http://x.y)", " now", ""]),
        ("Look:\n```py\nx\n```\nDone", ["Look:", "\n```py\nx\n```\nDone", ""]),
        ("my_var is", ["my_", "var", " is", ""]),
        ("🎉", ["🎉"]),
        ("Cafe\u0301 ok", ["Cafe\u0301", " ok", ""]),
    ],
)
def test_gives_the_written_text_for_each_spoken_word(written: str, parts: list[str]) -> None:
    assert along(written) == parts


def test_text_of_a_chunk_may_be_empty_or_longer_than_the_piece() -> None:
    words = SpeechFilter().say("**One** two").words()
    assert [words.begun(""), words.begun("One two three four"), words.begun("five"), words.rest()] == [
        "",
        "**One** two",
        "",
        "",
    ]


_TEXTS = st.text() | st.lists(st.sampled_from([*SAID, "\n", " "])).map("".join)


@given(_TEXTS, st.lists(st.integers(0, 300), max_size=20))
def test_parts_joined_are_the_written_text(written: str, cuts: list[int]) -> None:
    said = SpeechFilter().say(written)
    words = said.words()
    places = [0, *sorted(cuts), len(said.spoken)]
    parts = [words.begun(said.spoken[a:b]) for a, b in itertools.pairwise(places)]
    assert "".join([*parts, words.rest()]) == written


_AROUND = ["{}", "**{}**", "*{}*", "`{}`", "{}.", "[{}](http://u.v)", "🎉 {}", "{} 🎉", "{}[1]", "{}, https://a.com/b"]
_LINES = ["\n- {}", "\n## {}", "<b>{}</b>", "| {} |", "\n```\nx\n```\n{}", "$x$ {}"]
_MARKED = st.sampled_from(_AROUND + _LINES)


@given(st.lists(_MARKED, min_size=1, max_size=20))
def test_no_word_appears_before_its_sound_nor_much_after(marks: list[str]) -> None:
    names = [f"word{number:02d}" for number in range(len(marks))]
    said = SpeechFilter().say(" ".join(mark.format(name) for mark, name in zip(marks, names, strict=True)))
    words = said.words()
    written = ""
    for spoken in re.findall(r"\s*\S+", said.spoken):
        written += words.begun(spoken)
        heard = said.spoken[: said.spoken.index(spoken) + len(spoken)] if "word" in spoken else None
        if heard is not None:
            assert [name in written for name in names] == [name in heard for name in names]


def test_a_synthesiser_may_change_the_spaces() -> None:
    words = SpeechFilter().say("**One**\ntwo  three 🎉 four").words()
    parts = [words.begun(text) for text in ("One", "two", "\u00a0three ", "  four  ")]
    assert parts == ["**One**", "\ntwo", "  three", " 🎉 four"]
