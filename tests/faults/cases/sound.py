"""Sound in every spelling of base64, and none of it dropped because it repeats."""

from __future__ import annotations

import base64
from collections.abc import Callable

import realtime_nb as rt
from tests.faults.registry import SOUND, case
from tests.faults.server import SOUND as PCM
from tests.faults.server import Event, Hook, Server, of_type, talk


def _said_as(spelling: Callable[[bytes], str], sound: bytes = PCM) -> Hook:
    def change(events: list[Event], asked: Event) -> list[Event]:
        first, second = of_type(events, "response.output_audio.delta")
        half = len(sound) // 4 * 2
        first["delta"], second["delta"] = spelling(sound[:half]), spelling(sound[half:])
        return events

    return change


async def _is_whole(hook: Hook, sound: bytes = PCM) -> None:
    turn = (await talk(Server(on_response=hook), "One")).answers[0]
    assert isinstance(turn, rt.Turn), turn
    assert turn.audio is not None, turn
    assert turn.audio.samples.astype("<i2").tobytes() == sound, turn.audio


ODD = bytes(range(256)) * 18 + b"\xfb\xff"


@case(SOUND)
async def without_padding() -> None:
    await _is_whole(_said_as(lambda pcm: base64.b64encode(pcm).decode().rstrip("="), ODD), ODD)


@case(SOUND)
async def safe_for_addresses() -> None:
    await _is_whole(_said_as(lambda pcm: base64.urlsafe_b64encode(pcm).decode(), ODD), ODD)


@case(SOUND)
async def wrapped_in_lines() -> None:
    await _is_whole(_said_as(lambda pcm: base64.encodebytes(pcm).decode(), ODD), ODD)


@case(SOUND)
async def as_a_data_uri() -> None:
    await _is_whole(_said_as(lambda pcm: "data:audio/pcm;base64," + base64.b64encode(pcm).decode(), ODD), ODD)


@case(SOUND)
async def equal_frames_under_one_event_id() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        for event in events:
            event["event_id"] = "event_0"
        return events

    await _is_whole(change)


@case(SOUND)
async def frames_that_part_a_sample() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        first, second = of_type(events, "response.output_audio.delta")
        first["delta"] = base64.b64encode(ODD[:333]).decode()
        second["delta"] = base64.b64encode(ODD[333:]).decode()
        return events

    await _is_whole(change, ODD)


@case(SOUND)
async def sound_under_another_name() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        for event in of_type(events, "response.output_audio.delta"):
            event["audio"] = event.pop("delta")
        return events

    await _is_whole(change)


@case(SOUND)
async def damaged_sound_is_told() -> None:
    result = await talk(Server(on_response=_said_as(lambda pcm: "*** no sound ***")), "One")
    assert result.texts == ["Answer 1."], result.texts
    assert any("sound of the answer is lost" in str(error) for error in result.reported), result.reported
