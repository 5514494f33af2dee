"""The conversation as the server keeps it: items in order, and the sound that never travels with them.

Owns the list, its order and what each item sounds like. Must not know sessions or sockets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pybase64

from realtime_nb.local.voice.protocols import Pcm, Recognition
from realtime_nb.wire.realtime import Item, MessageItem

__all__ = ["ItemList", "Spoken", "StoredItem"]


@dataclass(slots=True)
class Spoken:
    """An assistant's sound: what was sent, and which words end where in it."""

    blocks: list[Pcm] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)
    samples: int = 0

    def add(self, samples: Pcm, text: str) -> None:
        """Take the next piece and the words in it."""
        self.blocks.append(samples)
        self.samples += int(samples.size)
        if text:
            self.words.append((self.samples, text))

    def cut(self, samples: int) -> str:
        """Forget everything after `samples`; return the words that were heard whole."""
        sound = self.sound()[:samples]
        self.blocks, self.samples = [sound], int(sound.size)
        self.words = [(end, text) for end, text in self.words if end <= samples]
        return "".join(text for _, text in self.words)

    def sound(self) -> Pcm:
        """All of it as one array."""
        return np.concatenate(self.blocks) if self.blocks else np.empty(0, np.int16)


@dataclass(slots=True)
class StoredItem:
    """An item and what the wire does not carry of it.

    Attributes:
        item: the item as clients see it, without sound.
        user_sound: what the user said, as 24 kHz samples.
        recognition: what the recogniser heard of it; None while it listens.
        spoken: what the assistant said.
        heard_text: the words that were heard of a truncated item; its transcript is gone from `item`.
    """

    item: Item
    user_sound: Pcm | None = None
    recognition: Recognition | None = None
    spoken: Spoken | None = None
    heard_text: str | None = None

    @property
    def item_id(self) -> str:
        """The id; the server gave one where the client did not."""
        return self.item.id or ""

    @property
    def truncated(self) -> bool:
        """Whether a client has cut its sound; what is still being said of it then stays out of the conversation."""
        return self.heard_text is not None

    def truncate(self, samples: int) -> None:
        """Cut its sound, and forget its transcript: nobody can say which of its words remain."""
        if self.spoken is not None:
            self.heard_text = self.spoken.cut(samples)
            self.forget_transcript()

    def forget_transcript(self) -> None:
        """Take the transcript out of what clients see."""
        if isinstance(self.item, MessageItem):
            parts = [
                msgspec.structs.replace(part, transcript=None) if part.is_audio else part for part in self.item.content
            ]
            self.item = msgspec.structs.replace(self.item, content=parts)

    def retrieved(self) -> Item:
        """Return the item with its sound, as `conversation.item.retrieve` answers."""
        sound = self.spoken.sound() if self.spoken is not None else self.user_sound
        if sound is None or not isinstance(self.item, MessageItem):
            return self.item
        audio = pybase64.b64encode(sound.astype("<i2").tobytes()).decode()
        parts = [msgspec.structs.replace(part, audio=audio) if part.is_audio else part for part in self.item.content]
        return msgspec.structs.replace(self.item, content=parts)

    def as_context(self) -> Item:
        """Return the item as the responder reads it: with the words that the wire may not show."""
        words = self.recognition.text if self.recognition is not None else self.heard_text
        if words is None or not isinstance(self.item, MessageItem):
            return self.item
        parts = [
            msgspec.structs.replace(part, transcript=words) if part.is_audio and part.transcript is None else part
            for part in self.item.content
        ]
        return msgspec.structs.replace(self.item, content=parts)


class ItemList:
    """Items in conversation order, found by id."""

    def __init__(self) -> None:
        self._items: list[StoredItem] = []
        self._by_id: dict[str, StoredItem] = {}

    def __iter__(self) -> Iterator[StoredItem]:
        """The items, oldest first."""
        return iter(self._items)

    def __len__(self) -> int:
        """How many."""
        return len(self._items)

    def get(self, item_id: str) -> StoredItem | None:
        """Return the item of this id, or None."""
        return self._by_id.get(item_id)

    @property
    def last_id(self) -> str | None:
        """The id of the newest item."""
        return self._items[-1].item_id if self._items else None

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
        """Take an item out; return whether it was there."""
        stored = self._by_id.pop(item_id, None)
        if stored is not None:
            self._items = [other for other in self._items if other is not stored]
        return stored is not None
