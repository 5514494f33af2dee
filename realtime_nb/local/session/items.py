"""The conversation on the server: items in order, with the sound that events about items leave out.

Owns the list, its order and the sound of each item. Must not know sessions or sockets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pybase64

from realtime_nb.local.voice.protocols import Pcm, Recognition
from realtime_nb.wire.realtime import ContentPart, Item, MessageItem


class AudioPart(ContentPart, kw_only=True):
    """A part with sound, whose transcript is sent as null while there is none, as by the hosted service.

    openai-agents-js ends its session over a user's item without the field.
    """

    # A factory, because `omit_defaults` would leave a plain None out.
    transcript: str | None = msgspec.field(default_factory=lambda: None)


@dataclass(slots=True)
class Spoken:
    """An assistant's sound as it was sent, and the position at which each of its words ends."""

    blocks: list[Pcm] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)
    samples: int = 0

    def add(self, samples: Pcm) -> None:
        """Append sound."""
        self.blocks.append(samples)
        self.samples += int(samples.size)

    def cut(self, samples: int) -> str:
        """Drop everything after `samples`; return the words that end before it."""
        sound = self.sound()[:samples]
        self.blocks, self.samples = [sound], int(sound.size)
        self.words = [(end, text) for end, text in self.words if end <= samples]
        return "".join(text for _, text in self.words)

    def sound(self) -> Pcm:
        """Return the whole sound as one array."""
        return np.concatenate(self.blocks) if self.blocks else np.empty(0, np.int16)


@dataclass(slots=True)
class StoredItem:
    """An item with its sound and its recognition, which events about items leave out.

    Attributes:
        item: the item as clients see it, without sound.
        user_sound: the user's speech, as 24 kHz samples.
        recognition: the result of recognising it; None until there is one.
        spoken: the assistant's speech.
        heard_text: the words before the cut of a truncated item; `item` has no transcript any more.
        being_written: whether a response still writes it.
        answers_misheard: whether it is the answer to sound that was not understood.
        answer_cut_off: whether the answer to it was interrupted, or failed, before its first item.
    """

    item: Item
    user_sound: Pcm | None = None
    recognition: Recognition | None = None
    spoken: Spoken | None = None
    heard_text: str | None = None
    being_written: bool = False
    answers_misheard: bool = False
    answer_cut_off: bool = False

    @property
    def item_id(self) -> str:
        """The id of the item; every stored item has one."""
        return self.item.id or ""

    @property
    def truncated(self) -> bool:
        """Whether a client has cut its sound; sound that is written afterwards stays out of the conversation."""
        return self.heard_text is not None

    @property
    def misheard(self) -> bool:
        """Whether it is sound that was not understood, or the answer to such sound."""
        if self.answers_misheard or not isinstance(self.item, MessageItem):
            return self.answers_misheard
        is_sound = all(part.is_audio for part in self.item.content)
        return is_sound and self.recognition is not None and not self.recognition.understood

    @property
    def cut_off(self) -> bool:
        """Whether an answer ended here before a word of it was heard: the answer to this item, or the item itself."""
        item = self.item
        if self.answer_cut_off or not isinstance(item, MessageItem) or item.role != "assistant":
            return self.answer_cut_off
        written = "".join(part.transcript or part.text or "" for part in item.content)
        said = self.heard_text if self.heard_text is not None else written
        return not said.strip() and (self.truncated or item.status == "incomplete")

    def truncate(self, samples: int) -> None:
        """Cut its sound and remove its transcript: which of its words remain is not certain (docs/protocol.md 34)."""
        if self.spoken is not None:
            self.heard_text = self.spoken.cut(samples)
            self.remove_transcript()

    def remove_transcript(self) -> None:
        """Remove the transcript from the item that clients see."""
        self.item = _with_audio_parts(self.item, transcript=None)

    def retrieved(self) -> Item:
        """Return the item with its sound, as `conversation.item.retrieve` answers."""
        sound = self.spoken.sound() if self.spoken is not None else self.user_sound
        if sound is None:
            return self.item
        return _with_audio_parts(self.item, audio=pybase64.b64encode(sound.astype("<i2").tobytes()).decode())

    def as_context(self) -> Item:
        """Return the item for the responder: with the recognised or heard words, even where clients see none."""
        words = self.recognition.text if self.recognition is not None else self.heard_text
        if words is None or not isinstance(self.item, MessageItem):
            return self.item
        parts = [
            msgspec.structs.replace(part, transcript=words) if part.is_audio and part.transcript is None else part
            for part in self.item.content
        ]
        return msgspec.structs.replace(self.item, content=parts)

    def set_transcript(self, text: str) -> None:
        """Show clients a transcript of the user's sound."""
        self.item = _with_audio_parts(self.item, transcript=text)


def _with_audio_parts(item: Item, **changes: str | None) -> Item:
    if not isinstance(item, MessageItem):
        return item
    parts = [msgspec.structs.replace(part, **changes) if part.is_audio else part for part in item.content]
    return msgspec.structs.replace(item, content=parts)


class ItemList:
    """Items in conversation order, found by id."""

    def __init__(self) -> None:
        self._items: list[StoredItem] = []
        self._by_id: dict[str, StoredItem] = {}

    def __iter__(self) -> Iterator[StoredItem]:
        """Iterate over the items, oldest first."""
        return iter(self._items)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def get(self, item_id: str) -> StoredItem | None:
        """Return the item of this id, or None."""
        return self._by_id.get(item_id)

    @property
    def last_id(self) -> str | None:
        """The id of the newest item."""
        return self._items[-1].item_id if self._items else None

    @property
    def last_user_id(self) -> str | None:
        """The id of the user's newest message."""
        users = (
            stored.item_id
            for stored in reversed(self._items)
            if isinstance(stored.item, MessageItem) and stored.item.role == "user"
        )
        return next(users, None)

    def append(self, stored: StoredItem) -> str | None:
        """Put an item at the end; return the id of the one before it."""
        previous = self.last_id
        self._items.append(stored)
        self._by_id[stored.item_id] = stored
        return previous

    def insert(self, stored: StoredItem, after: str) -> str | None:
        """Put an item after another, or first (`"root"`); return the id of the one before it.

        Raises:
            KeyError: there is no item `after`.
        """
        at = 0
        if after != "root":
            before = self._by_id[after]
            at = next(index for index, other in enumerate(self._items) if other is before) + 1
        self._items.insert(at, stored)
        self._by_id[stored.item_id] = stored
        return after if at else None

    def remove(self, item_id: str) -> bool:
        """Remove an item; return whether it was there."""
        stored = self._by_id.pop(item_id, None)
        if stored is not None:
            self._items = [other for other in self._items if other is not stored]
        return stored is not None
