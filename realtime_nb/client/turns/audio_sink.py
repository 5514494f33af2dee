"""The protocol of a player for the assistant's sound, and a player that plays nothing.

Owns `AudioSink`, which the notebook's speaker implements, and the smaller protocols that it is the sum of. Must not
know comms or events.
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


class PlayingState(Protocol):
    """Whether the assistant is heard."""

    @property
    def playing(self) -> bool:
        """Whether sound is being played, or waits to be."""


class SoundOutput(Protocol):
    """Takes the assistant's sound, to be played."""

    @property
    def plays(self) -> bool:
        """Whether there is a player for the sound that is written now."""

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Queue sound of an item, beginning at `start_sample` of it; sound of a past epoch must never be heard.

        Where the transport `carries_audio`, the page plays this sound already, and the sink only counts it.
        """

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """Note that all sound of a part was written: `samples` in all."""


class Playback(PlayingState, Protocol):
    """The sound that is playing, and how it ends before its time."""

    def flush(self, epoch: int) -> Awaitable[Sequence[Heard]]:
        """Fall silent now, drop the sound of every epoch below `epoch`, and report what was played.

        Returns:
            for every part that was written and not yet fully played, the samples that were. The conversation counts
            what was reported while it played; a smaller number here, like 0, adds nothing to that.
        """

    def silenced(self, epoch: int) -> Awaitable[Sequence[Heard]]:
        """Report what was played before this event, at which the sink has fallen silent by itself.

        The epoch begins with the call, not with the first await: what is written next belongs to the sound after it.
        Only called where the transport `carries_audio`; returns as `flush`.
        """


class PlaybackEnd(Protocol):
    """When the assistant's sound is over."""

    def drained(self) -> Awaitable[None]:
        """Return when all sound that was written is played, or will never be."""


class AudioSink(SoundOutput, Playback, PlaybackEnd, Protocol):
    """Plays PCM16 at 24 kHz. Called on the session's event loop; must be quick.

    A player implements all of it. The parts of a session name the protocol above that they use.
    """


class NullSink:
    """A sink for scripts and services, without a player: sound stays with its turn, and none counts as played."""

    plays = False
    playing = False

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Do nothing."""

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """Do nothing."""

    async def flush(self, epoch: int) -> Sequence[Heard]:
        """Report no parts: none was played, and none can be cut."""
        return []

    async def silenced(self, epoch: int) -> Sequence[Heard]:
        """As `flush`."""
        return []

    async def drained(self) -> None:
        """Return at once."""
