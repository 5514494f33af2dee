"""The wire's events, for people: bounded, without sound and without keys.

Owns the records behind `widget.events` and the card's events panel. Must not know comms.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from realtime_nb.wire.realtime import to_dict

__all__ = ["EventLog", "EventRecord"]

_MAX_RECORDS = 2000
_SECRET = {"authorization", "headers", "api_key"}


@dataclass(frozen=True)
class EventRecord:
    """One event of the wire.

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
        return f"{self.at:8.3f} {arrow} {self.type} {self.summary}".rstrip()

    @property
    def summary(self) -> str:
        """The event's telling fields, in a line."""
        telling = ("transcript", "text", "delta", "name", "arguments", "item_id", "audio_end_ms", "response_id")
        found = [f"{key}={self.event[key]}" for key in telling if self.event.get(key)]
        if isinstance(self.event.get("error"), dict):
            found.insert(0, str(self.event["error"].get("message")))
        if isinstance(self.event.get("response"), dict):
            found.append(f"status={self.event['response'].get('status')}")
        return " ".join(found)[:300]


class EventLog:
    """The newest events, oldest first."""

    def __init__(self) -> None:
        self._records: deque[EventRecord] = deque(maxlen=_MAX_RECORDS)

    def add(self, at: float, direction: Literal["client", "server"], event: Any) -> EventRecord:
        """Keep an event (a struct or a dict) without its sound and its secrets."""
        raw = event if isinstance(event, dict) else to_dict(event)
        raw = raw.get("raw", raw) if "raw" in raw else raw
        kind = str(raw.get("type") or getattr(event, "type", "?"))
        record = EventRecord(at, direction, kind, _shown(raw, kind))
        self._records.append(record)
        return record

    def records(self) -> tuple[EventRecord, ...]:
        """A copy that does not change."""
        return tuple(self._records)


def _shown(value: Any, kind: str) -> Any:
    if isinstance(value, dict):
        shown: dict[str, Any] = {}
        for key, inner in value.items():
            if key in _SECRET and inner:
                shown[key] = "…"
            elif isinstance(inner, str) and (key == "audio" or (key == "delta" and "audio.delta" in kind)):
                shown[key] = f"<{len(inner) * 3 // 4} bytes of sound>"
            else:
                shown[key] = _shown(inner, kind)
        return shown
    if isinstance(value, list):
        return [_shown(inner, kind) for inner in value]
    if isinstance(value, str) and len(value) > 2000:
        return value[:2000] + "…"
    return value
