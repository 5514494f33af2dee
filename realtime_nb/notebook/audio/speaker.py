"""The assistant's sound on its way to the page that plays it: the `AudioSink` of a widget's session.

Owns the sound that the page has not played yet, and silence on demand. Must not know sessions. Runs on the loop only.

The worklet's sample counter alone says how much was heard; nothing here estimates it from a clock. `report` passes it
on to the conversation, which alone keeps it, and drops the sound that was played.

Where a page holds the socket (`carried`), it plays the sound before it is written here. `write` and `done` then only
record it, and both sides count epochs. Two invariants:

- The side that raises the epoch silences all sound of a lower epoch in the same moment. The page raises its epoch at
  every `speech_started`, the kernel at every interruption that it decides (a typed turn, `w.interrupt()`), and each
  adopts a larger epoch of the other. So a `flush` that a busy kernel sends late is not above the page's epoch, and
  silences nothing that began since.
- Sound that is written here between two reports of the page stands in the order in which the page received it
  (browser/transport.py): an interruption that the page noticed cuts the sound written before it, and never the next
  answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.conversation import Played
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.messages import AudioDoneMessage, AudioMessage, Flush, PlayState, PlayStopped
from realtime_nb.notebook.page.pages import Pages

Key = tuple[str, int]
_STALLED_S = 10.0
"""A page that plays reports ten times a second; one that says nothing new for so long plays nothing any more."""
_MAX_CHUNK = 512 * 1024
"""Bytes of sound in one message; a longer delta is cut, because all messages wait behind a long one."""


@dataclass
class _Track:
    """One part's sound of the current epoch that the page has not played yet, each chunk with its first sample."""

    unplayed: list[tuple[int, bytes]] = field(default_factory=list)
    complete: bool = False

    @property
    def finished(self) -> bool:
        return self.complete and not self.unplayed

    def drop(self, played: int) -> bool:
        """Drop the sound before sample `played`; returns whether there was any."""
        heard = bool(self.unplayed) and self.unplayed[0][0] < played
        while self.unplayed and self.unplayed[0][0] < played:
            start, piece = self.unplayed.pop(0)
            if rest := piece[(played - start) * 2 :]:
                self.unplayed.insert(0, (played, rest))
        return heard


