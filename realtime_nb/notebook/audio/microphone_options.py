"""The options with which a page opens the browser's microphone: `rt.Microphone`.

Owns that value. Must not know pages.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Microphone:
    """How the browser captures the microphone.

    The browser's processing is on by default, because it keeps an assistant from hearing itself. With all of it off,
    the captured sound equals the source (docs/notebook.md 14).

    Attributes:
        device: a device's label or id as the browser names it; None takes the browser's default.
        echo_cancellation, noise_suppression, auto_gain_control: the browser's own processing.
    """

    device: str | None = None
    echo_cancellation: bool = True
    noise_suppression: bool = True
    auto_gain_control: bool = True

    def to_page(self) -> dict[str, Any]:
        """Return the value of the `_microphone` trait."""
        return asdict(self)
