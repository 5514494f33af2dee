"""When a session is renewed before the service ends it."""

from __future__ import annotations

import pytest

from realtime_nb.client.reconnect import renewal
from realtime_nb.client.reconnect.renewal import margin_s


@pytest.mark.parametrize("margin", [60.0, 300.0, 600.0, 900.0])
def test_an_hour_long_session_is_renewed_by_the_margin_before_its_end(
    margin: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_MARGIN_S", margin)
    assert margin_s(3600) == margin


def test_the_margin_is_bounded_by_half_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "_MARGIN_S", 5000.0)
    assert margin_s(3600) == 1800


def test_a_short_session_is_renewed_in_its_last_tenth() -> None:
    assert margin_s(600) == 60
