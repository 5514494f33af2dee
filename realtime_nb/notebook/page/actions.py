"""Acts on each message of a page: the microphone, playback reports, typed turns and requests.

Owns the meaning of a page's messages. Must not know the wire. Runs on the loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from realtime_nb.conversation import Conversation
from realtime_nb.errors import MicrophoneError
from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.experiments.page_requests import ExperimentRequests
from realtime_nb.notebook.microphone_remedies import microphone_remedy
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.lease import SoundLease
from realtime_nb.notebook.page.pages import Page, Pages
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.parking import Parking
from realtime_nb.notebook.session_lifecycle import SessionLifecycle
from realtime_nb.notebook.session_state import SessionState
from realtime_nb.notebook.trait_publisher import TraitPublisher


class PageActions:
    """Acts on the messages of a widget's pages.

    Args:
        state: the session, if there is one.
        lifecycle: starts the session and passes on what the person does.
        lease: which page has sound and microphone.
        pages, channel, transcript: the pages and what they are sent.
        sound: the user's and the assistant's.
        traits: show what changed.
        parking: follows what the person does.
        experiments: acts on what is asked about single turns.
        branch: opens or closes a fork, on another thread.
    """

    def __init__(
        self,
        state: SessionState,
        lifecycle: SessionLifecycle,
        lease: SoundLease,
        pages: Pages,
        channel: Channel,
        transcript: Transcript,
        sound: PageSound,
        traits: TraitPublisher,
        parking: Parking,
        experiments: ExperimentRequests,
        branch: Callable[[m.Fork | m.BranchClose], None],
    ) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._lease = lease
        self._pages = pages
        self._channel = channel
        self._transcript = transcript
        self._sound = sound
        self._microphone = sound.microphone
        self._speaker = sound.speaker
        self._sockets = sound.sockets
        self._traits = traits
        self._parking = parking
        self._experiments = experiments
        self._branch = branch
        self._played_at_stop: dict[tuple[str, int], int] | None = None

    def deliver(self, message: m.PageMessage) -> None:
        """Act on the next message of a page; after the frames that the page mirrored before it."""
        if isinstance(message, m.SocketMessage):
            if self._pages.get(message.page) is not None:
                self._pages.heard(message.page, asyncio.get_running_loop().time())
            self._sockets.receive(message)
        elif isinstance(message, m.Hello | m.Bye | m.PageHeartbeat | m.Gap):
            self._act(message)
        else:
            self._sockets.in_order(message.page, lambda: self._act(message))

    def _act(self, message: m.PageMessage) -> None:
        now = asyncio.get_running_loop().time()
        known = self._pages.get(message.page) is not None
        page = self._pages.heard(message.page, now)
        if not known and not isinstance(message, m.Hello | m.Bye):
            # A background tab that was dropped is back, and nothing was sent to it meanwhile.
            self._snapshot(message.page)
            self._traits.page_misses_messages()
        if isinstance(message, m.MicFrame):
            if self._microphone.page is None:
                self._lease.resume_microphone(message.page, message.frame)
            sent = message.sent or self._sockets.live(message.page)
            at = None if message.at is None else message.at / 1000
            self._microphone.put(
                message.page, message.frame, message.level, message.pcm, sent=sent, recorded_s=at, now=now
            )
        elif isinstance(message, m.PlayState | m.PlayStopped):
            self._report(message)
        elif isinstance(message, m.PageHeartbeat):
            page.beat_s = message.every
            self._lease.settle(now)
            if message.page == self._pages.lease:
                self._follow_playback(message, now)
        elif isinstance(message, m.Gap):
            self._traits.page_misses_messages()
            if not self._channel.resend(message):
                self._lease.repeat(message.page)
        elif isinstance(message, m.Hello):
            self._hello(message, now)
        elif isinstance(message, m.Bye):
            self._lease.leave(message.page, now)
        elif isinstance(message, m.Views):
            self._pages.view(message.page, message.count, now)
        else:
            self._parking.used()
            self._on_gesture(message, page, now)
        self._traits.changed()

    def _on_gesture(self, message: m.PageMessage, page: Page, now: float) -> None:
        if isinstance(message, m.LeaseClaim):
            self._lease.claim(message.page, now)
        elif isinstance(message, m.MicOpen):
            self._lease.open_microphone(message.page, now)
            self._lifecycle.clear_error()
            self._lifecycle.do(self._lifecycle.listen)
        elif isinstance(message, m.MicClose):
            self._microphone.close(message.page, message.frames)
            if self._pages.unviewed_at is None:
                self._lifecycle.end_detected_turn()
            else:
                self._lifecycle.do(self._lifecycle.drop_input)  # its card is gone: no answer would be wanted
        elif isinstance(message, m.MicError):
            remedy = microphone_remedy(message.reason, message.message)
            self._microphone.close(message.page)
            self._microphone.error = MicrophoneError(remedy, reason=message.reason)
            self._lifecycle.fail(self._microphone.error)
        elif isinstance(message, m.SendText):
            text = message.text
            self._lease.claim(message.page, now)
            self._lifecycle.clear_error()
            self._lifecycle.do(lambda: self._lifecycle.send_text(text))
        elif isinstance(message, m.Interrupt):
            self._lifecycle.do(self._interrupt)
        elif isinstance(message, m.Commit):
            self._lifecycle.do(self._lifecycle.commit)
        elif isinstance(message, m.ClipRequest):
            page_id, item_id = message.page, message.item_id
            if not (self._transcript.clip(page_id, item_id) or self._experiments.clip(page_id, item_id)):
                self._channel.refuse("clip", f"no sound is known for {message.item_id[:80]!r}")
        elif isinstance(message, m.Keep | m.AskAgain | m.CancelAgain):
            self._experiments.act(message)
        elif isinstance(message, m.EventsWanted):
            page.events = message.on
        elif isinstance(message, m.Fork):
            self._lifecycle.clear_error()
            self._branch(message)
        elif isinstance(message, m.BranchClose):
            self._branch(message)
        elif isinstance(message, m.Reset):
            self._lifecycle.reset(Conversation())
        else:  # Retry
            self._lifecycle.clear_error()
            self._lifecycle.do(self._lifecycle.start)

    def _report(self, message: m.PlayState | m.PlayStopped) -> None:
        if isinstance(message, m.PlayStopped) and message.cause == "user" and message.page == self._pages.lease:
            self._played_at_stop = {(item.item_id, item.content_index): item.played for item in message.items}
        waiting = self._speaker.waiting_for_gesture(message)
        played = self._speaker.report(message)
        if self._state.session is not None:
            items = self._state.conversation.items
            for item_id in waiting:
                self._state.session.not_played(item_id)
            for part in played:
                # Of a part that is not there nothing was played; a record of it would stand before its turn, for good.
                if part.item_id not in items or part.content_index not in items[part.item_id].parts:
                    continue
                self._state.session.played(part.item_id, part.content_index, part.samples, part.final)

    def _follow_playback(self, message: m.PageHeartbeat, now: float) -> None:
        """Give up sound that the page has and does not play any more: cut the conversation at what was heard."""
        if message.got < self._channel.last("sound"):
            self._speaker.wait(now)
        elif self._speaker.stalled(now):
            self._lifecycle.do(self._stop_stalled)

    async def _stop_stalled(self) -> None:
        if self._state.session is not None:
            await self._state.session.interrupt()

    def _hello(self, message: m.Hello, now: float) -> None:
        if message.version != m.VERSION:
            why = f"the page speaks version {message.version}, the kernel {m.VERSION}: reload the page"
            self._channel.refuse("hello", why)
        self._lease.settle(now)
        self._snapshot(message.page)
        self._sockets.follow_lease()
        if self._sockets.page == message.page:
            self._sound.remind()
        elif self._pages.lease == message.page:
            self._speaker.resend_unheard()
        self._lease.watch()
        if self._state.endpoint is None:
            self._lifecycle.do(self._lifecycle.prepare)

    def _snapshot(self, page: str) -> None:
        self._transcript.snapshot(page, self._speaker.epoch)
        self._experiments.snapshot()

    async def _interrupt(self) -> None:
        """Interrupt for the "Stop speaking" button, at the sample that the page had played when it was pressed."""
        played, self._played_at_stop = self._played_at_stop, None
        session = self._state.session
        if session is not None:
            await session.interrupt(played)
            if not self._speaker.carried:  # a page that carries the sound may play the next answer by now
                self._speaker.silence(session.epoch)
