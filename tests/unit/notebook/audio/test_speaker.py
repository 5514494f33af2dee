"""What counts as heard is what the worklet counted, on every page that had the lease."""

from __future__ import annotations

import asyncio
from typing import Any

from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.conversation import Played
from realtime_nb.notebook.audio.speaker import Speaker
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages

SECOND = b"\1\0" * 24_000


class Stage:
    """A speaker with one page in front of it."""

    def __init__(self, *, page: str | None = "p") -> None:
        self.sent: list[tuple[dict[str, Any], bytes]] = []
        self.played: list[Played] = []
        self.pages = Pages()
        self.channel = Channel(lambda c, b: self.sent.append((c, b[0] if b else b"")))
        self.speaker = Speaker(self.channel, self.pages)
        if page is not None:
            self.pages.claim(page, 0.0)

    def sounds(self) -> list[tuple[str, int, int]]:
        return [(c["item_id"], c["start"], len(b) // 2) for c, b in self.sent if c["kind"] == "audio"]

    def state(self, played: int, state: str = "playing", page: str = "p", item: str = "a") -> None:
        items = [m.PlaybackProgress(item_id=item, content_index=0, played=played)]
        report = m.PlayState(seq=1, page=page, epoch=0, state=state, items=items, underruns=0)  # type: ignore[arg-type]
        self.played += self.speaker.report(report)


async def test_flush_returns_what_the_worklet_reports() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.state(4800)
    flush = asyncio.ensure_future(stage.speaker.flush(1))
    await asyncio.sleep(0)
    assert not flush.done()
    assert stage.sent[-1][0]["kind"] == "flush"
    items = [m.PlaybackProgress(item_id="a", content_index=0, played=5123)]
    stage.speaker.report(m.PlayStopped(seq=2, page="p", epoch=1, items=items, cause="flush"))
    assert await flush == [PlayedItem("a", 0, 5123)]
    assert not stage.speaker.playing


async def test_flush_does_not_wait_without_a_page() -> None:
    stage = Stage(page=None)
    stage.speaker.write(0, "a", 0, 0, SECOND)
    assert await stage.speaker.flush(1) == [PlayedItem("a", 0, 0)]


async def test_sound_of_a_past_epoch_is_dropped() -> None:
    stage = Stage()
    await stage.speaker.flush(3)
    stage.speaker.write(2, "old", 0, 0, SECOND)
    stage.speaker.write(3, "new", 0, 0, SECOND)
    assert [item for item, _, _ in stage.sounds()] == ["new"]


async def test_end_of_interrupted_sound_is_ignored() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.speaker.silence(1)
    stage.speaker.done(1, "a", 0, 24_000)
    assert not stage.speaker.playing
    await stage.speaker.drained()


async def test_sound_that_the_page_does_not_play_any_more_is_stalled_and_counted_once() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.speaker.done(0, "a", 0, 24_000)
    stage.state(20_000)
    now = asyncio.get_running_loop().time()
    assert [stage.speaker.stalled(now + late) for late in (9, 11, 12, 20)] == [False, True, False, False]
    assert stage.speaker.abandoned == 1


async def test_sound_on_its_way_to_the_page_is_not_stalled() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    now = asyncio.get_running_loop().time()
    stage.speaker.wait(now + 60)
    assert not stage.speaker.stalled(now + 69)
    assert stage.speaker.stalled(now + 71)


async def test_unheard_sound_is_sent_to_the_page_that_gets_the_lease() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.speaker.write(0, "a", 0, 24_000, SECOND)
    stage.speaker.done(0, "a", 0, 48_000)
    stage.state(30_000)
    stage.sent.clear()
    stage.pages.claim("q", 1.0)
    stage.speaker.resend_unheard()
    assert stage.sounds() == [("a", 30_000, 18_000)]
    assert stage.sent[-1][0]["kind"] == "audio.done"


async def test_report_of_a_page_without_the_lease_is_ignored() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.state(24_000, page="stranger")
    assert stage.played == []


async def test_drained_returns_when_all_was_played() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.speaker.done(0, "a", 0, 24_000)
    waiting = asyncio.ensure_future(stage.speaker.drained())
    stage.state(23_999)
    await asyncio.sleep(0)
    assert not waiting.done()
    stage.state(24_000)
    await waiting
    assert stage.played[-1] == Played("a", 0, 24_000, True)


async def test_drained_returns_at_once_while_the_page_waits_for_a_gesture() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.speaker.done(0, "a", 0, 24_000)
    stage.state(0, state="blocked")
    await stage.speaker.drained()
    assert stage.speaker.blocked


async def test_sound_behind_the_play_prompt_is_named_until_the_report_that_ends_the_wait() -> None:
    stage = Stage()
    stage.speaker.write(0, "heard", 0, 0, SECOND)
    stage.state(100, item="heard")
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.state(0, state="blocked")
    stage.speaker.write(0, "b", 0, 0, SECOND)
    played = [m.PlaybackProgress(item_id="a", content_index=0, played=9)]
    freed = m.PlayState(seq=1, page="p", epoch=0, state="playing", items=played, underruns=0)
    assert stage.speaker.waiting_for_gesture(freed) == ["a", "b"]
    stage.speaker.report(freed)
    assert stage.speaker.waiting_for_gesture(freed) == []


async def test_only_the_newest_answer_is_kept_without_a_page() -> None:
    stage = Stage(page=None)
    for item in ("first", "second"):
        stage.speaker.write(0, item, 0, 0, SECOND)
        stage.speaker.done(0, item, 0, 24_000)
    stage.sent.clear()
    stage.pages.claim("p", 1.0)
    stage.speaker.resend_unheard()
    assert [item for item, _, _ in stage.sounds()] == ["second"]


async def test_epochs_grow_over_sessions() -> None:
    stage = Stage()
    await stage.speaker.flush(2)
    stage.speaker.reset()
    before = stage.speaker.epoch
    stage.speaker.write(0, "a", 0, 0, SECOND)
    assert stage.sent[-1][0]["epoch"] == before > 2


async def test_long_delta_is_cut_into_several_messages() -> None:
    stage = Stage()
    stage.speaker.write(0, "a", 0, 0, SECOND * 30)
    pieces = stage.sounds()
    assert sum(length for _, _, length in pieces) == 30 * 24_000
    assert max(length for _, _, length in pieces) <= 256 * 1024
    assert [start for _, start, _ in pieces] == [sum(n for _, _, n in pieces[:i]) for i in range(len(pieces))]


def _carried() -> Stage:
    stage = Stage()
    stage.speaker.carried = True
    return stage


async def test_sound_that_the_page_carries_is_recorded_and_not_sent() -> None:
    stage = _carried()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    assert stage.speaker.playing
    stage.speaker.done(0, "a", 0, 24_000)
    assert stage.sent == []
    waiting = asyncio.ensure_future(stage.speaker.drained())
    stage.state(24_000, "idle")
    await waiting
    assert stage.played[-1] == Played("a", 0, 24_000, True)


async def test_silence_of_the_page_cuts_the_sound_before_it_and_none_after() -> None:
    stage = _carried()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.state(4800)
    silenced = stage.speaker.silenced(1)
    stage.speaker.write(1, "b", 0, 0, SECOND)  # the next answer began while the kernel was busy
    items = [m.PlaybackProgress(item_id="a", content_index=0, played=5123)]
    stage.speaker.report(m.PlayStopped(seq=2, page="p", epoch=1, items=items, cause="speech"))
    assert await silenced == [PlayedItem("a", 0, 5123)]
    assert stage.speaker.playing
    stage.speaker.done(1, "b", 0, 24_000)
    stage.state(24_000, "idle", item="b")
    assert stage.played[-1] == Played("b", 0, 24_000, True)
    assert "flush" not in [content["kind"] for content, _ in stage.sent]


async def test_epoch_of_a_kernel_interruption_is_above_every_epoch_of_the_page() -> None:
    stage = _carried()
    # The user spoke three times while nothing was playing that could be interrupted.
    stage.speaker.report(m.PlayStopped(seq=1, page="p", epoch=3, items=[], cause="speech"))
    stage.speaker.write(0, "a", 0, 0, SECOND)
    flush = asyncio.ensure_future(stage.speaker.flush(1))
    await asyncio.sleep(0)
    assert (stage.sent[-1][0]["kind"], stage.sent[-1][0]["epoch"]) == ("flush", 4)
    stage.speaker.report(m.PlayStopped(seq=2, page="p", epoch=4, items=[], cause="flush"))
    assert await flush == [PlayedItem("a", 0, 0)]


async def test_stop_button_ends_the_sound_before_it_and_none_after() -> None:
    stage = _carried()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.speaker.report(m.PlayStopped(seq=1, page="p", epoch=0, items=[], cause="user"))
    assert not stage.speaker.playing
    stage.speaker.write(1, "b", 0, 0, SECOND)
    assert stage.speaker.playing


async def test_unheard_carried_sound_is_sent_to_the_page_that_gets_the_lease() -> None:
    stage = _carried()
    stage.speaker.write(0, "a", 0, 0, SECOND)
    stage.state(4800)
    stage.pages.claim("q", 1.0)
    stage.speaker.resend_unheard()
    assert stage.sounds() == [("a", 4800, 19_200)]
