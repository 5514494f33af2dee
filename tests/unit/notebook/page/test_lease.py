"""Sound and microphone move with the lease: a second page takes both away from the first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import check_settings
from realtime_nb.notebook.controller import Controller
from realtime_nb.notebook.options import Options
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.lease import SoundLease


class Stage:
    """A controller's lease, and what its pages are sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.controller = Controller(
            send=lambda content, buffers: self.sent.append(content),
            write=lambda values: None,
            options=Options(),
            config=SessionConfig(check_settings({})),
        )
        self.lease: SoundLease = self.controller._lease

    def leases(self) -> list[str | None]:
        return [content["page"] for content in self.sent if content["kind"] == "lease"]


@pytest.fixture
async def stage() -> Any:
    made = Stage()
    yield made
    made.lease.close()
    made.controller.traits.close()


async def test_microphone_of_the_second_page_closes_that_of_the_first(stage: Stage) -> None:
    microphone = stage.controller.sound.microphone
    stage.lease.open_microphone("first", 0.0)
    assert (microphone.page, microphone.capturing) == ("first", True)
    stage.lease.open_microphone("second", 1.0)
    assert (microphone.page, microphone.capturing) == ("second", True)
    assert stage.leases() == ["first", "second"]


async def test_gesture_in_another_page_closes_the_microphone(stage: Stage) -> None:
    stage.lease.open_microphone("first", 0.0)
    stage.lease.claim("second", 1.0)
    assert stage.controller.sound.microphone.page is None
    assert stage.leases() == ["first", "second"]


async def test_page_that_leaves_closes_its_microphone_and_frees_the_lease(stage: Stage) -> None:
    stage.controller.pages.heard("second", 0.0)
    stage.lease.open_microphone("first", 0.0)
    stage.lease.leave("first", 1.0)
    assert stage.controller.sound.microphone.page is None
    assert stage.leases() == ["first", "second"]


async def test_sound_that_was_not_heard_goes_to_the_page_that_gets_the_lease(stage: Stage) -> None:
    stage.lease.claim("first", 0.0)
    stage.controller.sound.speaker.write(0, "item", 0, 0, b"\1\0" * 480)
    stage.sent.clear()
    stage.lease.claim("second", 1.0)
    assert [content["kind"] for content in stage.sent] == ["lease", "audio"]


async def test_microphone_of_a_page_that_was_silent_for_long_goes_on_where_it_was(stage: Stage) -> None:
    now = asyncio.get_running_loop().time()
    microphone = stage.controller.sound.microphone
    actions = stage.controller._inbox._receiver
    stage.lease.open_microphone("page", now - 1000.0)
    stage.lease._sweep_at = now
    stage.lease._sweep()
    assert microphone.page is None
    for number, frame in enumerate((7, 8)):
        actions.deliver(m.MicFrame(seq=9 + number, page="page", frame=frame, level=0.1, pcm=b"\0\0"))
    assert microphone.capturing
    assert (microphone.frames, microphone.missing) == (2, 0)


async def test_page_that_lost_track_of_the_sound_gets_what_was_not_played_and_another_page_only_the_lease(
    stage: Stage,
) -> None:
    stage.lease.claim("page", 0.0)
    stage.controller.sound.speaker.write(0, "item", 0, 0, b"\1\0" * 480)
    stage.sent.clear()
    stage.lease.repeat("another")
    assert [content["kind"] for content in stage.sent] == ["lease"]
    stage.lease.repeat("page")
    assert [content["kind"] for content in stage.sent] == ["lease", "lease", "audio"]
