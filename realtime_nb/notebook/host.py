"""Remedies for what a notebook's kernel does to comm messages, and ipywidgets to widgets.

Owns every use of a private name of ipykernel (but those of prints, in `kernel_prints.py`) and of ipywidgets' registry.
Must not know sessions.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


def keep_comm_on_subshell(comm: Any) -> bool:
    """Make the kernel handle the page's messages while a cell runs; True where the kernel has the hook for it.

    ipykernel 7.4 routes a comm message to the shell that *last published* on that comm: the messages of a widget that
    was made in a cell, or last updated from one, go to the main thread and wait until the cell ends. This sends them
    where the front end wanted them, to its subshell (docs/notebook.md 3). The hook is a private name that other
    versions do not have; a test holds it.
    """
    if comm is None or not hasattr(comm, "_reply_subshell_for"):
        return False
    comm._reply_subshell_for = lambda data, default: default
    return True


def hold_weakly(widget: Any, comm: Any, on_message: Callable[[Any], None]) -> bool:
    """Let ipywidgets and the comm hold a widget by weak references only; True where that was possible.

    ipywidgets' registry keeps every open widget, and its comm a method of it: `del w` would free nothing, and the
    session of a widget that a cell made and threw away would stay open (docs/notebook.md 28). A proxy stays in the
    registry, which a reloaded page asks for all widgets. `hold` undoes it.

    Args:
        widget: it and its comm were just made.
        comm: its comm.
        on_message: the widget's own bound method for messages of the comm.
    """
    registry = _registry()
    if comm is None or registry is None or registry.get(comm.comm_id) is not widget:
        return False
    comm_id = comm.comm_id
    registry[comm_id] = weakref.proxy(widget, lambda _: registry.pop(comm_id, None))
    comm.on_msg(weakly(on_message))
    return True


def weakly(method: Any) -> Callable[..., None]:
    """Return a function that calls a bound method for as long as its object lives, and keeps it alive no longer.

    Not `weakref.WeakMethod`, which is Python code: every piece of sound passes through here.
    """
    known, function = weakref.ref(method.__self__), method.__func__

    def call(*args: Any) -> None:
        alive = known()
        if alive is not None:
            function(alive, *args)

    return call


def hold(widget: Any, comm: Any) -> None:
    """Let ipywidgets hold a widget again, as it holds every other."""
    registry = _registry()
    if comm is not None and registry is not None:
        registry[comm.comm_id] = widget


def _registry() -> Any:
    from ipywidgets.widgets import widget

    return getattr(widget, "_instances", None)
