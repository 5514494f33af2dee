"""The sound that a page plays: the `AudioSink` of a session, on the other side of the comm.

Owns what was sent to be played, what the play worklet says it played, and silence on demand. Must not know sessions.
Runs on the loop only.

The worklet's counter is the truth: nothing here guesses from a clock how much was heard.

Where a page holds the socket (`carried`), it plays the sound before it is written here; `write` and `done` then only
keep account of it, and two sides count epochs. The invariants:

- Whoever raises the epoch silences what is below it, in the same moment. The page raises its own at every
  `speech_started`, the kernel its own at every interruption that it decides (a typed turn, `w.interrupt()`), and each
  takes over a larger one of the other's. So a `flush` that a busy kernel sends late is not above the page's epoch, and
  kills nothing that began since.
- What is written here between two reports of the page stands in the order in which the page heard it
  (`page_socket`): an interruption that the page noticed cuts what was written before it, and never the next answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.lease import Pages
from realtime_nb.notebook.page.messages import AudioDoneMessage, AudioMessage, Flush, PlayState, PlayStopped

__all__ = ["Speaker"]

Key = tuple[str, int]
_STALLED_S = 10.0
"""A page that plays reports ten times a second; one that says nothing new for so long plays nothing any more."""
_MAX_CHUNK = 512 * 1024
"""Bytes a message; a longer delta is cut, because one message of a minute would hold up everything behind it."""


@dataclass
class _Track:
    """One item's sound in the current epoch: what was sent and is not yet known to be played."""

    chunks: list[tuple[int, bytes]] = field(default_factory=list)
    sent: int = 0
    total: int | None = None
    played: int = 0

    @property
    def finished(self) -> bool:
        return self.total is not None and self.played >= self.total


