from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.conversation.heard import cut_at_word, heard_chars, samples_at

TEXT = "one two three four"


@pytest.mark.parametrize(
    ("at", "cut"),
    [(0, ""), (2, ""), (3, "one"), (4, "one"), (6, "one"), (7, "one two"), (17, "one two three"), (18, TEXT)],
)
def test_text_is_cut_after_the_last_whole_word(at: int, cut: str) -> None:
    assert cut_at_word(TEXT, at) == cut


def test_scripts_without_spaces_are_cut_between_characters() -> None:
    assert cut_at_word("今日は良い天気です", 4) == "今日は良"


def test_cut_never_separates_combining_accents() -> None:
    assert cut_at_word("日本e\u0301", 3) == "日本"


@given(st.text(max_size=60), st.integers(0, 70))
def test_cut_is_a_prefix_of_at_most_the_requested_length(text: str, at: int) -> None:
    cut = cut_at_word(text, at)
    assert text.startswith(cut)
    assert len(cut) <= max(at, 0) or cut == text


marks = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 200)), max_size=20).map(sorted)


@given(st.integers(0, 200), st.integers(0, 10_000), st.integers(0, 12_000), marks)
def test_the_estimate_stays_within_the_text(
    chars: int, samples: int, played: int, marks: list[tuple[int, int]]
) -> None:
    assert 0 <= heard_chars(chars, samples, played, marks) <= chars


@given(st.integers(0, 200), st.integers(1, 10_000), marks)
def test_more_played_audio_never_means_less_heard_text(chars: int, samples: int, marks: list[tuple[int, int]]) -> None:
    estimates = [heard_chars(chars, samples, samples * i // 20, marks) for i in range(21)]
    assert estimates == sorted(estimates)
    assert (estimates[0], estimates[-1]) == (0, chars)


def test_no_samples_played_means_no_text_heard() -> None:
    assert heard_chars(10, 100, 0, []) == 0
    assert heard_chars(10, 0, 0, []) == 0


def test_transcript_in_step_with_the_audio_locates_words() -> None:
    # Ten characters in the first 900 samples, forty in the last 100: far from even.
    in_step = [(0, 0), (300, 3), (600, 6), (900, 10)]
    assert heard_chars(50, 1200, 600, in_step) == pytest.approx(6, abs=1)


def test_transcript_ahead_of_the_audio_is_stretched() -> None:
    ahead = [(100 * i, 10 * i) for i in range(6)]  # all 60 characters known after half of the sound
    assert heard_chars(60, 1200, 600, ahead) == pytest.approx(30, abs=1)


def test_transcript_received_at_once_is_spread_evenly() -> None:
    assert heard_chars(100, 1000, 250, [(0, 0), (0, 40), (0, 80)]) == 25


@given(st.integers(1, 200), st.integers(1, 10_000), marks)
def test_samples_of_places_rise_and_stay_within_the_sound(
    chars: int, samples: int, marks: list[tuple[int, int]]
) -> None:
    found = samples_at(range(chars + 1), chars, samples, marks)
    if found is None:
        return
    assert all(a <= b + 1e-6 for a, b in pairwise(found))
    assert found[0] >= 0
    assert found[-1] <= samples + 1e-6


@given(st.integers(10, 200), st.integers(1_000, 10_000), st.integers(1, 9))
def test_samples_of_a_place_are_those_after_which_it_was_heard(chars: int, samples: int, place: int) -> None:
    even = [(samples * i // 5, chars * i // 5) for i in range(5)]
    found = samples_at([place], chars, samples, even)
    assert found is not None
    assert heard_chars(chars, samples, int(found[0]) + 2, even) in (place, place + 1)


def test_text_that_came_at_once_says_nothing_about_the_pace() -> None:
    assert samples_at([3], 10, 1_000, [(0, 0), (0, 5)]) is None
    assert samples_at([3], 10, 1_000, []) is None
