"""Where an interruption cuts: only at what was played."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.client.turns.interruption import Cut, cuts
from realtime_nb.conversation import Conversation, LocalInterrupt, Played, reduce


class Sound:
    """A conversation with audio parts that were received, in the order of their sound."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.parts: list[tuple[str, int]] = []

    def received(self, item_id: str, samples: int, *, complete: bool = False) -> None:
        part = self.conversation.store.item(item_id, None).part(0)
        part.samples, part.audio_done = samples, complete
        self.parts.append((item_id, 0))

    def cuts(self, report: list[PlayedItem] | None) -> list[Cut]:
        return cuts(self.conversation, self.parts, report)

    def cuts_ms(self, *report: PlayedItem) -> list[tuple[str, int]]:
        return [(cut.item_id, cut.audio_end_ms) for cut in self.cuts([*report])]


def test_cuts_at_what_was_played_in_whole_milliseconds_rounded_down() -> None:
    sound = Sound()
    sound.received("item", 24_000)
    assert sound.cuts_ms(PlayedItem("item", 0, 12_023)) == [("item", 500)]


def test_cuts_the_part_that_plays_and_those_queued_behind_it() -> None:
    sound = Sound()
    sound.received("first", 24_000, complete=True)
    sound.received("second", 24_000)
    assert sound.cuts_ms(PlayedItem("first", 0, 2_400), PlayedItem("second", 0, 0)) == [("first", 100), ("second", 0)]


def test_an_item_played_to_its_end_is_not_cut() -> None:
    sound = Sound()
    sound.received("item", 24_000, complete=True)
    assert sound.cuts_ms(PlayedItem("item", 0, 24_000)) == []


def test_an_item_without_received_sound_is_not_cut() -> None:
    sound = Sound()
    sound.received("item", 0)
    assert sound.cuts_ms(PlayedItem("item", 0, 0)) == []


def test_an_item_that_the_sink_does_not_report_is_not_cut() -> None:
    sound = Sound()
    sound.received("item", 24_000)
    assert sound.cuts_ms() == []


def test_a_deleted_item_is_not_cut() -> None:
    sound = Sound()
    sound.received("item", 24_000)
    sound.conversation.store.items["item"].deleted = True
    assert sound.cuts_ms(PlayedItem("item", 0, 240)) == []


def test_uses_the_last_known_progress_where_the_sink_does_not_answer() -> None:
    sound = Sound()
    sound.received("item", 24_000)
    reduce(sound.conversation, Played("item", 0, 4_800))
    assert [(cut.item_id, cut.audio_end_ms) for cut in sound.cuts(None)] == [("item", 200)]


def test_a_part_is_cut_once() -> None:
    sound = Sound()
    sound.received("item", 24_000)
    assert len(sound.cuts([PlayedItem("item", 0, 240)])) == 1
    reduce(sound.conversation, LocalInterrupt("item", 0, 240))
    assert sound.cuts([PlayedItem("item", 0, 240)]) == []


@given(
    received=st.integers(1, 10**7),
    reports=st.lists(st.integers(0, 2 * 10**7), max_size=5),
    final=st.integers(0, 2 * 10**7),
    complete=st.booleans(),
)
def test_never_cuts_beyond_what_was_received_nor_before_what_was_reported(
    received: int, reports: list[int], final: int, complete: bool
) -> None:
    sound = Sound()
    sound.received("item", received, complete=complete)
    for samples in reports:
        reduce(sound.conversation, Played("item", 0, samples))
    heard = max([*reports, final])
    found = sound.cuts([PlayedItem("item", 0, final)])
    if complete and heard >= received:
        assert found == []
    else:
        assert [cut.samples for cut in found] == [min(heard, received)]
        assert found[0].audio_end_ms * 24 <= min(heard, received)
