"""Sound on its way to a page is waited for; sound that a page has and does not play is given up, and not heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import check_settings
from realtime_nb.notebook.controller import Controller
from realtime_nb.notebook.options import Options
from realtime_nb.notebook.page import messages as m


class _Session:
    """Counts the interruptions of a session."""

    effective: dict[str, Any] = {}  # noqa: RUF012 - never written
    user_speaking = False

    def __init__(self) -> None:
        self.interrupted = asyncio.Event()

    async def interrupt(self) -> None:
        self.interrupted.set()


class Stage:
    """A controller whose page has the sound of an answer that it has not played for eleven seconds."""

    def __init__(self) -> None:
        self.controller = Controller(
            send=lambda content, buffers: None,
            write=lambda values: None,
            options=Options(),
            config=SessionConfig(check_settings({})),
        )
        self.session = _Session()
        self.speaker = self.controller.sound.speaker
        self._seq = 0
        self.beat(0)
        self.controller.state.session = cast(Any, self.session)
        self.speaker.write(0, "item", 0, 0, b"\1\0" * 480)
        self.speaker.wait(asyncio.get_running_loop().time() - 11)

    def beat(self, got: int) -> None:
        """Let the page say that the sound has arrived up to this message."""
        self._seq += 1
        self.controller._inbox.receive(m.PageHeartbeat(seq=self._seq, page="p", every=1, got=got))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    made.controller.state.session = None
    made.controller._lease.close()
    made.controller.traits.close()


async def test_sound_that_has_not_arrived_is_late_and_not_given_up(stage: Stage) -> None:
    stage.beat(got=stage.controller.channel.last("sound") - 1)
    await asyncio.sleep(0)
    assert not stage.session.interrupted.is_set()
    assert stage.speaker.abandoned == 0


async def test_sound_that_the_page_does_not_play_any_more_is_cut_at_what_was_heard(stage: Stage) -> None:
    stage.beat(got=stage.controller.channel.last("sound"))
    async with asyncio.timeout(5):
        await stage.session.interrupted.wait()
    assert stage.speaker.abandoned == 1
