"""Where the assistant's sound goes.

Owns the `AudioSink` protocol, which a notebook's page implements, and a sink for where nothing plays. Must not know
comms or events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol


class Heard(Protocol):
    """How much of one audio part was played when a sink fell silent; samples at 24 kHz."""

    @property
    def item_id(self) -> str:
        """The item."""

    @property
    def content_index(self) -> int:
        """The part of it."""

    @property
    def played(self) -> int:
        """The samples that left the speaker."""


class PlayedItem(NamedTuple):
    """A plain `Heard`."""

    item_id: str
    content_index: int
    played: int


class AudioSink(Protocol):
    """Plays PCM16 at 24 kHz. Called on the session's event loop; must be quick."""

    @property
    def playing(self) -> bool:
        """Whether sound is being played, or waits to be."""

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Queue sound of an item, beginning at `start_sample` of it; sound of a past epoch must never be heard.

        Where the transport `carries_audio`, this sound is being played already: then it is only to be kept account of.
        """

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """All sound of a part was written: `samples` in all."""

    def flush(self, epoch: int) -> Awaitable[Sequence[Heard]]:
        """Fall silent now, drop everything of an epoch below `epoch`, and report what was played.

        Returns:
            for every part that was written and not yet fully played, the samples that were.
        """

    def silenced(self, epoch: int) -> Awaitable[Sequence[Heard]]:
        """What was played, where the sink has fallen silent by itself at this event, because it carries the sound.

        The epoch begins with the call, not with the first await: what is written next is of the sound after it.
        Only called where the transport `carries_audio`; returns as `flush`.
        """

    def drained(self) -> Awaitable[None]:
        """Returns when all that was written is played, or will never be."""


class NullSink:
    """Plays nothing: for scripts and services. Sound is received and kept with its turn; nothing counts as played."""

    playing = False

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Nothing."""

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """Nothing."""

    async def flush(self, epoch: int) -> Sequence[Heard]:
        """Nothing was played, and nothing can be cut."""
        return []

    async def silenced(self, epoch: int) -> Sequence[Heard]:
        """As `flush`."""
        return []

    async def drained(self) -> None:
        """At once."""
