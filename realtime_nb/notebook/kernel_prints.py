"""Keep a card from taking the prints of other threads with it.

Owns the private names of ipykernel that say where a thread prints. Must not know widgets or sessions.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

_our_comms: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
_patching = threading.Lock()


def keep_prints_in_cells(comm: Any) -> bool:
    """Let other threads print where they would if this comm got no messages; True where there is such a kernel.

    The kernel publishes what a thread prints under the message that it handled last, of any kind: a heartbeat or a
    microphone frame of a page sends it where no page shows it (docs/notebook.md 26).
    """
    base = sys.modules.get("ipykernel.kernelbase")  # not loaded: this is no ipykernel
    if comm is None or base is None or not base.Kernel.initialized():
        return False
    _our_comms[comm.comm_id] = comm
    kernel = base.Kernel.instance()
    with _patching:
        if not isinstance(kernel.set_parent, _SetParent):
            kernel.set_parent = _SetParent(kernel)
    return True


class _SetParent:
    """The kernel's `set_parent`, after which messages of our comms leave the global fallbacks as they were.

    Context variables stay changed: what the kernel itself answers to the message belongs to it.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._set_parent = kernel.set_parent
        # Subshells have threads of their own: a value that one keeps must not overwrite that of a new cell.
        self._one_at_a_time = threading.RLock()

    def __call__(self, ident: Any, parent: Any, channel: str = "shell") -> None:
        """Set the parent message of what is published from now on."""
        with self._one_at_a_time:
            if channel != "shell" or not _is_ours(parent):
                self._set_parent(ident, parent, channel)
                return
            kept = [(owner, name, getattr(owner, name)) for owner, name in _fallbacks(self._kernel)]
            try:
                self._set_parent(ident, parent, channel)
            finally:
                for owner, name, value in kept:
                    setattr(owner, name, value)


def _is_ours(message: Any) -> bool:
    try:
        content = message["content"]
        return message["header"]["msg_type"].startswith("comm_") and content["comm_id"] in _our_comms
    except (AttributeError, KeyError, TypeError):
        return False


def _fallbacks(kernel: Any) -> Iterator[tuple[Any, str]]:
    """Yield the attributes that say where a thread without a context of its own prints and displays."""
    shell = getattr(kernel, "shell", None)
    publishers = [getattr(shell, name, None) for name in ("displayhook", "display_pub")]
    for owner in (shell, *publishers, sys.stdout, sys.stderr):
        if hasattr(owner, "_parent_header_global"):
            yield owner, "_parent_header_global"
        elif owner in publishers and hasattr(owner, "parent_header"):  # ipykernel 6: an attribute, no property
            yield owner, "parent_header"
    if hasattr(kernel, "_shell_context"):
        yield kernel, "_shell_context"
