"""The age of a microphone frame when it reaches the kernel, although page and kernel have different clocks.

Owns the comparison of the two clocks. Must not know frames, pages or the comm. Pure: both times come in.

JupyterLab queues the messages of a page while its websocket to the server is down, and a kernel that holds the GIL
reads none. What such a queue then delivers at once was said some time ago.
"""

from __future__ import annotations

_STEADY_S = 5.0
_SHRINKS_S = 1.0


class FrameAge:
    """Estimates how late frames come: compared with the one that was on its way for the shortest time.

    A page's clock may stop while the computer sleeps, and all later frames would seem old for ever. But a queue that is
    worked off delivers faster than the microphone recorded: the age of its frames shrinks. An age that stays the same
    for five seconds is a difference of the clocks, and the comparison begins anew.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._since: tuple[float, float] | None = None

    def age_s(self, recorded_s: float, now: float, limit_s: float) -> float:
        """Return how many seconds late a frame comes; at least 0.

        Args:
            recorded_s: when it was recorded, by the page's clock.
            now: when it came, by the kernel's clock.
            limit_s: the age that the caller accepts; only an age above it is examined.
        """
        lead = now - recorded_s
        if self._least is None or lead < self._least:
            self._least = lead
        if lead - self._least <= limit_s:
            self._since = None
        elif self._since is None:
            self._since = now, lead
        elif now - self._since[0] >= _STEADY_S:
            if lead > self._since[1] - _SHRINKS_S:
                self._least = lead
            self._since = None
        return lead - self._least
