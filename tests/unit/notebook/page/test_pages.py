"""One page has the lease: the page of the newest gesture, and never one that has left."""

from __future__ import annotations

import pytest

from realtime_nb.notebook.page.pages import Pages


def test_first_page_has_the_lease_until_a_gesture() -> None:
    pages = Pages()
    pages.heard("a", 0.0)
    pages.heard("b", 0.1)
    assert pages.settle(0.1)
    assert pages.lease == "a"
    assert pages.claim("b", 0.2)
    assert pages.lease == "b"
    assert not pages.claim("b", 0.3)


def test_lease_of_a_page_that_leaves_goes_to_another() -> None:
    pages = Pages()
    pages.claim("a", 0.0)
    pages.heard("b", 0.0)
    pages.leave("a")
    assert pages.settle(0.1)
    assert pages.lease == "b"


def test_of_very_many_pages_the_longest_silent_one_goes_but_never_the_one_with_the_lease() -> None:
    pages = Pages()
    pages.claim("talks", 0.0)
    for number in range(100):
        pages.heard(f"page-{number}", 1.0 + number)
    assert len(pages) == 64
    assert pages.ids[0] == "talks"
    assert pages.ids[-1] == "page-99"
    assert pages.lease == "talks"


def test_silent_page_is_dropped_and_can_come_back() -> None:
    pages = Pages()
    pages.claim("a", 0.0)
    pages.settle(100.0)
    assert pages.lease is None
    assert len(pages) == 0
    pages.heard("a", 101.0)
    pages.settle(101.0)
    assert pages.lease == "a"


@pytest.mark.parametrize(("beat_s", "kept_s", "dropped_s"), [(1.0, 29.0, 31.0), (20.0, 79.0, 81.0)])
def test_page_is_dropped_when_it_missed_several_of_its_own_heartbeats(
    beat_s: float, kept_s: float, dropped_s: float
) -> None:
    pages = Pages()
    pages.claim("a", 0.0)
    pages.heard("a", 0.0).beat_s = beat_s
    pages.settle(kept_s)
    assert pages.lease == "a"
    pages.settle(dropped_s)
    assert pages.lease is None
