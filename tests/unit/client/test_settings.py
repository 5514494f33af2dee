"""Wrong values are refused where they enter, with the value and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.client.settings import check_timeout
from realtime_nb.errors import ConfigError


@pytest.mark.parametrize("timeout", ["5", float("nan"), 0, -1, True])
def test_wrong_timeouts_are_refused_with_the_value(timeout: Any) -> None:
    with pytest.raises(ConfigError, match=f"timeout={timeout!r} must be a number of seconds above 0"):
        check_timeout(timeout)


@pytest.mark.parametrize("timeout", [None, 0.5])
def test_a_timeout_is_seconds_or_none(timeout: float | None) -> None:
    assert check_timeout(timeout) == timeout