class Speaker:
    """Sends sound to the page that holds the lease, and knows how much of it was heard.

    Epochs of the session come in; `epoch` and everything that pages see counts on over all sessions of the widget.

    Args:
        channel: the comm.
        pages: who is there.
        on_played: called with `(item_id, content_index, samples, final)` as the worklet reports.

    Attributes:
        carried: the page has the sound already when it is written here.
    """

    def __init__(self, channel: Channel, pages: Pages, on_played: Callable[[str, int, int, bool], None]) -> None:
        self._channel = channel
        self._pages = pages
        self._on_played = on_played
        self._tracks: dict[Key, _Track] = {}
        self._flushes: list[tuple[int, asyncio.Future[dict[Key, int]]]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._state = "idle"
        self._moved_at = 0.0
        self._base = 0
        self.epoch = 0
        self.underruns = 0
        self.carried = False

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Play `pcm` (PCM16, 24 kHz) as the item's sound from `start_sample` on."""
        if not self._current(epoch) or not pcm:
            return
        if not len(self._pages):
            # Nobody shows the widget: only the newest answer waits for somebody who does.
            self._tracks = {key: track for key, track in self._tracks.items() if track.total is None}
        track = self._tracks.setdefault((item_id, content_index), _Track())
        self._moved_at = asyncio.get_running_loop().time()
        for offset in range(0, len(pcm), _MAX_CHUNK):
            piece = pcm[offset : offset + _MAX_CHUNK]
            start = start_sample + offset // 2
            track.chunks.append((start, piece))
            track.sent = start + len(piece) // 2
            if not self.carried:
                self._send(item_id, content_index, start, piece)

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """The item's sound is complete."""
        track = self._tracks.get((item_id, content_index)) if self._current(epoch) else None
        if track is None:
            return  # the server's last word on sound that was interrupted: nobody waits for its end any more
        track.total = samples
        if not self.carried:
            self._send_done(item_id, content_index, samples)
        self._settle()

    async def flush(self, epoch: int) -> list[PlayedItem]:
        """Silence now; what was heard of each item, by the worklet's counter.

        Where no page plays, that is what was last reported. The session bounds the wait.
        """
        # What a page plays by itself, it may have begun to play since it last said so.
        sounding = self.sounding or (self.carried and self._pages.lease is not None)
        known = self._unheard()
        self.silence(epoch)
        if not sounding:
            return [PlayedItem(*key, played) for key, played in known.items()]
        return await self._stopped(self.epoch, known)

    def silenced(self, epoch: int) -> Awaitable[list[PlayedItem]]:
        """The page has fallen silent by itself, at a point of the stream that the session has just reached.

        Everything written so far was before it; what is written from here on is of the sound after it.
        """
        known = self._unheard()
        self._drop(epoch)
        self._settle()
        # Any report of a silence that comes from here on is of this one, or of a later one.
        return self._stopped(0, known)

    def _unheard(self) -> dict[Key, int]:
        return {key: track.played for key, track in self._tracks.items() if not track.finished}

    def _stopped(self, epoch: int, known: dict[Key, int]) -> Awaitable[list[PlayedItem]]:
        stopped: asyncio.Future[dict[Key, int]] = asyncio.get_running_loop().create_future()
        self._flushes.append((epoch, stopped))

        async def heard() -> list[PlayedItem]:
            try:
                played = await stopped
            finally:
                self._flushes = [(wanted, future) for wanted, future in self._flushes if future is not stopped]
            # What never reached the page was not heard, whatever was sent.
            return [PlayedItem(*key, played.get(key, before)) for key, before in known.items()]

        return asyncio.ensure_future(heard())

    def silence(self, epoch: int) -> None:
        """Drop what was sent below `epoch`, here and in every page."""
        self._drop(epoch)
        self._channel.send(Flush(epoch=self.epoch))
        self._settle()

    def _drop(self, epoch: int) -> None:
        self.epoch = max(self.epoch, self._base + epoch)
        self._tracks.clear()

    def reset(self) -> None:
        """A session is over, and the next counts its epochs from 0 again: pages only ever see them grow."""
        self.carried = False
        self._base = self.epoch + 1
        self.silence(0)
        for _, future in self._flushes:
            if not future.done():
                future.set_result({})

    def _current(self, epoch: int) -> bool:
        epoch += self._base
        if epoch < self.epoch:
            return False
        self.epoch = epoch
        return True

    @property
    def sounding(self) -> bool:
        """Whether a page makes sound of ours right now."""
        return self._pages.lease is not None and self._state == "playing"

    @property
    def playing(self) -> bool:
        """Whether sound is being heard or is about to be; False behind a play prompt and without a page."""
        if self._pages.lease is None or self.blocked:
            return False
        return any(not track.finished for track in self._tracks.values())

    @property
    def blocked(self) -> bool:
        """Whether the page waits for a gesture."""
        return self._pages.lease is not None and self._state == "blocked"

    async def drained(self) -> None:
        """Wait until all was played, or nobody plays."""
        if self.playing:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    def give_up(self, now: float) -> bool:
        """Stop waiting for sound that got lost on its way, or in a page that stopped playing; True where it was so."""
        if not self.playing or now - self._moved_at < _STALLED_S:
            return False
        self._tracks.clear()
        self._settle()
        return True

    def report(self, message: PlayState | PlayStopped) -> None:
        """Take what the page that holds the lease says of its speaker."""
        self._adopt(message.epoch)
        if message.page != self._pages.lease and not (isinstance(message, PlayStopped) and message.cause == "lease"):
            return
        final = isinstance(message, PlayStopped)
        for item in message.items:
            track = self._tracks.get((item.item_id, item.content_index))
            if track is not None:
                if item.played > track.played:
                    self._moved_at = asyncio.get_running_loop().time()
                track.played = max(track.played, item.played)
                while track.chunks and track.chunks[0][0] + len(track.chunks[0][1]) // 2 <= track.played:
                    track.chunks.pop(0)
            complete = track is not None and track.finished
            self._on_played(item.item_id, item.content_index, item.played, final or complete)
            if complete:
                self._tracks.pop((item.item_id, item.content_index), None)
        if isinstance(message, PlayState):
            self._state = message.state
            self.underruns = message.underruns
        else:
            self._state = "idle"
            for epoch, future in self._flushes:
                if message.epoch >= epoch - 1 and not future.done():
                    future.set_result({(item.item_id, item.content_index): item.played for item in message.items})
            if self.carried and message.cause == "user":
                self._tracks.clear()  # stopped by the person, before anything that is written from here on
        self._settle()

    def _adopt(self, epoch: int) -> None:
        """The page has raised the epoch by itself: the next of the session's is above it too."""
        if self.carried and epoch > self.epoch:
            self._base += epoch - self.epoch
            self.epoch = epoch

    def move(self) -> None:
        """Another page has the sound now, or the page was loaded anew: what was not heard is sent again."""
        self._state = "idle"
        if self._pages.lease is None:
            for _, future in self._flushes:
                if not future.done():
                    future.set_result({})
            self._settle()
            return
        for (item_id, index), track in self._tracks.items():
            for start, piece in track.chunks:
                skip = max(0, track.played - start)
                self._send(item_id, index, start + skip, piece[skip * 2 :])
            if track.total is not None:
                self._send_done(item_id, index, track.total)

    def _send(self, item_id: str, index: int, start: int, piece: bytes) -> None:
        self._channel.send(
            AudioMessage(epoch=self.epoch, item_id=item_id, content_index=index, start=start), sound=piece
        )

    def _send_done(self, item_id: str, index: int, samples: int) -> None:
        self._channel.send(AudioDoneMessage(epoch=self.epoch, item_id=item_id, content_index=index, samples=samples))

    def _settle(self) -> None:
        if not self.playing:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
