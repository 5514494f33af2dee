"""Measures the memory of a session: the sizes of its containers, and the bytes that its conversation keeps.

Owns the measures. Must not know the limits, which the tests have.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Sized
from types import FunctionType, ModuleType
from typing import Any

from realtime_nb.client.session import RealtimeSession

_OURS = "realtime_nb.client", "tests.simulated.service", "asyncio", "_asyncio"


def piles(session: RealtimeSession) -> dict[str, int]:
    """Return the sizes of all containers of the client, by their attribute paths.

    The containers are found by walking the objects, so that a new one is measured too. Left out are the conversation's
    own, and those of bounded size.
    """
    sizes: dict[str, int] = {}
    seen: set[int] = {id(session.conversation), id(session.conversation.store)}
    ways: list[tuple[str, Any]] = [("session", session)]
    while ways:
        path, holder = ways.pop()
        for name, value in _attributes(holder):
            where = f"{path}.{name}"
            if id(value) in seen:
                continue
            seen.add(id(value))
            if type(value).__module__.startswith("realtime_nb.client"):
                ways.append((where, value))
            elif isinstance(value, Sized) and not isinstance(value, str) and getattr(value, "maxlen", None) is None:
                sizes[where] = len(value)
    return sizes


def _attributes(holder: Any) -> list[tuple[str, Any]]:
    slots = [name for kind in type(holder).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*getattr(holder, "__dict__", {}).items(), *((name, getattr(holder, name, None)) for name in slots)]


def live_objects() -> Counter[str]:
    """Return the number of living objects of each class of the client, of the simulation and of asyncio."""
    gc.collect()
    # As text: a class of an extension module may give anything as its module.
    names = (f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())
    counted = Counter(name for name in names if name.startswith(_OURS))
    counted["timers"] = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]
    return counted


def bytes_of(root: object) -> int:
    """Return the bytes of an object and of everything reachable from it, without code and classes."""
    seen: set[int] = set()
    total = 0
    ways: list[object] = [root]
    while ways:
        thing = ways.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType, FunctionType)):
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        ways += gc.get_referents(thing)
    return total
