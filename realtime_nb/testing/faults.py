"""The faults of a simulated backend, by session.

Owns their names, and which session has which. Must not know how a fault is carried out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast, get_args

from realtime_nb.errors import ConfigError

from .known_times import check_number

Fault = Literal["refuse", "hang", "deaf", "never", "drip", "close", "abort", "fail"]
Faults: TypeAlias = Callable[[int], str | None] | Mapping[str, float]


class FaultPlan:
    """Which session has which fault.

    Args:
        faults: a function from a session's number to its fault or None; or faults with their shares.
        seed: of the draws by share.

    Raises:
        ConfigError: an unknown fault, or shares that are no shares.

    Attributes:
        given: the argument `faults`.
    """

    def __init__(self, faults: Faults | None, seed: int) -> None:
        if isinstance(faults, Mapping):
            for fault, share in faults.items():
                _checked(fault)
                check_number(f"faults[{fault!r}]", share, most=1.0)
            if sum(faults.values()) > 1 + 1e-9:
                raise ConfigError(f"the shares in faults={dict(faults)!r} must be at most 1 in sum")
        elif faults is not None and not callable(faults):
            raise ConfigError(f"faults={faults!r} must be a dict of shares, or a function of the session's number")
        self.given = faults
        self._seed = seed

    def of(self, session: int) -> Fault | None:
        """Return the fault of a session, or None."""
        if self.given is None:
            return None
        if not isinstance(self.given, Mapping):
            found = self.given(session)
            return None if found is None else _checked(found)
        at = random.Random(f"{self._seed}\x00fault\x00{session}").random()
        for fault, share in self.given.items():
            at -= share
            if at < 0:
                return _checked(fault)
        return None


def _checked(fault: Any) -> Fault:
    if fault not in get_args(Fault):
        raise ConfigError(f"the fault {fault!r} must be one of {', '.join(map(repr, get_args(Fault)))}")
    return cast("Fault", fault)
