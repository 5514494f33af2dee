"""What a verbose traceback would show of the package's frames.

Owns the walk over an exception, its causes, and the variables of each frame, as debuggers and error reporters print
them: the content of texts, dicts, lists and tuples whatever their repr says, the repr of anything else, and the
attributes of the package's own objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any


def shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield where and what: every text that a verbose traceback of `error` holds, for frames of `realtime_nb`."""
    chain: list[BaseException | None] = [error]
    known: set[int] = set()
    while chain:
        one = chain.pop()
        if one is None or id(one) in known:
            continue
        known.add(id(one))
        chain += [one.__cause__, one.__context__]
        for text in (str(one), repr(one), repr(one.args), *_texts(vars(one), 2)):
            yield f"{type(one).__name__} itself", text
        trace = one.__traceback__
        while trace is not None:
            if _is_ours(trace.tb_frame):
                code = trace.tb_frame.f_code
                for name, value in trace.tb_frame.f_locals.items():
                    for text in _texts(value, 2):
                        yield f"{code.co_filename}:{code.co_name} {name}", text
            trace = trace.tb_next


def _is_ours(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__"))
    return name.startswith("realtime_nb") and not name.startswith("realtime_nb.testing")


def _texts(value: Any, deeper: int) -> Iterator[str]:
    if isinstance(value, str):
        yield str.__str__(value)  # the content, whatever a subclass says
        return
    if isinstance(value, bytes | bytearray):
        yield bytes(value).decode("latin-1")
        return
    yield repr(value)
    if deeper == 0:
        return
    if isinstance(value, Mapping):
        for key, inner in list(value.items()):
            yield from _texts(key, deeper - 1)
            yield from _texts(inner, deeper - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in list(value):
            yield from _texts(inner, deeper - 1)
    elif dataclasses.is_dataclass(value) or type(value).__module__.startswith("realtime_nb"):
        for inner in list(getattr(value, "__dict__", {}).values()):
            yield from _texts(inner, deeper - 1)
