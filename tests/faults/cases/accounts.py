"""What a server says of itself is heeded: its greeting, its session, its voice, its sound."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

import realtime_nb as rt
from realtime_nb.audio import g711
from tests.faults.registry import ACCOUNTS, FORMATS, GREETINGS, VOICES, case
from tests.faults.server import SOUND_MS, Event, Hook, Server, default_session, of_type, talk, unchanged

# Greetings


async def _is_greeted(on_greeting: Hook, on_update: Hook = unchanged) -> None:
    (await talk(Server(on_greeting=on_greeting, on_update=on_update), "One")).assert_answers("Answer 1.")


@case(GREETINGS)
async def a_greeting_without_a_session() -> None:
    await _is_greeted(lambda events, asked: [{"type": "session.created", "id": "sess-1", "created": 1}])


@case(GREETINGS)
async def a_greeting_after_other_events() -> None:
    first = [{"type": "heartbeat"}, {"type": "conversation.created", "conversation": {"id": "conv_1"}}]
    await _is_greeted(lambda events, asked: [*first, *events])


@case(GREETINGS)
async def a_greeting_in_the_betas_words() -> None:
    old = {"id": "sess_1", "modalities": ["text", "audio"], "voice": "alloy", "output_audio_format": "pcm16"}
    await _is_greeted(lambda events, asked: [{"type": "session.created", "session": old}])


@case(GREETINGS, limit_s=6)
async def no_greeting_before_the_first_update() -> None:
    await _is_greeted(lambda events, asked: [])


@case(GREETINGS, limit_s=6)
async def a_conversation_in_place_of_a_greeting() -> None:
    await _is_greeted(lambda events, asked: [{"type": "conversation.created", "conversation": {"id": "conv_1"}}])


@case(GREETINGS, limit_s=6)
async def a_greeting_that_follows_the_update() -> None:
    created = {"type": "session.created", "session": default_session()}
    await _is_greeted(lambda events, asked: [], lambda events, asked: [created, *events])


# Sessions


def _told(change: Any) -> Hook:
    def hook(events: list[Event], asked: Event) -> list[Event]:
        return [{**event, "session": change(json.loads(json.dumps(event["session"])))} for event in events]

    return hook


DETECTION = {"type": "server_vad", "create_response": True, "silence_duration_ms": 300}


@case(ACCOUNTS)
async def a_session_without_a_type() -> None:
    def change(session: Event) -> Event:
        del session["type"]
        session["audio"]["input"]["turn_detection"] = DETECTION
        return session

    result = await talk(Server(on_greeting=_told(change), on_update=_told(change)), "One")
    result.assert_answers("Answer 1.")
    assert result.effective["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
    assert result.effective["audio"]["output"]["voice"] == "marin"


@case(ACCOUNTS)
async def a_session_of_a_type_of_its_own() -> None:
    result = await talk(Server(on_update=_told(lambda session: {**session, "type": "conversation"})), "One")
    result.assert_answers("Answer 1.")
    assert result.effective["audio"]["output"]["voice"] == "marin"


@case(ACCOUNTS)
async def a_session_in_the_betas_words() -> None:
    old = {"id": "s", "modalities": ["text", "audio"], "voice": "sage", "turn_detection": DETECTION, "tools": []}
    result = await talk(Server(on_update=_told(lambda session: old)), "One")
    result.assert_answers("Answer 1.")
    assert result.effective["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
    assert result.effective["audio"]["output"]["voice"] == "sage"


@case(ACCOUNTS)
async def a_session_half_in_the_betas_words() -> None:
    def change(session: Event) -> Event:
        output = {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1.25}
        return {"id": "s", "voice": "Eve", "turn_detection": DETECTION, "audio": {"output": output}}

    result = await talk(Server(on_update=_told(change)), "One")
    result.assert_answers("Answer 1.")
    assert result.effective["audio"]["output"].get("speed") == 1.25, result.effective
    assert result.effective["audio"]["output"]["voice"] == "Eve"


@case(ACCOUNTS)
async def turn_detection_that_is_off_by_its_type() -> None:
    def change(session: Event) -> Event:
        session["audio"]["input"]["turn_detection"] = {"type": None}
        return session

    result = await talk(Server(on_update=_told(change)), "One")
    result.assert_answers("Answer 1.")
    assert result.effective["audio"]["input"]["turn_detection"] is None


# Voices


async def _keeps_its_session(echoed: Any, asked_for: Any = "Ara") -> None:
    def change(session: Event) -> Event:
        session["audio"]["output"]["voice"] = echoed
        return session

    server = Server(on_update=_told(change))
    with server.start() as script:
        async with (
            rt.connect(url=script.url, reconnect=True) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None, "voice": asked_for}) as session,
        ):
            await session.ask("One", timeout=4)
            await session.update(voice=asked_for, instructions="Be brief.")
            assert (await session.ask("Two", timeout=4)).text == "Answer 2."
    assert server.connections == 1, server.connections


@case(VOICES, limit_s=6)
async def a_voice_echoed_under_a_longer_name() -> None:
    await _keeps_its_session("human_Ara")


@case(VOICES, limit_s=6)
async def a_voice_echoed_in_other_letters() -> None:
    await _keeps_its_session("ara")


@case(VOICES, limit_s=6)
async def a_voice_echoed_as_an_object() -> None:
    await _keeps_its_session({"type": "azure-standard", "name": "Ara"})


@case(VOICES, limit_s=6)
async def a_voice_that_is_not_echoed() -> None:
    await _keeps_its_session(None)


# Formats


async def _lasts_as_long(stated: Iterable[Event], sound: bytes) -> None:
    """The sound is as long as it is at the server's rate, or is refused aloud."""
    first, second = stated

    def account(session: Event) -> Event:
        return first if first else session

    def say(events: list[Event], asked: Event) -> list[Event]:
        deltas = of_type(events, "response.output_audio.delta")
        deltas[0]["delta"], deltas[1]["delta"] = base64.b64encode(sound).decode(), ""
        for delta in deltas:
            delta.update(second)
        return events

    try:
        result = await talk(Server(on_greeting=_told(account), on_update=_told(account), on_response=say), "One")
    except rt.RealtimeError:
        return
    turn = result.answers[0]
    if not isinstance(turn, rt.Turn) or turn.audio is None:
        return
    assert abs(turn.audio.duration_ms - SOUND_MS) < 5, turn.audio


