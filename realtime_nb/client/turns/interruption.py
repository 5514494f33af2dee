"""What was heard of the assistant's sound, and where to cut it when someone interrupts.

Owns the ledger of received and played samples of every audio part that may still be cut. Pure. Must not know sockets,
and never guesses from a clock: it knows what was received, and what a sink reports (protocol notes 30 to 34).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from realtime_nb.client.turns.audio_sink import Heard

__all__ = ["Cut", "PlaybackLedger"]

SAMPLES_PER_MS = 24


@dataclass
class _Part:
    received: int = 0
    played: int = 0
    complete: bool = False


@dataclass(frozen=True)
class Cut:
    """Truncate this part at `audio_end_ms`; `samples` were played."""

    item_id: str
    content_index: int
    samples: int

    @property
    def audio_end_ms(self) -> int:
        """Whole milliseconds, rounded down: never more than was played, nor than was received."""
        return self.samples // SAMPLES_PER_MS


class PlaybackLedger:
    """The audio parts that are not over, in the order in which their sound began."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], _Part] = {}

    def received(self, item_id: str, content_index: int, end_sample: int) -> None:
        """Sound came, up to `end_sample` of its part."""
        part = self._parts.setdefault((item_id, content_index), _Part())
        part.received = max(part.received, end_sample)

    def completed(self, item_id: str, content_index: int) -> None:
        """No more sound will come of a part."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            part.complete = True
            self._settle((item_id, content_index), part)

    def played(self, item_id: str, content_index: int, samples: int) -> None:
        """A sink reports progress; it never goes back."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            part.played = max(part.played, min(samples, part.received))
            self._settle((item_id, content_index), part)

    def item_ids(self) -> set[str]:
        """The items that are not over."""
        return {item_id for item_id, _ in self._parts}

    def forget(self, item_id: str) -> None:
        """An item is gone."""
        for key in [key for key in self._parts if key[0] == item_id]:
            del self._parts[key]

    def _settle(self, key: tuple[str, int], part: _Part) -> None:
        if part.complete and part.played >= part.received:
            del self._parts[key]

    def cuts(self, report: Iterable[Heard] | None) -> list[Cut]:
        """Where to cut, in the order of the sound, and forget those parts.

        Args:
            report: what the sink says it played of each part that it had not played to its end. None where a sink did
                not answer: then the last known progress counts for every part that is not over.

        A part of which nothing was received is left alone (the service has no sound to cut), and so is one that was
        played to its end. One that was received and not played at all is cut at 0.
        """
        if report is not None:
            reported = {(item.item_id, item.content_index) for item in report}
            for item in report:
                self.played(item.item_id, item.content_index, item.played)
        cuts = []
        for key, part in list(self._parts.items()):
            if (report is None or key in reported) and part.received:
                del self._parts[key]
                cuts.append(Cut(*key, part.played))
        return cuts
