"""One word for what is going on."""

from __future__ import annotations

import pytest

from realtime_nb.notebook.status import Facts, status_of


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (Facts(), "idle"),
        (Facts(phase="connecting", capturing=True), "connecting"),
        (Facts(phase="open"), "idle"),
        (Facts(phase="open", capturing=True), "listening"),
        (Facts(phase="open", capturing=True, hearing=True, sounding=True), "hearing"),
        (Facts(phase="open", answering=True), "thinking"),
        (Facts(phase="open", answering=True, sounding=True), "speaking"),
        (Facts(phase="open", sounding=True), "speaking"),
        (Facts(phase="error", sounding=True), "error"),
        (Facts(phase="closed"), "closed"),
    ],
)
def test_who_speaks_comes_first(facts: Facts, status: str) -> None:
    assert status_of(facts) == status
