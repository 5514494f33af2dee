"""Where an interruption cuts: only at what was played."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.client.turns.interruption import PlaybackLedger


def cuts_ms(ledger: PlaybackLedger, *report: PlayedItem) -> list[tuple[str, int]]:
    return [(cut.item_id, cut.audio_end_ms) for cut in ledger.cuts(report)]


def test_cuts_at_what_was_played_in_whole_milliseconds_rounded_down() -> None:
    ledger = PlaybackLedger()
    ledger.received("item", 0, 24_000)
    assert cuts_ms(ledger, PlayedItem("item", 0, 12_023)) == [("item", 500)]


def test_cuts_the_part_that_plays_and_those_queued_behind_it() -> None:
    ledger = PlaybackLedger()
    ledger.received("first", 0, 24_000)
    ledger.completed("first", 0)
    ledger.received("second", 0, 24_000)
    assert cuts_ms(ledger, PlayedItem("first", 0, 2_400), PlayedItem("second", 0, 0)) == [("first", 100), ("second", 0)]


def test_leaves_alone_what_was_played_to_its_end() -> None:
    ledger = PlaybackLedger()
    ledger.received("item", 0, 24_000)
    ledger.completed("item", 0)
    assert cuts_ms(ledger, PlayedItem("item", 0, 24_000)) == []


def test_leaves_alone_what_never_made_a_sound() -> None:
    assert cuts_ms(PlaybackLedger(), PlayedItem("item", 0, 0)) == []


def test_leaves_alone_what_no_sink_plays() -> None:
    ledger = PlaybackLedger()
    ledger.received("item", 0, 24_000)
    assert cuts_ms(ledger) == []


def test_uses_the_last_known_progress_where_the_sink_is_silent() -> None:
    ledger = PlaybackLedger()
    ledger.received("item", 0, 24_000)
    ledger.played("item", 0, 4_800)
    assert [(cut.item_id, cut.audio_end_ms) for cut in ledger.cuts(None)] == [("item", 200)]


def test_a_part_is_cut_once() -> None:
    ledger = PlaybackLedger()
    ledger.received("item", 0, 24_000)
    assert len(ledger.cuts([PlayedItem("item", 0, 240)])) == 1
    assert ledger.cuts([PlayedItem("item", 0, 240)]) == []


@given(
    received=st.integers(1, 10**7),
    reports=st.lists(st.integers(0, 2 * 10**7), max_size=5),
    final=st.integers(0, 2 * 10**7),
    complete=st.booleans(),
)
def test_never_cuts_beyond_what_was_received_nor_before_what_was_reported(
    received: int, reports: list[int], final: int, complete: bool
) -> None:
    ledger = PlaybackLedger()
    ledger.received("item", 0, received)
    if complete:
        ledger.completed("item", 0)
    for samples in reports:
        ledger.played("item", 0, samples)
    heard = max([*reports, final])
    cuts = ledger.cuts([PlayedItem("item", 0, final)])
    if complete and heard >= received:
        assert cuts == []
    else:
        assert [cut.samples for cut in cuts] == [min(heard, received)]
        assert cuts[0].audio_end_ms * 24 <= min(heard, received)
