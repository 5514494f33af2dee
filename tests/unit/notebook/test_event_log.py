"""The event log is bounded and holds neither sound nor secrets."""

from __future__ import annotations

import base64

from realtime_nb.notebook.event_log import EventLog
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.wire import realtime as wire


def _log() -> EventLog:
    return EventLog(Channel(lambda content, buffers: None), Pages())


def test_events_go_to_pages_that_show_the_panel_and_to_no_other() -> None:
    sent: list[str] = []
    pages = Pages()
    log = EventLog(Channel(lambda content, buffers: sent.append(content["type"])), pages)
    page = pages.heard("p", 0.0)
    log.add("client", {"type": "response.create"})
    page.events = True
    log.add("client", {"type": "response.cancel"})
    assert sent == ["response.cancel"]


def test_record_shows_the_length_of_sound_instead_of_the_sound() -> None:
    log = _log()
    delta = wire.ResponseOutputAudioDelta(item_id="i", delta=base64.b64encode(bytes(300)).decode())
    record = log.add("server", delta)
    assert record.type == "response.output_audio.delta"
    assert record.event["delta"] == "<300 bytes of sound>"


def test_record_holds_no_credentials() -> None:
    log = _log()
    tools = [{"type": "mcp", "server_label": "docs", "authorization": "hush", "headers": {"X-Key": "hush"}}]
    log.add("client", {"type": "session.update", "session": {"type": "realtime", "tools": tools}})
    assert "hush" not in repr([record.event for record in log.records()])


def test_record_of_an_unknown_event_is_its_raw_form() -> None:
    record = _log().add("server", wire.UnknownEvent(type="response.dance", raw={"type": "response.dance", "n": 1}))
    assert (record.type, record.event["n"]) == ("response.dance", 1)


def test_log_keeps_the_newest_records() -> None:
    log = _log()
    for number in range(3000):
        log.add("client", {"type": "input_audio_buffer.clear", "event_id": str(number)})
    kept = log.records()
    assert [record.event["event_id"] for record in kept] == [str(number) for number in range(1000, 3000)]
    assert kept[0].at <= kept[-1].at


def test_repr_of_a_record_is_one_line() -> None:
    record = _log().add("server", wire.ErrorEvent(error=wire.ErrorDetail(message="no such item", code="x")))
    assert "no such item" in repr(record)
    assert "\n" not in repr(record)
