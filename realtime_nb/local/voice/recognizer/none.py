"""The recogniser of a machine without the `local` extra: it hears that there was sound, and no words.

Owns nothing. It exists so that the server needs no second way through a spoken turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.protocols import Pcm, Recognition


class NoRecognizer:
    """Understands nothing; the responder then says what to install."""

    def recognize(
        self, samples: Pcm, *, tools: Sequence[Mapping[str, Any]] = (), phrases: Sequence[str] = ()
    ) -> Recognition:
        """Return no words."""
        return Recognition("", understood=False, confidence=0.0)

    def warm(self, *, tools: Sequence[Mapping[str, Any]] = (), phrases: Sequence[str] = ()) -> None:
        """Nothing to load."""
