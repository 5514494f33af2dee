"""The losses of a widget so far: the value `w.health`, the card's Events panel, and a warning in the log.

Owns the list of losses, their words, and how often they are logged. The parts that lose something count it. Must not
know traits. The counts are read on any thread.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, fields

from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.event_log import EventLog
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.session_state import SessionState

_log = logging.getLogger("realtime_nb")
_LOG_EVERY_S = 60.0


def _count(words: str) -> int:
    counted: int = field(default=0, metadata={"words": words})
    return counted


@dataclass(frozen=True, kw_only=True)
class Health:
    """The losses since the widget was made; empty while all is well.

    Attributes:
        microphone_frames: frames that came from pages, to compare the losses with.
        microphone_frames_missing: frames that a page sent and that never came.
        microphone_frames_dropped: frames that were more than ten seconds old when they could be sent: they came late
            from the page, or waited while a connection was opened.
        microphone_ms_dropped: sound that came while the connection was lost.
        page_messages_missing: messages of pages that never came, microphone frames among them.
        kernel_messages_missing: messages that a page asked for again and that were not kept any more.
        underruns: how often a page had to play silence within an answer.
        answers_abandoned: how often a page stopped to play an answer before its end; it was cut there.
        fields_unread: fields of the server's events that could not be read; `event.lost` names them, `event.raw` has
            the whole frame.
        sound_unread: pieces of sound that the server sent and that could not be read.
        hearing: why the backend does not recognise free speech, with the next step; None where it does. No loss.
        parked: why the session was closed for want of use, in sentences; None while it is not. No loss: the next
            gesture or `ask` continues the conversation.
    """

    microphone_frames: int = 0
    microphone_frames_missing: int = _count("microphone frames that did not reach the kernel")
    microphone_frames_dropped: int = _count("microphone frames dropped because they were over 10 s old")
    microphone_ms_dropped: int = _count("milliseconds of microphone sound dropped while the connection was lost")
    page_messages_missing: int = _count("messages of the page that did not reach the kernel")
    kernel_messages_missing: int = _count("messages to the page that were lost and are not kept any more")
    underruns: int = _count("times the page played silence because the sound of an answer came late")
    answers_abandoned: int = _count("answers that the page stopped playing before their end")
    fields_unread: int = _count("fields of the server's events that could not be read")
    sound_unread: int = _count("pieces of the server's sound that could not be read")
    hearing: str | None = None
    parked: str | None = None

    @property
    def losses(self) -> tuple[str, ...]:
        """One line for each kind of loss; none while all is well."""
        counts = [(part.metadata.get("words"), getattr(self, part.name)) for part in fields(self)]
        return tuple(f"{words}: {count}" for words, count in counts if words and count)

    def __len__(self) -> int:
        return len(self.losses)

    def __repr__(self) -> str:
        words = ["; ".join(self.losses) or "all well", *filter(None, [self.hearing, self.parked])]
        return f"<Health: {'; '.join(words)}>"


class HealthMonitor:
    """Reads the counts of losses from the parts that keep them.

    Args:
        sound: the user's and the assistant's.
        channel, pages: the messages in both directions.
        events: of the server.
        state: counts sound that could not be read, and has why the session is parked.
    """

    def __init__(self, sound: PageSound, channel: Channel, pages: Pages, events: EventLog, state: SessionState) -> None:
        self._microphone = sound.microphone
        self._speaker = sound.speaker
        self._channel = channel
        self._pages = pages
        self._events = events
        self._state = state
        self._logged: tuple[str, ...] = ()
        self._logged_at = -_LOG_EVERY_S

    @property
    def health(self) -> Health:
        """The losses so far."""
        return Health(
            microphone_frames=self._microphone.frames,
            microphone_frames_missing=self._microphone.missing,
            microphone_frames_dropped=self._microphone.dropped,
            microphone_ms_dropped=round(self._microphone.dropped_ms),
            page_messages_missing=self._pages.missing_messages,
            kernel_messages_missing=self._channel.lost,
            underruns=self._speaker.underruns,
            answers_abandoned=self._speaker.abandoned,
            fields_unread=self._events.fields_unread,
            sound_unread=self._state.sound_unread,
            hearing=self._state.endpoint.hearing if self._state.endpoint is not None else None,
            parked=self._state.parked,
        )

    def losses(self) -> list[str]:
        """Return one line for each kind of loss, and log new losses, once a minute at most."""
        losses = self.health.losses
        now = time.monotonic()
        if losses != self._logged and now - self._logged_at >= _LOG_EVERY_S:
            self._logged, self._logged_at = losses, now
            _log.warning("Lost so far: %s.", "; ".join(losses))
        return list(losses)
