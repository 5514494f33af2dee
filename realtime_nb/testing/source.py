"""What a function does, as a text that is the same in another process.

Owns that text. Must not know what it is for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def source_of(function: Callable[..., Any]) -> str | None:
    """Return a function's source with its defaults and the values that it takes from around it.

    None where that cannot be read (it was typed at a prompt, or is an object), or where a value has no text of its own.
    """
    plain = inspect.unwrap(function)
    try:
        source = inspect.getsource(plain)
        around = dict(inspect.getclosurevars(plain).nonlocals)
    except (OSError, TypeError):
        return None
    values = repr((getattr(plain, "__defaults__", None), getattr(plain, "__kwdefaults__", None), around))
    # The address of an object in memory is another one each time: such a text would never be the same.
    return None if " at 0x" in values else f"{source}\n{values}"
