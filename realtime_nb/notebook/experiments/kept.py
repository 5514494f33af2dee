"""The user turns that are kept as utterances, for experiments.

Owns the kept utterances and their labels, from any thread. Must not know pages, traits or experiments.
"""

from __future__ import annotations

import threading

from realtime_nb.client.utterance import Utterance, relabelled
from realtime_nb.conversation import Turn
from realtime_nb.errors import ConfigError

_MOST = 1000


class Kept:
    """The kept utterances, by the item that each was said in.

    Attributes:
        utterances: in the order in which they were kept; another tuple after each change.
    """

    def __init__(self) -> None:
        self.utterances: tuple[Utterance, ...] = ()
        self._by_item: dict[str, Utterance] = {}
        self._lock = threading.Lock()  # a cell and the card may keep turns at the same time

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._by_item

    def keep(self, turn: Turn, label: str | None = None, said: str | None = None) -> Utterance:
        """Keep a user turn, and return its utterance; one that is kept already is replaced in its place.

        Args:
            turn: with sound or text.
            label: its name; None: its words. A number is added where another utterance has this name.
            said: the words that were spoken, where they are known.

        Raises:
            ConfigError: a turn without sound and text, a bad label, or too many turns.
        """
        for name, value in (("label", label), ("said", said)):
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise ConfigError(f"{name}={value!r} must be a text that people can read, or None")
        made = Utterance(turn, label=label, said=said)
        with self._lock:
            if turn.item_id not in self._by_item and len(self._by_item) >= _MOST:
                raise ConfigError(f"{_MOST} turns are kept already: remove some with `w.forget(label)`")
            others = {each.label for item, each in self._by_item.items() if item != turn.item_id}
            utterance = made
            if made.label in others:
                utterance = relabelled(made, _free(made.label, others))
            self._set({**self._by_item, turn.item_id: utterance})
        return utterance

    def forget_item(self, item_id: str) -> None:
        """Keep a turn no longer; one that is not kept stays so."""
        with self._lock:
            self._set({item: each for item, each in self._by_item.items() if item != item_id})

    def forget(self, label: str) -> str:
        """Keep an utterance no longer, and return the id of its item.

        Raises:
            ConfigError: none has this label; names those that there are.
        """
        with self._lock:
            for item_id, utterance in self._by_item.items():
                if utterance.label == label:
                    self._set({item: each for item, each in self._by_item.items() if item != item_id})
                    return item_id
        labels = ", ".join(repr(each.label) for each in self.utterances) or "none"
        raise ConfigError(f"no kept utterance is called {label!r}; there are: {labels}")

    def _set(self, by_item: dict[str, Utterance]) -> None:
        self._by_item = by_item
        self.utterances = tuple(by_item.values())


def _free(label: str | None, taken: set[str | None]) -> str:
    number = 2
    while f"{label} ({number})" in taken:
        number += 1
    return f"{label} ({number})"
