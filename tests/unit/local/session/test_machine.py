"""Invalid frames and events get an error, and the session stays open."""

from __future__ import annotations

import pytest

from tests.unit.local.driver import Driver


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{nope", "invalid_json"),
        ("[]", "invalid_event"),
        ('"text"', "invalid_event"),
        ("{}", "invalid_event"),
        (b"\xff\xfe", "invalid_json"),
        ('{"type": "session.destroy"}', "invalid_value"),
        ('{"type": 3}', "invalid_value"),
        ('{"type": "conversation.item.delete"}', "missing_required_parameter"),
        ('{"type": "conversation.item.create"}', "missing_required_parameter"),
        ('{"type": "conversation.item.create", "item": {}}', "missing_required_parameter"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter"),
        ('{"type": "input_audio_buffer.commit", "surprise": 1}', "unknown_parameter"),
        ('{"type": "output_audio_buffer.clear"}', "invalid_event"),
        ("[" * 100_000, "invalid_json"),
    ],
)
def test_invalid_frames_get_errors_and_the_session_goes_on(frame: str | bytes, code: str) -> None:
    driver = Driver()
    driver.machine.receive(frame)
    (event,) = driver.drain()
    assert event["type"] == "error"
    assert event["error"]["code"] == code
    assert event["error"]["message"]
    assert driver.effective()["type"] == "realtime"


def test_an_error_names_the_clients_event() -> None:
    driver = Driver()
    (event,) = driver.send("session.destroy", event_id="mine")
    assert event["error"]["event_id"] == "mine"
    (event,) = driver.send("session.destroy")
    assert event["error"]["event_id"] is None


def test_expiry_sends_session_expired() -> None:
    driver = Driver(lifetime_s=90)
    driver.machine.expire()
    (event,) = driver.drain()
    assert event["error"]["code"] == "session_expired"
    assert "1.5 minutes" in event["error"]["message"]


def test_close_stops_every_response() -> None:
    driver = Driver()
    driver.send("response.create")
    driver.send("response.create", response={"conversation": "none"})
    driver.machine.close()
    driver.drain()
    assert [type(job).__name__ for job in driver.jobs] == ["Perform", "Perform", "Stop", "Stop"]
