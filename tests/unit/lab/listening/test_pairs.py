"""Which answers are compared: balanced after any number of pairs, each pair once, the same for the same seed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.lab.listening.pairs import MOST, Pair, pairs_of
from realtime_nb.lab.listening.votes import AnswerRef


def _cells(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, list[AnswerRef]]]:
    return {
        cell: {value: [AnswerRef(f"{cell}-{value}-{i}", 0) for i in range(count)] for value, count in values.items()}
        for cell, values in counts.items()
    }


def _values(pair: Pair) -> tuple[str, str]:
    return pair.first.trial_id.split("-")[1], pair.second.trial_id.split("-")[1]


def _even(utterances: int, values: str, repeats: int) -> dict[str, dict[str, list[AnswerRef]]]:
    return _cells({f"u{i}": dict.fromkeys(values, repeats) for i in range(utterances)})


_counts = st.dictionaries(
    st.sampled_from(["u1", "u2", "u3"]), st.dictionaries(st.sampled_from("abc"), st.integers(1, 3)), max_size=3
)


@given(_counts, st.integers(0, 5))
def test_every_pair_is_of_one_utterance_and_two_values_and_comes_once(
    counts: dict[str, dict[str, int]], seed: int
) -> None:
    pairs = pairs_of(_cells(counts), str(seed))
    assert len({pair.key for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert pair.first.trial_id.split("-")[0] == pair.second.trial_id.split("-")[0]
        assert len(set(_values(pair))) == 2
    expected = sum(
        min(values.get(first, 0), values.get(second, 0))
        for values in counts.values()
        for first, second in ("ab", "ac", "bc")
    )
    assert len(pairs) == expected


def test_comparisons_are_balanced_wherever_a_listener_stops() -> None:
    pairs = pairs_of(_even(6, "abcd", 2), "0")
    for stop in range(1, len(pairs) + 1):
        counts = Counter(frozenset(_values(pair)) for pair in pairs[:stop])
        assert max(counts.values()) - (min(counts.values()) if len(counts) == 6 else 0) <= 1


def test_each_value_is_first_as_often_as_second() -> None:
    pairs = pairs_of(_even(6, "abc", 2), "0")
    first = Counter(_values(pair) for pair in pairs)
    for one, other in ("ab", "ac", "bc"):
        assert first[one, other] == first[other, one] == 6


def test_every_trial_is_heard_about_as_often_as_the_others_of_its_variant() -> None:
    heard = Counter(each for pair in pairs_of(_even(5, "abc", 2), "0") for each in (pair.first, pair.second))
    assert len(heard) == 30, "every trial is heard"
    assert max(heard.values()) <= 3, "and twice, give or take one time"


def test_order_depends_on_the_seed_only() -> None:
    cells = _even(5, "abc", 2)
    assert pairs_of(cells, "me") == pairs_of(cells, "me")
    assert pairs_of(cells, "me") != pairs_of(cells, "you")


def test_a_large_sweep_gives_hours_of_pairs_and_no_more() -> None:
    pairs = pairs_of(_even(20, "abcdefgh", 5), "0")
    assert MOST <= len(pairs) < MOST + 28
    assert len({pair.key for pair in pairs}) == len(pairs)
