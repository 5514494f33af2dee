"""The words of a text with the white space before each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.vocabulary import words_with_spaces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n", []),
        ("one", ["one"]),
        (" one  two\nthree ", [" one", "  two", "\nthree "]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_with_spaces(text) == words


@given(st.text(st.sampled_from("ab \n\t\u00a0.")))
def test_words_joined_are_the_text(text: str) -> None:
    words = words_with_spaces(text)
    assert "".join(words) == (text if text.strip() else "")
    assert [word.strip() for word in words] == text.split()


def test_run_of_spaces_is_read_once() -> None:
    # A pattern that tries each beginning of the run would need hours.
    spaces = " " * 2_000_000
    assert words_with_spaces(f"a{spaces}b{spaces}") == ["a", f"{spaces}b{spaces}"]
