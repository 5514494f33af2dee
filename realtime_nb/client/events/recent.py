"""A dict of bounded size, for what is remembered of a conversation that may last a day.

Owns the bound. Must not know what is remembered.
"""

from __future__ import annotations

from typing import TypeVar

V = TypeVar("V")


class Recent(dict[str, V]):
    """A dict that drops its oldest key when it holds more than `maxlen`.

    Attributes:
        maxlen: the bound, for all objects of the class.
    """

    maxlen = 4096

    def __setitem__(self, key: str, value: V) -> None:
        self.pop(key, None)  # a key that is set again is the newest
        super().__setitem__(key, value)
        if len(self) > self.maxlen:
            del self[next(iter(self))]
