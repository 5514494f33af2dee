"""The age of frames is their delay on the way, whatever the two clocks show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.notebook.audio.frame_age import FrameAge

LIMIT_S = 10.0


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.lists(st.floats(0, 9), min_size=1, max_size=50))
def test_age_is_the_delay_beyond_the_shortest_one(page_s: float, kernel_s: float, delays: list[float]) -> None:
    age = FrameAge()
    ages = [age.age_s(page_s + n, kernel_s + n + delay, LIMIT_S) for n, delay in enumerate(delays)]
    expected = [delay - min(delays[: n + 1]) for n, delay in enumerate(delays)]
    assert ages == pytest.approx(expected, abs=1e-6)


def test_frames_after_a_sleep_of_the_computer_are_accepted_again_after_seconds() -> None:
    age = FrameAge()
    assert age.age_s(0.0, 100.0, LIMIT_S) == 0
    # The page's clock stood still for an hour.
    late = [age.age_s(0.04 * n, 3700.0 + 0.04 * n, LIMIT_S) > LIMIT_S for n in range(1, 1000)]
    assert late.index(False) == pytest.approx(5 / 0.04, abs=2)
    assert not any(late[late.index(False) :])


@pytest.mark.parametrize("faster", [1.5, 4, 100])
def test_a_queue_that_is_worked_off_slowly_is_old_to_its_last_ten_seconds(faster: float) -> None:
    age = FrameAge()
    assert age.age_s(0.0, 0.0, LIMIT_S) == 0
    held_s = 60.0
    late = [age.age_s(0.04 * n, held_s + 0.04 * n / faster, LIMIT_S) for n in range(4500)]
    for n, found in enumerate(late):
        assert found == pytest.approx(max(0.0, held_s - 0.04 * n * (1 - 1 / faster)), abs=0.01)


def test_a_pause_of_the_microphone_makes_no_frame_old() -> None:
    age = FrameAge()
    assert age.age_s(0.0, 50.0, LIMIT_S) == 0
    assert age.age_s(600.0, 650.0, LIMIT_S) == 0
