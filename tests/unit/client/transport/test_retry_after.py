"""How long a server asks to wait, in words and in a header."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from realtime_nb.client.transport.retry_after import header_wait_s, is_rate_limit, said_wait_s


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 1.2s. Visit https://host/limits", 1.2),
        ("Please try again in 6m0s.", 360),
        ("please retry after 86ms", 0.086),
        ("Try again in 1h2m3s", 3723),
        ("Please retry after 20 seconds.", 20),
        ("Try again in 2 minutes", 120),
        ("Try again in a moment.", None),
        ("It took 3s.", None),
        ("", None),
        (None, None),
    ],
)
def test_wait_is_read_from_the_words_of_an_error(words: str | None, seconds: float | None) -> None:
    assert said_wait_s(words) == (None if seconds is None else pytest.approx(seconds))


def test_wait_is_read_from_a_number_or_a_date() -> None:
    assert header_wait_s("30") == 30
    assert header_wait_s("-3") == 0
    assert header_wait_s("1e9") == 24 * 3600
    later = header_wait_s(format_datetime(datetime.now(UTC) + timedelta(seconds=600)))
    assert later is not None
    assert 500 < later <= 600
    for nonsense in ("nan", "soon", "", None):
        assert header_wait_s(nonsense) is None


def test_codes_about_the_rate_of_requests() -> None:
    assert is_rate_limit(None, "rate_limit_exceeded")
    assert is_rate_limit("tokens_rate_limit")
    assert not is_rate_limit("server_error", None)
