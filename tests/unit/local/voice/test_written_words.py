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


@given(_TEXTS)
def test_the_rest_behind_all_sound_holds_nothing_that_is_said(written: str) -> None:
    rest = along(written)[-1]
    if rest != written:
        assert (
            SpeechFilter().say("a" + rest).spoken in {"a", "a\n"}
            or not any(map(str.isalnum, rest))
            or "`" in written
            or "$" in written
        )