def _with_format(output: Event | str) -> Event:
    session = default_session()
    session["audio"]["output"]["format"] = output
    return session


@case(FORMATS)
async def pcm_of_16_khz() -> None:
    await _lasts_as_long((_with_format({"type": "audio/pcm", "rate": 16000}), {}), bytes(2 * 1600))


@case(FORMATS)
async def pcm_of_48_khz() -> None:
    await _lasts_as_long((_with_format({"type": "audio/pcm", "rate": 48000}), {}), bytes(2 * 4800))


@case(FORMATS)
async def g711_of_either_law() -> None:
    for law in ("pcmu", "pcma"):
        sound = g711.encode(np.zeros(800, np.int16), "pcmu" if law == "pcmu" else "pcma")
        await _lasts_as_long((_with_format({"type": f"audio/{law}"}), {}), sound)


@case(FORMATS)
async def the_betas_word_for_a_telephones_format() -> None:
    old = {"id": "s", "modalities": ["text", "audio"], "output_audio_format": "g711_ulaw"}
    await _lasts_as_long((old, {}), g711.encode(np.zeros(800, np.int16), "pcmu"))


@case(FORMATS)
async def a_format_by_its_mere_name_in_its_new_place() -> None:
    sound = g711.encode(np.zeros(800, np.int16), "pcma")
    await _lasts_as_long((_with_format("g711_alaw"), {}), sound)
    await _lasts_as_long((_with_format("pcm16-16000hz"), {}), bytes(2 * 1600))


@case(FORMATS)
async def a_name_that_is_not_known_is_not_read_as_pcm() -> None:
    for name in ("opus", "mp3"):
        for session in (_with_format(name), {"id": "s", "modalities": ["audio"], "output_audio_format": name}):
            await _lasts_as_long((session, {}), bytes(2 * 1600))  # as PCM it would last less long


@case(FORMATS)
async def a_rate_under_the_name_sample_rate() -> None:
    for form in (
        {"type": "audio/pcm", "sample_rate": 16000},
        {"type": "audio/pcm", "rate": None, "sample_rate": 16000},
    ):
        await _lasts_as_long((_with_format(form), {}), bytes(2 * 1600))


@case(FORMATS)
async def azures_word_for_16_khz() -> None:
    old = {"id": "s", "modalities": ["text", "audio"], "output_audio_format": "pcm16-16000hz"}
    await _lasts_as_long((old, {}), bytes(2 * 1600))


@case(FORMATS)
async def a_rate_that_only_the_sound_itself_states() -> None:
    await _lasts_as_long(({}, {"sample_rate_hz": 16000}), bytes(2 * 1600))
