"""The user's sound: send it, and count what of it the server has not made a turn of.

Owns the count of samples that were appended and not committed, and whether the microphone is held off, because recorded
sound is asked or a limit is reached. Must not know widgets, or how turns are answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.stream_format import StreamEncoder, check_format
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.conversation import ClearSent, CommitSent, InputAppended
from realtime_nb.errors import AudioError, RealtimeError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Pcm: TypeAlias = "bytes | bytearray | memoryview | npt.NDArray[np.int16]"

MINIMUM_SAMPLES = RATE_HZ // 10
"""The service refuses to commit less than 100 ms."""


class InputAudio:
    """The input buffer of one session, as this side knows it.

    Args:
        sender: sends the sound.
        feed: gets what was sent, for the clips of the conversation.
        config: has the format that the server's echo names; sound is sent in it.

    Attributes:
        held: whether the microphone's sound does not reach the server.
        asking: whether recorded sound is asked; the microphone's sound is dropped meanwhile.
        on_held: called when `held` changes: a page that sends the microphone's sound by itself must follow it.
        speaking: whether the server hears speech.
    """

    def __init__(self, sender: Sender, feed: ConversationFeed, config: SessionConfig) -> None:
        self.held = False
        self.asking = False
        self.on_held: Callable[[bool], None] | None = None
        self._refusal: RealtimeError | None = None
        self.speaking = False
        self._sender = sender
        self._feed = feed
        self._config = config
        self._encoder: StreamEncoder | None = None
        self._encodes: tuple[str | None, int | None] = (None, None)
        self._uncommitted_samples = 0

    @property
    def is_a_turn(self) -> bool:
        """Whether the buffer holds enough for the service to accept a commit (docs/protocol.md 14)."""
        return self._uncommitted_samples >= MINIMUM_SAMPLES

    def hold(self, on: bool) -> None:
        """Hold the microphone off while recorded sound is asked, or let it in again."""
        self.asking = on
        self._follow()

    def refuse(self, error: RealtimeError | None) -> None:
        """Refuse the microphone's sound with an error, and discard what makes no turn yet; None lets it in again."""
        self._refusal = error
        self._follow()
        if error is not None and self._uncommitted_samples and not self.asking:
            self._sender.put({"type": "input_audio_buffer.clear"})

    def _follow(self) -> None:
        self.held = self.asking or self._refusal is not None
        if self.on_held is not None:
            self.on_held(self.held)

    async def from_microphone(self, pcm: Pcm) -> None:
        """Send the microphone's sound, unless it is held off; raises `BudgetError` where a limit is reached."""
        if not self.held and (self._config.input_is_usual or self.problem() is None):
            await self.append(pcm)
        elif self._refusal is not None:
            raise self._refusal.with_traceback(None)  # it may be raised for each frame

    def problem(self) -> AudioError | None:
        """Why no sound can be sent: the server wants a format that is not written here."""
        try:
            check_format(*self._config.input_format)
        except AudioError as error:
            return error
        return None

    def encoded(self, pcm: bytes) -> bytes:
        """Sound at 24 kHz in the format of the present session; raises `AudioError` where it is not written."""
        if self._config.input_is_usual:
            return pcm
        if self._encoder is None or self._encodes != self._config.input_format:
            self._encodes = self._config.input_format
            self._encoder = StreamEncoder(*self._encodes)
        return self._encoder.encode(pcm)

    async def finish(self) -> None:
        """Send what the conversion to the server's format held back: a commit follows."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None and (rest := encoder.flush()):
            await self._sender.append(rest)

    async def append(self, pcm: Pcm) -> bool:
        """Send sound, whether or not the microphone is held off; returns False where no connection takes it."""
        if isinstance(pcm, bytes):
            data = pcm
        else:
            from realtime_nb.audio import as_pcm16  # imports numpy, which a caller with an array has already

            data = as_pcm16(pcm).tobytes()
        sound = data if self._config.input_is_usual else self.encoded(data)
        if (sound or not data) and not await self._sender.append(sound):
            return False
        self.on_appended(data)
        return True

    def on_appended(self, pcm: bytes) -> None:
        """Count sound that is in the input buffer now; a page that holds the socket has sent it by itself."""
        self._uncommitted_samples += len(pcm) // 2
        self._feed.add(InputAppended(pcm))

    def on_commit_sent(self) -> None:
        """Begin another turn: a commit is sent, and what is appended from here on follows it."""
        self._uncommitted_samples = 0
        self.speaking = False  # a commit in mid-speech suppresses `speech_stopped` (docs/protocol.md 17)
        self._feed.add(CommitSent())

    def on_clear_sent(self) -> None:
        """Discard what was appended, and the speech in it: a clear is sent."""
        self._uncommitted_samples = 0
        self.speaking = False
        self._feed.add(ClearSent())

    def on_server_commit(self) -> None:
        """Count from 0: the server made a turn of the buffer by itself, and what is left in it is little."""
        self._uncommitted_samples = 0

    def on_carried_over(self, samples: int) -> None:
        """Count the end of the old session's buffer, which was sent to the new one."""
        self._uncommitted_samples = samples

    def on_transport_lost(self) -> None:
        """Discard what was appended and not committed: the session has gone with its buffer."""
        self._encoder = None
        self._uncommitted_samples = 0
        self.speaking = False
