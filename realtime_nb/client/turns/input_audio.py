"""The user's sound on its way out: the microphone, and what of it is not yet a turn.

Owns the count of what was appended and not committed, and who may append while recorded sound is asked. Must not know
widgets or how turns are answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.conversation import ClearSent, CommitSent, InputAppended

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Pcm: TypeAlias = "bytes | bytearray | memoryview | npt.NDArray[np.int16]"

MINIMUM_SAMPLES = RATE_HZ // 10
"""The service refuses to commit less than 100 ms."""


class InputAudio:
    """What goes into the input buffer.

    Args:
        sender: sends it.
        feed: gets what was sent, for the conversation's clips.

    Attributes:
        on_held: told when the microphone is held off and let in again: a page that sends it must do so too.
        speaking: whether the server hears speech.
    """

    def __init__(self, sender: Sender, feed: ConversationFeed) -> None:
        self.on_held: Callable[[bool], None] | None = None
        self.speaking = False
        self._held = False
        self._sender = sender
        self._feed = feed
        self._uncommitted_samples = 0

    @property
    def is_a_turn(self) -> bool:
        """Whether there is enough in the buffer to commit."""
        return self._uncommitted_samples >= MINIMUM_SAMPLES

    @property
    def held(self) -> bool:
        """Whether the microphone is held off."""
        return self._held

    @held.setter
    def held(self, on: bool) -> None:
        if on != self._held:
            self._held = on
            if self.on_held is not None:
                self.on_held(on)

    async def from_microphone(self, pcm: Pcm) -> None:
        """Sound of the microphone; dropped while it is held off."""
        if not self._held:
            await self.append(pcm)

    def appended(self, pcm: bytes) -> None:
        """Sound that is in the input buffer now, whoever sent it: a page that holds the socket does so by itself."""
        self._uncommitted_samples += len(pcm) // 2
        self._feed.add(InputAppended(pcm))

    async def append(self, pcm: Pcm) -> bool:
        """Sound that goes out whoever holds the microphone. Returns False where there is no connection to take it."""
        if isinstance(pcm, bytes):
            data = pcm
        else:
            from realtime_nb.audio import as_pcm16  # numpy: whoever gives an array has it already

            data = as_pcm16(pcm).tobytes()
        if not await self._sender.append(data):
            return False
        self.appended(data)
        return True

    def committed(self) -> None:
        """A commit leaves: what is appended from here on is another turn's.

        A server that is told to commit in mid-speech says nothing of the end of that speech.
        """
        self._uncommitted_samples = 0
        self.speaking = False
        self._feed.add(CommitSent())

    def on_transport_lost(self) -> None:
        """The session is gone, and with it what was appended and not committed."""
        self._uncommitted_samples = 0
        self.speaking = False

    def carried(self, samples: int) -> None:
        """A new session was given the end of what the old one had."""
        self._uncommitted_samples = samples

    def server_committed(self) -> None:
        """The server made a turn of the buffer by itself: what is left in it is not known, and little."""
        self._uncommitted_samples = 0

    def cleared(self) -> None:
        """A clear leaves: what was appended is gone, and so is any speech that was heard in it."""
        self._uncommitted_samples = 0
        self.speaking = False
        self._feed.add(ClearSent())
