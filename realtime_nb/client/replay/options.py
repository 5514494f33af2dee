"""How a session is replayed, whatever is said in it.

Owns the options of a replay and their checks. Must not know sessions or sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from realtime_nb.client.replay.trace import Pacing
from realtime_nb.client.settings import check_seconds
from realtime_nb.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """How a session is replayed.

    Attributes:
        pacing: `"realtime"`: sound leaves when its last sample would have been recorded, and the server's turn
            detection ends the turn; `"manual_commit"`: the same with turn detection off and a commit after the last
            frame; `"fast"`: as fast as the server takes it, with a commit.
        limit_s: a user turn ends after so many seconds, counted from its first frame, whatever the server sends.
        open_timeout_s: for the opening of the session.
        max_responses: so many responses a session at most: a tool that is called again and again ends there.
    """

    pacing: Pacing = "realtime"
    limit_s: float = 60.0
    open_timeout_s: float = 15.0
    max_responses: int = 8

    def __post_init__(self) -> None:
        if self.pacing not in get_args(Pacing):
            raise ConfigError(f"pacing={self.pacing!r} must be one of {', '.join(map(repr, get_args(Pacing)))}")
        for name in ("limit_s", "open_timeout_s"):
            check_seconds(name, getattr(self, name))
        if isinstance(self.max_responses, bool) or not isinstance(self.max_responses, int) or self.max_responses < 1:
            raise ConfigError(f"max_responses={self.max_responses!r} must be a whole number of at least 1")
