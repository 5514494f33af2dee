"""Every case of `python -m tests.faults` as a test; one that is not mended yet must fail, until it leaves the list."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.__main__ import outcome
from tests.faults.registry import KINDS, NOT_YET, Case, Kind, load, mechanism

ALL = load()


def _param(case: Case) -> object:
    late = pytest.mark.xfail(case.name in NOT_YET, reason=NOT_YET.get(case.name, ""), strict=True)
    return pytest.param(case, id=case.name, marks=late)


@pytest.mark.parametrize("case", [_param(case) for case in ALL])
async def test_a_fault_costs_no_more_than_itself(case: Case) -> None:
    why = await outcome(case)
    assert why is None, why


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_has_a_mechanism_and_three_cases(kind: Kind) -> None:
    assert callable(mechanism(kind)) or isinstance(mechanism(kind), property)
    assert Counter(case.kind for case in ALL)[kind] >= 3


def test_what_is_not_mended_yet_is_a_case() -> None:
    assert set(NOT_YET) <= {case.name for case in ALL}
