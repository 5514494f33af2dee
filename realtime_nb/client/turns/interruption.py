"""Interruption of the assistant: stop playback, truncate at what was heard, drop late sound.

Owns the epoch and the truncations. The conversation owns how many samples were received and reported as played (no
clock is ever asked), and which responses were interrupted (docs/protocol.md 30 to 35). Must not know sockets, or who
plays the sound.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.audio_sink import Heard, Playback, SoundOutput
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.event_sender import EventSender
from realtime_nb.client.turns.response_queue import ResponseQueue
from realtime_nb.conversation import (
    AudioDone,
    AudioReceived,
    Change,
    Conversation,
    LocalInterrupt,
    NotPlayed,
    Played,
    ResponseInterrupted,
)
from realtime_nb.conversation.input_timeline import SAMPLES_PER_MS

_log = logging.getLogger(__name__)
_REMEMBERED = 64
_SILENCE_S = 2.0
"""How long a player may take to report how much it played; after that its last report counts."""


@dataclass(frozen=True)
class Cut:
    """Where to truncate an audio part: after `samples` played samples."""

    item_id: str
    content_index: int
    samples: int

    @property
    def audio_end_ms(self) -> int:
        """The cut in whole milliseconds, rounded down: the service refuses more than it has sent."""
        return self.samples // SAMPLES_PER_MS


def cuts(conversation: Conversation, parts: Iterable[tuple[str, int]], report: Iterable[Heard] | None) -> list[Cut]:
    """Find the parts to truncate, and where (docs/protocol.md 31, 32).

    Args:
        conversation: has the samples that were received, and those that the sink has reported as played.
        parts: the parts that are not known to be played to their end, by item and content index, in playing order.
        report: the samples that the sink played of each part that it has not played to its end. None where it did not
            answer: then the last known progress counts for every part.

    A part without any received sound is not cut (the service has no sound to truncate), nor is one that was played to
    its end. One that was received and not played at all is cut at 0.
    """
    heard = None if report is None else {(one.item_id, one.content_index): one.played for one in report}
    found, store = [], conversation.store
    for key in parts:
        item = store.items.get(key[0])
        part = item.parts.get(key[1]) if item is not None and not item.deleted else None
        if part is None or not part.samples or part.cut is not None or (heard is not None and key not in heard):
            continue
        played = min(max(part.played or 0, heard[key] if heard else 0), part.samples)
        if played < part.samples or not part.audio_done:
            found.append(Cut(*key, played))
    return found


class Interruption:
    """Plays the assistant's sound and stops it.

    Args:
        config: tells what the server does by itself when the user begins to speak.
        responses: the responses under way.
        output: plays the sound.
        playback: the same player's sound, which an interruption ends.
        sender: sends truncations.
        feed: gets where the conversation was cut.

    Attributes:
        epoch: one more at every interruption; sound of an earlier epoch is never heard again.
    """

    def __init__(
        self,
        config: SessionConfig,
        responses: ResponseQueue,
        output: SoundOutput,
        playback: Playback,
        sender: EventSender,
        feed: ConversationFeed,
    ) -> None:
        self.epoch = 0
        self._config = config
        self._responses = responses
        self._output = output
        self._playback = playback
        self._sender = sender
        self._feed = feed
        self._store = feed.conversation.store
        self._truncations: deque[str] = deque(maxlen=_REMEMBERED)
        self._playing: dict[tuple[str, int], None] = {}  # parts whose sound is not over, in the order of their sound
        self._unknown_to_server: set[str] = set()

    def on_changes(self, changes: Sequence[Change]) -> None:
        """Pass the sound of an event's changes to the sink."""
        for change in changes:
            if isinstance(change, AudioReceived):
                self._playing[change.item_id, change.content_index] = None
                self._output.write(self.epoch, change.item_id, change.content_index, change.start_sample, change.pcm)
                if change.start_sample == 0 and not self._output.plays:
                    self.on_not_played(change.item_id)
            elif isinstance(change, AudioDone):
                self._drop_if_over(change.item_id, change.content_index)
                self._output.done(self.epoch, change.item_id, change.content_index, change.samples)

    def on_not_played(self, item_id: str) -> None:
        """Note that the sink does not play an item's sound when it comes."""
        self._feed.add(NotPlayed(item_id))

    def on_played(self, item_id: str, content_index: int, samples: int, *, final: bool) -> None:
        """Note the sink's report that `samples` of a part have left the speaker."""
        self._feed.add(Played(item_id, content_index, samples, final))
        self._drop_if_over(item_id, content_index)

    def _drop_if_over(self, item_id: str, content_index: int) -> None:
        item = self._store.items.get(item_id)
        part = item.parts.get(content_index) if item is not None else None
        if part is not None and part.audio_done and (part.played or 0) >= part.samples:
            self._playing.pop((item_id, content_index), None)

    def on_speech_started(self, *, carries_audio: bool) -> Coroutine[Any, Any, None] | None:
        """Begin an interruption when the server hears speech, as far as the server leaves it to this side.

        Args:
            carries_audio: whether the page that holds the transport plays the sound, and got the same event before.

        Returns:
            the rest of the interruption, to be run at once; None where there is nothing to interrupt.
        """
        detection = self._config.turn_detection or {}
        if detection.get("create_response") is not False:
            # The server will answer this speech: a continuation of our own would be one answer too many.
            self._responses.user_took_turn()
            self._responses.drop_automatic()
        if detection.get("interrupt_response") is False or not (self._responses.active or self._playback.playing):
            return None
        # The server cancels its response by itself (docs/protocol.md 35), but over a websocket only this side can stop
        # and cut the sound that was sent (docs/protocol.md 30).
        dead = self._responses.active_id
        return self.on_player_stopped(dead) if carries_audio else self.stop(dead, None)

    def stop(self, response_id: str | None, heard: Sequence[Heard] | None) -> Coroutine[Any, Any, None]:
        """Begin a new epoch now, before another event can arrive; the returned coroutine silences the sink and cuts.

        Args:
            response_id: the response that runs.
            heard: what was played, where the player is silent already; None makes it fall silent.
        """
        self._begin_epoch(response_id)
        epoch = self.epoch
        return self._cut(lambda: self._playback.flush(epoch), heard)

    def on_player_stopped(self, response_id: str | None) -> Coroutine[Any, Any, None]:
        """As `stop`, for a player that got the interruption first and has fallen silent by itself.

        It may play the next answer already, which must neither be silenced nor count as part of what was cut. So the
        sink begins its new epoch in this call, and not when the loop runs the returned coroutine.
        """
        self._begin_epoch(response_id)
        silence = self._playback.silenced(self.epoch)
        return self._cut(lambda: silence, None)

    def _begin_epoch(self, response_id: str | None) -> None:
        self.epoch += 1
        self._responses.user_took_turn()
        if response_id:
            self.kill(response_id)

    async def _cut(self, silence: Callable[[], Awaitable[Sequence[Heard]]], heard: Sequence[Heard] | None) -> None:
        report = heard if heard is not None else await self._silence(silence)
        for cut in cuts(self._feed.conversation, self._playing, report):
            self._playing.pop((cut.item_id, cut.content_index), None)
            if cut.item_id not in self._unknown_to_server:
                event_id = self._sender.new_event_id()
                self._truncations.append(event_id)
                self._sender.put(
                    {
                        "type": "conversation.item.truncate",
                        "event_id": event_id,
                        "item_id": cut.item_id,
                        "content_index": cut.content_index,
                        "audio_end_ms": cut.audio_end_ms,
                    }
                )
            self._feed.add(LocalInterrupt(cut.item_id, cut.content_index, cut.samples))

    async def _silence(self, silence: Callable[[], Awaitable[Sequence[Heard]]]) -> Sequence[Heard] | None:
        """Silence the player; returns what it played, or None where it does not report it in time."""
        try:
            async with asyncio.timeout(_SILENCE_S):
                return await silence()
        except builtins.TimeoutError:
            _log.warning("the player did not say in %g s how much it played", _SILENCE_S)
        except Exception:
            _log.exception("the player failed to fall silent")
        return None

    def on_transport_lost(self) -> None:
        """Note the items that still play: the next session has no sound of them, and refuses to truncate them."""
        self._unknown_to_server = {item_id for item_id, _ in self._playing}

    def kill(self, response_id: str) -> None:
        """Drop the sound that still comes of a response (docs/protocol.md 33)."""
        self._feed.add(ResponseInterrupted(response_id))

    def is_dead(self, response_id: str) -> bool:
        """Whether a response was interrupted."""
        response = self._store.responses.get(response_id)
        return response is not None and response.interrupted

    def is_our_truncation(self, event_id: str | None) -> bool:
        """Whether an error answers a truncation of this side: the service may refuse one, without harm."""
        return event_id in self._truncations
