"""What a page asks of the browser's microphone.

Owns the `Microphone` value. Must not know pages.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Microphone:
    """How the browser captures.

    The browser's processing is on by default, because it keeps an assistant from hearing itself; off, the captured
    sound equals the source.

    Attributes:
        device: a device's label or id as the browser names it; None takes the browser's default.
        echo_cancellation, noise_suppression, auto_gain_control: the browser's own processing.
    """

    device: str | None = None
    echo_cancellation: bool = True
    noise_suppression: bool = True
    auto_gain_control: bool = True

    def to_page(self) -> dict[str, Any]:
        """As the page reads it."""
        return asdict(self)
