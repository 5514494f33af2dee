"""The newest wire events for people to read, without sound and without keys: `widget.events` and the Events panel.

Owns the records, and sends them to pages that show the panel. Must not know sessions.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from realtime_nb.conversation.plain_text import in_one_line
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.messages import EventMessage
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.wire.realtime import to_dict

_MAX_RECORDS = 2000
_SECRET = {"authorization", "headers", "api_key"}


@dataclass(frozen=True)
class EventRecord:
    """One wire event, sent or received.

    Attributes:
        at: seconds since the widget was made.
        direction: `"client"` (sent) or `"server"` (received).
        type: the event's type.
        event: the event as a dict; sound is replaced by its length.
    """

    at: float
    direction: Literal["client", "server"]
    type: str
    event: dict[str, Any]

    def __repr__(self) -> str:
        arrow = "→" if self.direction == "client" else "←"
        return in_one_line(f"{self.at:8.3f} {arrow} {self.type} {self.summary}".rstrip())

    @property
    def summary(self) -> str:
        """The event's most informative fields, in one line."""
        telling = ("transcript", "text", "delta", "name", "arguments", "item_id", "audio_end_ms", "response_id")
        found = [f"{key}={self.event[key]}" for key in telling if self.event.get(key)]
        if isinstance(self.event.get("error"), dict):
            found.insert(0, str(self.event["error"].get("message")))
        if isinstance(self.event.get("response"), dict):
            found.append(f"status={self.event['response'].get('status')}")
        return " ".join(found)[:300]


class EventLog:
    """The newest events, oldest first.

    Args:
        channel, pages: events go to pages that show the panel.

    Attributes:
        fields_unread: how many fields of the server's events could not be read.
        sent: how many events were sent; those that restore a lost session are not among them.
    """

    def __init__(self, channel: Channel, pages: Pages) -> None:
        self.sent = 0
        self._channel = channel
        self._pages = pages
        self._records: deque[EventRecord] = deque(maxlen=_MAX_RECORDS)
        self._made_at = time.monotonic()
        self.fields_unread = 0

    def add(self, direction: Literal["client", "server"], event: Any) -> EventRecord:
        """Keep an event (a struct or a dict) without its sound and its secrets."""
        self.fields_unread += len(getattr(event, "lost", ()))
        raw = event if isinstance(event, dict) else to_dict(event)
        raw = raw.get("raw", raw) if "raw" in raw else raw
        kind = str(raw.get("type") or getattr(event, "type", "?"))
        record = EventRecord(time.monotonic() - self._made_at, direction, kind, _shown(raw, kind))
        self._records.append(record)
        self.sent += direction == "client"
        if self._pages.watching_events:
            self._channel.send(EventMessage(direction=direction, type=kind, summary=record.summary))
        return record

    def records(self) -> tuple[EventRecord, ...]:
        """Return a copy, oldest first."""
        return tuple(self._records)


def _shown(value: Any, kind: str) -> Any:
    if isinstance(value, dict):
        shown: dict[str, Any] = {}
        for key, inner in value.items():
            if key in _SECRET and inner:
                shown[key] = "…"
            elif isinstance(inner, str) and (key == "audio" or (key == "delta" and "audio.delta" in kind)):
                shown[key] = f"<{len(inner) * 3 // 4} bytes of sound>"
            elif isinstance(inner, (dict, list, str)) and (len(inner) > 2000 or not isinstance(inner, str)):
                shown[key] = _shown(inner, kind)
            else:
                shown[key] = inner
        return shown
    if isinstance(value, list):
        return [_shown(inner, kind) for inner in value]
    if isinstance(value, str) and len(value) > 2000:
        return value[:2000] + "…"
    return value