class Speaker:
    """Sends the assistant's sound to the page that has the lease, and records how much of it was played.

    Each session counts its epochs from 0; `epoch`, which pages see, grows over all sessions of the widget.

    Args:
        channel: the comm.
        pages: the pages, and which of them plays.

    Attributes:
        epoch: sound of a lower one is never heard again.
        carried: the page has the sound already when it is written here.
        abandoned: answers that the page has stopped to play before their end, without being asked to.
    """

    def __init__(self, channel: Channel, pages: Pages) -> None:
        self._channel = channel
        self._pages = pages
        self._tracks: dict[Key, _Track] = {}
        self._flushes: list[tuple[int, asyncio.Future[dict[Key, int]]]] = []
        self._drained = asyncio.Event()
        self._state = "idle"
        self._moved_at = 0.0
        self._base = 0
        self._underruns: dict[str, int] = {}
        self.epoch = 0
        self.abandoned = 0
        self.carried = False

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Play `pcm` (PCM16, 24 kHz) as the item's sound from `start_sample` on."""
        if not self._current(epoch) or not pcm:
            return
        if not len(self._pages):
            # No page shows the widget: only the newest answer is kept for a page that comes.
            self._tracks = {key: track for key, track in self._tracks.items() if not track.complete}
        track = self._tracks.setdefault((item_id, content_index), _Track())
        self._moved_at = asyncio.get_running_loop().time()
        for offset in range(0, len(pcm), _MAX_CHUNK):
            piece = pcm[offset : offset + _MAX_CHUNK]
            start = start_sample + offset // 2
            track.unplayed.append((start, piece))
            if not self.carried and self._pages.lease is not None:  # a page that comes gets it from `resend_unheard`
                self._send(item_id, content_index, start, piece)

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """Note that the item's sound is complete."""
        track = self._tracks.get((item_id, content_index)) if self._current(epoch) else None
        if track is None:
            return  # the end of sound that was interrupted
        track.complete = True
        if not self.carried and self._pages.lease is not None:
            self._send_done(item_id, content_index)
        self._settle()

    async def flush(self, epoch: int) -> list[PlayedItem]:
        """Silence the page now, and return what it has played of each part, by the worklet's counter.

        Where no page plays, nothing is added to what `report` has passed on. The session bounds the wait.
        """
        # A page that carries the sound may have begun to play since its last report.
        sounding = self.sounding or (self.carried and self._pages.lease is not None)
        unfinished = self._unfinished()
        self.silence(epoch)
        if not sounding:
            return [PlayedItem(*key, 0) for key in unfinished]
        return await self._stopped(self.epoch, unfinished)

    def silenced(self, epoch: int) -> Awaitable[list[PlayedItem]]:
        """Return what was played where the page has fallen silent by itself, at this point of the stream.

        All sound written so far came before that point; what is written from here on comes after it.
        """
        unfinished = self._unfinished()
        self._drop(epoch)
        self._settle()
        # Any report of a silence that arrives from here on is about this one or a later one.
        return self._stopped(0, unfinished)

    def _unfinished(self) -> list[Key]:
        return [key for key, track in self._tracks.items() if not track.finished]

    def _stopped(self, epoch: int, unfinished: list[Key]) -> Awaitable[list[PlayedItem]]:
        stopped: asyncio.Future[dict[Key, int]] = asyncio.get_running_loop().create_future()
        self._flushes.append((epoch, stopped))

        async def heard() -> list[PlayedItem]:
            try:
                played = await stopped
            finally:
                self._flushes = [(wanted, future) for wanted, future in self._flushes if future is not stopped]
            # Sound that never reached the page was not heard, whatever was sent.
            return [PlayedItem(*key, played.get(key, 0)) for key in unfinished]

        return asyncio.ensure_future(heard())

    def silence(self, epoch: int) -> None:
        """Drop the sound below `epoch`, here and in every page."""
        self._drop(epoch)
        self._channel.send(Flush(epoch=self.epoch))
        self._settle()

    def _drop(self, epoch: int) -> None:
        self.epoch = max(self.epoch, self._base + epoch)
        self._channel.void_sound(self.epoch)
        self._tracks.clear()

    def reset(self) -> None:
        """Prepare for another session, which counts its epochs from 0 again while those that pages see only grow."""
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
    def plays(self) -> bool:
        """Whether a page has the sound, to be played at once or after a gesture."""
        return self._pages.lease is not None

    @property
    def sounding(self) -> bool:
        """Whether a page plays our sound right now."""
        return self._pages.lease is not None and self._state == "playing"

    @property
    def playing(self) -> bool:
        """Whether sound is being heard or is about to be; False behind a play prompt and without a page."""
        if self._pages.lease is None or self.blocked:
            return False
        return any(not track.finished for track in self._tracks.values())

    @property
    def blocked(self) -> bool:
        """Whether the page waits for a gesture, without which a browser plays nothing (docs/notebook.md 15)."""
        return self._pages.lease is not None and self._state == "blocked"

    async def drained(self) -> None:
        """Wait until all sound was played, or no page plays."""
        if self.playing:
            self._drained.clear()
            await self._drained.wait()

    def wait(self, now: float) -> None:
        """Go on waiting: sound is still on its way to the page, behind all that a cell prints (docs/notebook.md 29)."""
        self._moved_at = now

    def stalled(self, now: float) -> bool:
        """Whether the page has all of the sound and has stopped to play it; counts that, once in ten seconds."""
        if not self.playing or now - self._moved_at < _STALLED_S:
            return False
        self._moved_at = now
        self.abandoned += 1
        return True

    @property
    def underruns(self) -> int:
        """How often a page had to play silence in the middle of an answer, because its sound came late."""
        return sum(self._underruns.values())

    def waiting_for_gesture(self, message: PlayState | PlayStopped) -> list[str]:
        """Return the items that the page holds back behind its play prompt; ask before `report`, which drops sound.

        The report that ends the wait counts, too: it stands before the sound that has come since the last one.
        """
        blocked = self._state == "blocked" or (isinstance(message, PlayState) and message.state == "blocked")
        if not blocked or message.page != self._pages.lease:
            return []
        return [key[0] for key, track in self._tracks.items() if track.unplayed and track.unplayed[0][0] == 0]

    def report(self, message: PlayState | PlayStopped) -> list[Played]:
        """Record what the page with the lease has played, and return it for the conversation."""
        self._adopt(message.epoch)
        if message.page != self._pages.lease and not (isinstance(message, PlayStopped) and message.cause == "lease"):
            return []
        played = []
        stopped = isinstance(message, PlayStopped)
        for item in message.items:
            track = self._tracks.get((item.item_id, item.content_index))
            if track is not None and track.drop(item.played):
                self._moved_at = asyncio.get_running_loop().time()
            complete = track is not None and track.finished
            played.append(Played(item.item_id, item.content_index, item.played, stopped or complete))
            if complete:
                self._tracks.pop((item.item_id, item.content_index), None)
        if isinstance(message, PlayState):
            self._state = message.state
            self._underruns[message.page] = message.underruns  # counted by the page since it was loaded
        else:
            self._state = "idle"
            for epoch, future in self._flushes:
                if message.epoch >= epoch - 1 and not future.done():
                    future.set_result({(item.item_id, item.content_index): item.played for item in message.items})
            if self.carried and message.cause == "user":
                self._tracks.clear()  # stopped by the person, before any sound that is written from here on
        self._settle()
        return played

    def _adopt(self, epoch: int) -> None:
        """Adopt an epoch that the page has raised by itself, so that the session's next one is above it too."""
        if self.carried and epoch > self.epoch:
            self._base += epoch - self.epoch
            self.epoch = epoch

    def resend_unheard(self) -> None:
        """Send what was not played yet to the page that has the lease now, because it is another or was reloaded."""
        self._state = "idle"
        if self._pages.lease is None:
            for _, future in self._flushes:
                if not future.done():
                    future.set_result({})
            self._settle()
            return
        for (item_id, index), track in self._tracks.items():
            for start, piece in track.unplayed:
                self._send(item_id, index, start, piece)
            if track.complete:
                self._send_done(item_id, index)

    def _send(self, item_id: str, index: int, start: int, piece: bytes) -> None:
        self._channel.send(
            AudioMessage(epoch=self.epoch, item_id=item_id, content_index=index, start=start), sound=piece
        )

    def _send_done(self, item_id: str, index: int) -> None:
        self._channel.send(AudioDoneMessage(epoch=self.epoch, item_id=item_id, content_index=index))

    def _settle(self) -> None:
        if not self.playing:
            self._drained.set()
