"""The input buffer and turn detection: commits, turn boundaries, and the events about them."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from realtime_nb.audio import g711
from realtime_nb.local.voice.protocols import Recognition
from tests.unit.local.driver import FRAME_MS, Driver, base64_of, types


def _manual() -> Driver:
    driver = Driver()
    driver.effective(audio={"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}})
    return driver


def _vad(**turn_detection: object) -> Driver:
    driver = Driver()
    driver.effective(audio={"input": {"turn_detection": {"type": "server_vad", **turn_detection}}})
    return driver


SPEECH, SILENCE = [1.0] * 20, [0.0] * 20


def test_append_is_not_acknowledged() -> None:
    assert _manual().send("input_audio_buffer.append", audio=base64_of(np.zeros(100, np.int16))) == []


@pytest.mark.parametrize("audio", ["not base64!", "AAA", base64.b64encode(b"odd").decode()])
def test_invalid_audio_is_refused(audio: str) -> None:
    error = _manual().refused("input_audio_buffer.append", audio=audio)
    assert (error["code"], error["param"]) == ("invalid_value", "audio")


def test_more_than_15_mib_in_one_event_is_refused() -> None:
    error = _manual().refused("input_audio_buffer.append", audio="A" * (15 * 1024 * 1024 + 4))
    assert error["param"] == "audio"


def test_empty_commit_is_refused() -> None:
    driver = _manual()
    assert driver.refused("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"
    driver.send("input_audio_buffer.append", audio=base64_of(np.zeros(24 * 99, np.int16)))
    assert driver.refused("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"
    driver.send("input_audio_buffer.append", audio=base64_of(np.zeros(24 * 1, np.int16)))
    assert types(driver.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"


def test_a_commit_makes_an_item_and_no_response() -> None:
    driver = _manual()
    first = driver.user_says()
    driver.send("input_audio_buffer.append", audio=base64_of(np.arange(24 * 200, dtype=np.int16)))
    committed, added, done = driver.send("input_audio_buffer.commit")
    assert types([committed, added, done]) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert committed["previous_item_id"] == added["previous_item_id"] == first
    assert added["item"]["id"] == committed["item_id"]
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}], "null is sent"
    (retrieved,) = driver.send("conversation.item.retrieve", item_id=committed["item_id"])
    sound = np.frombuffer(base64.b64decode(retrieved["item"]["content"][0]["audio"]), "<i2")
    assert np.array_equal(sound, np.arange(24 * 200, dtype=np.int16))


def test_clear_drops_the_sound_and_keeps_the_positions() -> None:
    driver = _vad(prefix_padding_ms=0)
    driver.say(*SILENCE)
    assert types(driver.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert driver.refused("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"
    assert driver.say(*SPEECH)[0]["audio_start_ms"] == len(SILENCE) * FRAME_MS


def test_turn_boundaries_are_on_the_sessions_timeline() -> None:
    driver = _vad(prefix_padding_ms=100, silence_duration_ms=320)
    events = driver.say(*SILENCE, *SPEECH, *SILENCE)
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
    ]
    started, stopped, committed, added = events[:4]
    assert started["audio_start_ms"] == 20 * FRAME_MS - 100
    assert stopped["audio_end_ms"] == 40 * FRAME_MS + 320
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == added["item"]["id"]
    sound = driver.recognize.stored.user_sound
    assert sound is not None
    assert sound.size == 24 * (stopped["audio_end_ms"] - started["audio_start_ms"])


def test_turn_boundaries_do_not_depend_on_the_speed_of_appends() -> None:
    at_once, in_pieces = _vad(), _vad()
    probabilities = [*SILENCE, *SPEECH, *SILENCE, *SPEECH, *SILENCE]
    whole = at_once.say(*probabilities)
    pieces = [event for probability in probabilities for event in in_pieces.say(probability)]
    times = ("type", "audio_start_ms", "audio_end_ms")
    assert [[event.get(name) for name in times] for event in whole] == [
        [event.get(name) for name in times] for event in pieces
    ]
    assert types(whole).count("input_audio_buffer.speech_started") == 2


def test_a_click_is_not_speech() -> None:
    assert _vad().say(*SILENCE, 1.0, *SILENCE) == []


def test_only_a_probability_above_the_threshold_starts_speech() -> None:
    assert _vad(threshold=0.9).say(*[0.8] * 20) == []
    assert types(_vad(threshold=0.3).say(*[0.4] * 20)) == ["input_audio_buffer.speech_started"]


def test_a_pause_shorter_than_the_silence_keeps_the_turn_open() -> None:
    driver = _vad(silence_duration_ms=500)
    assert types(driver.say(*SPEECH, *[0.0] * 12, *SPEECH)) == ["input_audio_buffer.speech_started"]


def test_high_eagerness_ends_turns_sooner() -> None:
    def stops_at(eagerness: str) -> int:
        driver = Driver()
        driver.effective(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": eagerness}}})
        events = driver.say(*SPEECH, *[0.0] * 100)
        return next(int(event["audio_end_ms"]) for event in events if event["type"].endswith("speech_stopped"))

    assert stops_at("high") < stops_at("auto") == stops_at("medium") < stops_at("low")


def test_without_create_response_a_turn_only_becomes_an_item() -> None:
    assert types(_vad(create_response=False).say(*SPEECH, *SILENCE))[-1] == "conversation.item.done"


def test_speech_cuts_a_response_short() -> None:
    driver = _vad()
    driver.send("response.create")
    driver.speak("One", " two")
    events = driver.say(*SPEECH)
    assert events[0]["type"] == "input_audio_buffer.speech_started"
    assert events[-1]["type"] == "response.done"
    assert events[-1]["response"]["status"] == "cancelled"
    assert events[-1]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert events[-1]["response"]["output"][0]["status"] == "incomplete"


def test_without_interrupt_response_speech_cuts_nothing() -> None:
    driver = _vad(interrupt_response=False)
    driver.send("response.create")
    assert types(driver.say(*SPEECH)) == ["input_audio_buffer.speech_started"]
    # The turn asks for a response that the one under way forbids.
    assert driver.say(*SILENCE)[-1]["error"]["code"] == "conversation_already_has_active_response"


def test_speech_never_cuts_an_out_of_band_response_short() -> None:
    driver = _vad()
    driver.send("response.create", response={"conversation": "none"})
    assert types(driver.say(*SPEECH)) == ["input_audio_buffer.speech_started"]


def test_commit_during_speech_uses_the_announced_item() -> None:
    driver = _vad()
    announced = driver.say(*SPEECH)[0]["item_id"]
    assert driver.send("input_audio_buffer.commit")[0]["item_id"] == announced
    assert driver.say(*SILENCE) == []


def test_silence_after_an_answer_triggers_the_idle_timeout() -> None:
    driver = _vad(idle_timeout_ms=5_000)
    driver.spoken_item("Hello.", ms_each=1_000)
    events = driver.say(*[0.0] * 200)
    assert types(events)[:2] == ["input_audio_buffer.timeout_triggered", "input_audio_buffer.committed"]
    assert "response.created" in types(events)
    # The second that the answer takes to play is not idle time.
    assert events[0]["audio_start_ms"] == 1_000
    assert 6_000 <= events[0]["audio_end_ms"] < 6_000 + FRAME_MS


def test_a_transcript_comes_in_deltas_and_then_whole() -> None:
    driver = _manual()
    driver.send("input_audio_buffer.append", audio=base64_of(np.zeros(24 * 2_000, np.int16)))
    item_id = driver.send("input_audio_buffer.commit")[0]["item_id"]
    events = driver.hear("what is the time")
    name = "conversation.item.input_audio_transcription"
    assert types(events) == [f"{name}.delta"] * 4 + [f"{name}.completed"]
    assert "".join(event["delta"] for event in events[:-1]) == events[-1]["transcript"] == "what is the time"
    assert events[-1]["usage"]["input_token_details"] == {"audio_tokens": 20, "text_tokens": 0}
    (retrieved,) = driver.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"][0]["transcript"] == "what is the time"


def test_without_transcription_sound_is_recognised_without_events() -> None:
    driver = Driver()
    driver.say(*SPEECH, *SILENCE)
    assert driver.hear("hello") == []
    assert driver.recognize.stored.recognition is not None


def test_failed_recognition_fails_one_transcript_only() -> None:
    driver = _manual()
    driver.send("input_audio_buffer.append", audio=base64_of(np.zeros(4_800, np.int16)))
    driver.send("input_audio_buffer.commit")
    job = driver.recognize
    driver.machine.recognized(job.stored, Recognition("", False, 0.0, failure="no model"), job.transcription)
    (event,) = driver.drain()
    assert event["type"] == "conversation.item.input_audio_transcription.failed"
    assert event["error"]["code"] == "audio_unintelligible"
    assert "no model" in event["error"]["message"]


def test_logprobs_come_when_they_are_asked_for() -> None:
    driver = _manual()
    driver.effective(include=["item.input_audio_transcription.logprobs"])
    driver.send("input_audio_buffer.append", audio=base64_of(np.zeros(4_800, np.int16)))
    driver.send("input_audio_buffer.commit")
    events = driver.hear("two words")
    assert [entry["token"] for entry in events[-1]["logprobs"]] == ["two", "words"]


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_telephone_formats_keep_the_clock_in_milliseconds(law: g711.Law) -> None:
    driver = Driver()
    driver.effective(audio={"input": {"turn_detection": None, "format": {"type": f"audio/{law}"}}})
    second = (np.sin(np.arange(8_000) * 2 * np.pi * 440 / 8_000) * 8_000).astype(np.int16)
    coded = g711.encode(second, law)
    for start in range(0, len(coded), 160):
        driver.send("input_audio_buffer.append", audio=base64.b64encode(coded[start : start + 160]).decode())
    driver.send("input_audio_buffer.commit")
    sound = driver.recognize.stored.user_sound
    assert sound is not None
    assert abs(sound.size - 24_000) < 24 * 10
    spectrum = np.abs(np.fft.rfft(sound.astype(float)))
    assert abs(int(spectrum.argmax()) * 24_000 / sound.size - 440) < 2
