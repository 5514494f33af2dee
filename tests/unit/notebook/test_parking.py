"""A session is unused when no page shows the card and no call is made, or when nothing uses it for long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from realtime_nb.notebook.audio.microphone_queue import MicrophoneQueue
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.parking import Parking


@dataclass
class Session:
    response_signs: int = 0
    tools_running: bool = False


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


class Stage:
    """The rules on a clock that the test moves, second by second as the lifecycle does."""

    def __init__(self, clock: Clock, idle_minutes: float | None = 5) -> None:
        self.clock = clock
        self.pages = Pages()
        self.microphone = MicrophoneQueue()
        self.session = Session()
        self.sent = 0
        self.parking = Parking(self.pages, self.microphone, idle_minutes)
        self.parking.used()

    def view(self, count: int, page: str = "p") -> None:
        self.pages.view(page, count, self.clock.now)

    def parked_after(self, limit_s: float, each_second: Callable[[], None] = lambda: None) -> tuple[int, str] | None:
        """The number of seconds after which the session is parked, and why; None where it is not."""
        for second in range(int(limit_s) + 1):
            each_second()
            why = self.parking.due(self.session, self.sent, self.clock.now)
            if why is not None:
                return second, why
            self.clock.now += 1
        return None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("realtime_nb.notebook.parking.asyncio.get_running_loop", lambda: made)
    return made


@pytest.fixture
def stage(clock: Clock) -> Stage:
    return Stage(clock)


def test_ten_seconds_after_the_last_view_is_reported_gone(stage: Stage) -> None:
    stage.view(2)
    stage.view(1)
    assert stage.parked_after(60) is None
    stage.view(0)
    assert stage.parked_after(60) == (10, "No page shows the card any more.")


def test_not_while_another_page_shows_the_card(stage: Stage) -> None:
    stage.view(1, "a")
    stage.view(1, "b")
    stage.view(0, "a")
    assert stage.parked_after(60) is None


def test_not_when_the_card_is_drawn_again(stage: Stage) -> None:
    stage.view(1)
    stage.view(0)
    assert stage.parked_after(8) is None
    stage.view(1)
    assert stage.parked_after(60) is None


def test_ten_seconds_after_the_microphone_of_a_removed_card_is_off(stage: Stage) -> None:
    stage.view(1)
    stage.microphone.open("p")
    stage.view(0)
    assert stage.parked_after(60) is None
    stage.microphone.close("p")
    assert stage.parked_after(60) == (9, "No page shows the card any more.")  # it was last seen on a second ago


def test_ten_seconds_after_a_call_that_began_while_the_card_was_shown(stage: Stage) -> None:
    stage.view(1)
    with stage.parking.call():
        stage.clock.now += 1
        stage.view(0)
        assert stage.parked_after(60) is None
    assert stage.parked_after(60) == (10, "No page shows the card any more.")


def test_a_call_after_the_card_was_removed_keeps_the_session_as_a_script_has_it(stage: Stage) -> None:
    stage.view(1)
    stage.view(0)
    stage.clock.now += 1
    with stage.parking.call():
        stage.clock.now += 60
    after = stage.parked_after(1000)
    assert after is not None
    assert after[0] == 300


def test_a_page_that_is_closed_or_reloaded_has_minutes_to_come_back(stage: Stage) -> None:
    stage.view(1)
    stage.parking.due(stage.session, stage.sent, stage.clock.now)
    stage.pages.leave("p")
    parked = stage.parked_after(1000)
    assert parked == (300, "No page showed the card, and no call was made, for 5 minutes.")


def test_a_page_that_falls_silent_with_its_microphone_on_does_not(stage: Stage) -> None:
    stage.view(1)
    stage.microphone.open("p")
    assert stage.parked_after(10) is None
    stage.pages.leave("p")
    stage.microphone.close("p")
    stage.pages.unview(stage.clock.now)
    assert stage.parked_after(60) == (10, "No page shows the card any more.")


@pytest.mark.parametrize(("minutes", "parked_s"), [(0.5, 30), (5, 300), (None, None)])
def test_minutes_without_a_page_and_a_call(clock: Clock, minutes: float | None, parked_s: int | None) -> None:
    stage = Stage(clock, minutes)
    parked = stage.parked_after(4000)
    assert (parked[0] if parked else None) == parked_s


def test_half_an_hour_without_use_though_a_card_shows_it(stage: Stage) -> None:
    stage.view(1)
    assert stage.parked_after(4000) == (1800, "Nothing used it for 30 minutes.")


def test_every_kind_of_use_keeps_the_session(stage: Stage) -> None:
    def answer() -> None:
        stage.session.response_signs += 1

    def send() -> None:
        stage.sent += 1

    stage.view(1)
    assert stage.parked_after(4000, answer) is None
    assert stage.parked_after(4000, send) is None
    assert stage.parked_after(4000, stage.parking.used) is None
    stage.session.tools_running = True
    assert stage.parked_after(4000) is None
    stage.session.tools_running = False
    stage.microphone.open("p")
    assert stage.parked_after(4000) is None
    stage.microphone.close("p")
    with stage.parking.call():
        assert stage.parked_after(4000) is None
    assert stage.parked_after(1700) is None
    assert stage.parked_after(200) is not None
