"""One page has the sound: the newest gesture, and never one that is gone."""

from __future__ import annotations

from realtime_nb.notebook.page.pages import Pages


def test_the_first_page_has_the_sound_until_a_gesture() -> None:
    pages = Pages()
    pages.heard("a", 0.0)
    pages.heard("b", 0.1)
    assert pages.settle(0.1)
    assert pages.lease == "a"
    assert pages.claim("b", 0.2)
    assert pages.lease == "b"
    assert not pages.claim("b", 0.3)


def test_a_page_that_leaves_gives_the_sound_back() -> None:
    pages = Pages()
    pages.claim("a", 0.0)
    pages.heard("b", 0.0)
    pages.leave("a")
    assert pages.settle(0.1)
    assert pages.lease == "b"


def test_a_silent_page_is_gone_and_can_come_back() -> None:
    pages = Pages()
    pages.claim("a", 0.0)
    pages.settle(100.0)
    assert pages.lease is None
    assert len(pages) == 0
    pages.heard("a", 101.0)
    pages.settle(101.0)
    assert pages.lease == "a"


def test_a_page_that_captures_is_given_more_patience() -> None:
    pages = Pages()
    pages.claim("a", 0.0)
    pages.settle(30.0, ("a", None))
    assert pages.lease == "a"
    pages.settle(100.0, ("a", None))
    assert pages.lease is None
