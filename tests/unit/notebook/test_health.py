"""Losses are counted where they happen, shown as `w.health`, and logged once a minute at most."""

from __future__ import annotations

import logging
from dataclasses import fields

import pytest

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.conversation import AudioLost
from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.event_log import EventLog
from realtime_nb.notebook.health import Health, HealthMonitor
from realtime_nb.notebook.options import Options
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.session_state import SessionState
from realtime_nb.wire.realtime import decode_server


class Stage:
    """The parts of a widget that count losses."""

    def __init__(self) -> None:
        self.pages = Pages()
        self.channel = Channel(lambda content, buffers: None)
        self.sound = PageSound(self.channel, self.pages)
        self.events = EventLog(self.channel, self.pages)
        self.state = SessionState(Options(), SessionConfig())
        self.monitor = HealthMonitor(self.sound, self.channel, self.pages, self.events, self.state)


def test_health_is_empty_and_says_so_when_nothing_was_lost() -> None:
    nothing = Health(microphone_frames=1200)
    assert not nothing
    assert (len(nothing), nothing.losses, repr(nothing)) == (0, (), "<Health: all well>")


def test_health_names_each_loss_with_its_count() -> None:
    lost = Health(microphone_frames_missing=3, underruns=2)
    assert len(lost) == 2
    assert repr(lost) == (
        "<Health: microphone frames that did not reach the kernel: 3; "
        "times the page played silence because the sound of an answer came late: 2>"
    )


def test_every_count_of_health_has_words_except_the_total() -> None:
    counts = [part.name for part in fields(Health) if part.default == 0]
    assert len(counts) > 8
    for name in counts:
        assert bool(Health(**{name: 1}).losses) == (name != "microphone_frames"), name  # type: ignore[arg-type]


def test_a_parked_session_is_named_and_is_no_loss() -> None:
    stage = Stage()
    stage.state.parked = "The session is parked."
    assert not stage.monitor.health
    assert repr(stage.monitor.health) == "<Health: all well; The session is parked.>"
    assert stage.monitor.losses() == []


async def test_monitor_reads_the_counts_of_all_parts() -> None:
    stage = Stage()
    stage.pages.claim("p", 0.0)
    stage.sound.microphone.open("p")
    stage.sound.microphone.put("p", 4, 0.1, b"\0\0")
    stage.sound.microphone.dropped_ms = 40.4
    stage.pages.missing_messages = 6
    for underruns in (1, 2):
        report = m.PlayState(seq=1, page="p", epoch=0, state="playing", items=[], underruns=underruns)
        stage.sound.speaker.report(report)
    stage.pages.claim("reloaded", 1.0)
    stage.sound.speaker.report(m.PlayState(seq=1, page="reloaded", epoch=0, state="playing", items=[], underruns=1))
    stage.channel.lost = 7
    stage.sound.speaker.abandoned = 1
    odd = b'{"type": "response.output_text.delta", "output_index": [], "content_index": "x", "delta": "hi"}'
    stage.events.add("server", decode_server(odd))
    stage.state.on_changes([AudioLost("item", "not base64")])
    assert stage.monitor.health == Health(
        microphone_frames=1,
        microphone_frames_missing=4,
        microphone_ms_dropped=40,
        page_messages_missing=6,
        kernel_messages_missing=7,
        underruns=3,
        answers_abandoned=1,
        fields_unread=2,
        sound_unread=1,
    )


def test_losses_are_logged_once_a_minute_at_most(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("realtime_nb.notebook.health.time.monotonic", lambda: clock[-1])
    stage = Stage()
    with caplog.at_level(logging.WARNING, "realtime_nb"):
        assert stage.monitor.losses() == []
        for now, missing in ((1000.0, 1), (1030.0, 2), (1059.0, 3), (1061.0, 3), (1200.0, 3)):
            clock.append(now)
            stage.sound.microphone.missing = missing
            assert stage.monitor.losses() == [f"microphone frames that did not reach the kernel: {missing}"]
    assert [record.getMessage()[-2:] for record in caplog.records] == ["1.", "3."]
