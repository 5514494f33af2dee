"""Delays between reconnection attempts, and the errors after which none is made."""

from __future__ import annotations

import pytest

from realtime_nb.client.reconnect.policy import Reconnect, is_worth_retrying, policy_of
from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.errors import ConfigError, ConnectError


def test_delays_double_up_to_the_longest_and_are_half_random() -> None:
    policy = Reconnect(first_delay_s=1, longest_delay_s=5)
    assert [policy.delay_s(attempt, lambda: 1.0) for attempt in (1, 2, 3, 4, 1000)] == [1, 2, 4, 5, 5]
    assert policy.delay_s(2, lambda: 0.0) == 1


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (TransportClosed(1006), True),
        (TransportClosed(1001, "maximum duration"), True),
        (TransportClosed(1008), False),
        (TransportClosed(1009), False),
        (ConnectError("no network"), True),
        (ConnectError("wrong key", status=401), False),
        (ConnectError("refused", retryable=False), False),
        (ConfigError("bad option"), False),
        (OSError(), True),
        (ValueError(), False),
    ],
)
def test_only_problems_that_may_pass_are_worth_retrying(problem: Exception, expected: bool) -> None:
    assert is_worth_retrying(problem) is expected


def test_the_option_is_a_policy_or_a_bool() -> None:
    assert policy_of(False) is None
    assert policy_of(True) == Reconnect()
    with pytest.raises(ConfigError, match="reconnect"):
        policy_of(3)  # type: ignore[arg-type]
