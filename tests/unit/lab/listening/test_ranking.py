"""The ranking of votes: strengths, intervals that hold the truth, and what few or one-sided votes allow to say."""

from __future__ import annotations

from itertools import combinations

import choix
import numpy as np
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.listening.ranking import Ballot, Ranking, rank


def _ballots(
    rng: np.random.Generator, strengths: dict[str, float], utterances: int, *, sd: float = 0.0, ties: float = 0.0
) -> list[Ballot]:
    """Return one vote on each pair and utterance; `sd` is how much tastes differ between utterances."""
    found = []
    for unit in range(utterances):
        here = {name: value + sd * rng.standard_normal() for name, value in strengths.items()}
        for first, second in combinations(strengths, 2):
            won = float(rng.random() < 1 / (1 + np.exp(here[second] - here[first])))
            found.append(Ballot(f"u{unit}", first, second, 0.5 if rng.random() < ties else won))
    return found


def _of(ranking: Ranking, name: str) -> tuple[float, float, float]:
    estimate = next(each.preferred for each in ranking.all if each.name == name)
    return estimate.value, estimate.low, estimate.high


def test_strengths_are_those_of_the_library_with_half_a_vote_for_each_side() -> None:
    ballots = _ballots(np.random.default_rng(1), {"a": 1.0, "b": 0.0, "c": -0.5}, 30)
    wins = np.full((3, 3), 0.5) - 0.5 * np.eye(3)
    for each in ballots:
        i, j = "abc".index(each.first), "abc".index(each.second)
        wins[i, j] += each.score
        wins[j, i] += 1 - each.score
    theta = choix.ilsr_pairwise_dense(wins)
    expected = np.mean([1 / (1 + np.exp(theta[j] - theta[0])) for j in (1, 2)])
    assert _of(rank(ballots), "a")[0] == pytest.approx(expected, abs=1e-6)


def test_counts_and_places_are_those_of_the_votes() -> None:
    ballots = [Ballot("u1", "a", "b", 1.0), Ballot("u2", "b", "a", 0.0), Ballot("u3", "a", "b", 0.5)]
    first, second = rank(ballots).all
    assert (first.name, first.place, first.wins, first.ties, first.losses) == ("a", 1, 2, 1, 0)
    assert (second.name, second.place, second.wins, second.ties, second.losses) == ("b", 2, 0, 1, 2)
    assert first.few
    assert first.preferred.n == 3
    assert first.preferred.n_trials == 3


@pytest.mark.parametrize(
    ("strengths", "utterances", "sd", "ties"),
    [
        ({"a": 1.5, "b": -1.5}, 16, 0.7, 0.0),  # several sweeps without a single vote for b
        ({"a": 0.6, "b": 0.0, "c": -0.6}, 5, 0.0, 0.3),  # these utterances only
    ],
)
def test_intervals_hold_the_truth_in_nineteen_of_twenty_simulated_listenings(
    strengths: dict[str, float], utterances: int, sd: float, ties: float
) -> None:
    # `python -m tests.bench.listening_calibration` looks at many more cells.
    rng = np.random.default_rng(7)
    truth = _of(rank(_ballots(rng, strengths, 1_000, sd=sd, ties=ties)[:900]), "a")[0]
    held = 0
    for _ in range(60):
        _, low, high = _of(rank(_ballots(rng, strengths, utterances, sd=sd, ties=ties)), "a")
        held += low <= truth <= high
    assert held >= 52, "a method that covers 95 % holds 52 or more of 60 in 99.7 % of such tests"


def test_equal_variants_are_rarely_called_different() -> None:
    rng = np.random.default_rng(3)
    claims = sum(
        any(pair.clear for pair in rank(_ballots(rng, dict.fromkeys("abc", 0.0), 10, ties=0.2)).pairs)
        for _ in range(40)
    )
    assert claims <= 6


def test_one_sided_votes_have_an_interval_and_no_certainty() -> None:
    ranking = rank([Ballot(f"u{i}", "a", "b", 1.0) for i in range(12)])
    value, low, high = _of(ranking, "a")
    assert 0.5 < low < 0.9 < value < high < 1.0
    assert ranking.pairs[0].clear
    assert [each.places for each in ranking.all] == [(1, 1), (2, 2)]


def test_ties_only_are_no_preference() -> None:
    ranking = rank([Ballot(f"u{i}", "a", "b", 0.5) for i in range(12)])
    value, low, high = _of(ranking, "a")
    assert value == pytest.approx(0.5)
    assert low < 0.5 < high
    assert all(each.places == (1, 2) for each in ranking.all)


def test_places_are_shared_where_votes_do_not_tell_variants_apart() -> None:
    rng = np.random.default_rng(2)
    ballots = _ballots(rng, {"a": 2.5, "b": -1.0, "c": -1.0}, 25)
    places = {each.name: each.places for each in rank(ballots).all}
    assert places == {"a": (1, 1), "b": (2, 3), "c": (2, 3)}


def test_variants_that_no_vote_links_are_reported() -> None:
    ballots = [Ballot("u1", "a", "b", 1.0), Ballot("u1", "c", "d", 1.0)]
    assert not rank(ballots).connected
    assert rank([*ballots, Ballot("u2", "b", "c", 1.0)]).connected


def test_no_votes_are_refused() -> None:
    with pytest.raises(ConfigError, match="no votes"):
        rank([])
