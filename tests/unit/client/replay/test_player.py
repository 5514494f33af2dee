"""The simulated listener: what is audible when, and what was played when it falls silent."""

from __future__ import annotations

import asyncio

import numpy as np

from realtime_nb.client.replay.player import SimulatedPlayer


class Clock:
    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


def _sound(ms: int, peak: int = 5_000) -> bytes:
    return np.full(ms * 24, peak, np.int16).tobytes()


def _played(player: SimulatedPlayer) -> dict[str, int]:
    return {part.item_id: part.played // 24 for part in asyncio.run(player.flush(1))}


def test_sound_is_played_when_it_is_there_and_what_came_before_is_over() -> None:
    clock = Clock()
    player = SimulatedPlayer(clock, clock)
    assert not player.playing
    player.write(0, "a", 0, 0, _sound(120, peak=0) + _sound(380))
    assert player.audible_at == {"a": 10.12}
    assert player.over_at == 10.5
    clock.now = 10.2
    player.write(0, "a", 0, 12_000, _sound(500))
    assert player.over_at == 11.0
    clock.now = 12.0
    assert not player.playing
    player.write(0, "a", 0, 24_000, _sound(100))
    assert player.over_at == 12.1


def test_parts_that_were_played_to_their_end_are_not_reported() -> None:
    clock = Clock()
    player = SimulatedPlayer(clock, clock)
    player.write(0, "whole", 0, 0, _sound(500))
    player.done(0, "whole", 0, 12_000)
    player.write(0, "cut", 0, 0, _sound(500))
    player.write(0, "unheard", 0, 0, _sound(500))
    clock.now = 10.75
    assert _played(player) == {"cut": 250, "unheard": 0}
    assert not player.playing
    assert _played(player) == {}


def test_part_with_more_sound_to_come_is_reported_where_it_was_played_so_far() -> None:
    clock = Clock()
    player = SimulatedPlayer(clock, clock)
    player.write(0, "growing", 0, 0, _sound(500))
    clock.now = 11.0
    assert _played(player) == {"growing": 500}


def test_audible_sound_of_each_item_is_known_until_it_is_cut() -> None:
    clock = Clock()
    player = SimulatedPlayer(clock, clock)
    player.write(0, "a", 0, 0, _sound(100, peak=0))
    assert player.audible_at == {}
    player.write(0, "a", 0, 2_400, _sound(100))
    player.write(0, "b", 0, 0, _sound(100))
    assert player.audible_at == {"a": 10.1, "b": 10.2}
    clock.now = 10.15
    assert _played(player) == {"a": 150, "b": 0}
    assert player.audible_at == {}
