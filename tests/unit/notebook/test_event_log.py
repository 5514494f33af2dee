"""The log is for people: bounded, without sound, without secrets."""

from __future__ import annotations

import base64

from realtime_nb.notebook.event_log import EventLog
from realtime_nb.wire import realtime as wire


def test_sound_is_told_by_its_length() -> None:
    log = EventLog()
    delta = wire.ResponseOutputAudioDelta(item_id="i", delta=base64.b64encode(bytes(300)).decode())
    record = log.add(0.0, "server", delta)
    assert record.type == "response.output_audio.delta"
    assert record.event["delta"] == "<300 bytes of sound>"


def test_credentials_are_left_out() -> None:
    log = EventLog()
    tools = [{"type": "mcp", "server_label": "docs", "authorization": "hush", "headers": {"X-Key": "hush"}}]
    log.add(0.0, "client", {"type": "session.update", "session": {"type": "realtime", "tools": tools}})
    assert "hush" not in repr([record.event for record in log.records()])


def test_an_unknown_event_is_shown_as_it_came() -> None:
    record = EventLog().add(
        0.0, "server", wire.UnknownEvent(type="response.dance", raw={"type": "response.dance", "n": 1})
    )
    assert (record.type, record.event["n"]) == ("response.dance", 1)


def test_the_log_keeps_the_newest() -> None:
    log = EventLog()
    for number in range(3000):
        log.add(float(number), "client", {"type": "input_audio_buffer.clear"})
    assert len(log.records()) == 2000
    assert log.records()[-1].at == 2999.0


def test_a_record_reads_in_a_line() -> None:
    record = EventLog().add(1.5, "server", wire.ErrorEvent(error=wire.ErrorDetail(message="no such item", code="x")))
    assert "no such item" in repr(record)
    assert "\n" not in repr(record)
