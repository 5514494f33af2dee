"""A short run of `python -m tests.faults.kills`: no answer is lost, doubled or mismatched, and no listener raises."""

from __future__ import annotations

import pytest

from tests.faults.kills.conversation import Outcome, over_sockets, simulated
from tests.faults.kills.server import DIALECTS

NOTHING: dict[str, list[str]] = {name: [] for name in Outcome().faults()}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("seed", range(2))
def test_killed_connections_cost_no_answer(dialect: str, seed: int) -> None:
    outcome = simulated(seed, 30, dialect)
    assert outcome.kills >= 30
    assert outcome.faults() == NOTHING


def test_killed_sockets_cost_no_answer() -> None:
    outcome = over_sockets(0, 25)
    assert outcome.kills >= 25
    assert outcome.faults() == NOTHING
