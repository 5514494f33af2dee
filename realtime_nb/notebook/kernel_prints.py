"""Keep a card from taking the prints of other threads with it.

Owns the private names of ipykernel that say where a thread prints. Must not know widgets or sessions.
"""

from __future__ import annotations

import sys
import threading
import weakref
from contextvars import ContextVar
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
            kernel.set_parent = _SetParent(kernel, base.Kernel)
    return True


class _SetParent:
    """The kernel's `set_parent`, which leaves the global fallbacks as they are for messages of our comms.

    Context variables change all the same: what the kernel itself answers to the message belongs to it.
    """

    def __init__(self, kernel: Any, base: Any) -> None:
        self._kernel = kernel
        self._base = base
        self._set_parent = kernel.set_parent

    def __call__(self, ident: Any, parent: Any, channel: str = "shell") -> None:
        """Set the parent message of what is published from now on."""
        if channel == "shell" and _is_ours(parent):
            self._set_in_this_context(ident, parent)
        else:
            self._set_parent(ident, parent, channel)

    def _set_in_this_context(self, ident: Any, parent: Any) -> None:
        """Set what the kernel's own answers need, and not for a moment the fallbacks.

        To let the kernel set everything and to restore the fallbacks would lose what a thread prints in between.
        """
        kernel = self._kernel
        if isinstance(getattr(kernel, "_shell_parent", None), ContextVar):
            kernel._shell_parent_ident.set(ident)
            kernel._shell_parent.set(parent)
        else:
            self._base.set_parent(kernel, ident, parent)  # ipykernel 6; the method of IPythonKernel sets the fallbacks
        shell = getattr(kernel, "shell", None)
        publishers = (getattr(shell, name, None) for name in ("displayhook", "display_pub"))
        for owner in (shell, *publishers, sys.stdout, sys.stderr):
            if isinstance(variable := getattr(owner, "_parent_header", None), ContextVar):
                variable.set(parent if owner is shell else parent["header"])


def _is_ours(message: Any) -> bool:
    try:
        content = message["content"]
        return message["header"]["msg_type"].startswith("comm_") and content["comm_id"] in _our_comms
    except (AttributeError, KeyError, TypeError):
        return False
