"""The private names of the kernel that prints depend on."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from ipykernel.kernelbase import Kernel

from realtime_nb.notebook.kernel_prints import keep_prints_in_cells


class _OurComm:
    comm_id = "ours"


class _FakeKernel:
    """Like ipykernel 7's: a message becomes the parent in this context, and the fallback parent of the shell."""

    def __init__(self) -> None:
        self._shell_parent: ContextVar[Any] = ContextVar("parent")
        self._shell_parent_ident: ContextVar[Any] = ContextVar("ident")
        self.shell = SimpleNamespace(_parent_header_global={}, displayhook=None, display_pub=None)

    def set_parent(self, ident: object, parent: dict[str, Any], channel: str = "shell") -> None:
        self.shell._parent_header_global = parent


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> _FakeKernel:
    made = _FakeKernel()
    monkeypatch.setattr(Kernel, "initialized", lambda: True)
    monkeypatch.setattr(Kernel, "instance", lambda: made)
    return made


def _message(kind: str, comm_id: str = "ours") -> dict[str, Any]:
    return {"header": {"msg_type": kind}, "content": {"comm_id": comm_id}}


def test_messages_of_our_comms_alone_leave_the_parent_as_it_was(kernel: _FakeKernel) -> None:
    comm = _OurComm()
    assert keep_prints_in_cells(comm)
    assert keep_prints_in_cells(comm), "a second widget wraps nothing again"
    cell = {"header": {"msg_type": "execute_request"}, "content": {"code": "1"}}
    kernel.set_parent([], cell)
    ours = _message("comm_msg")
    kernel.set_parent([], ours)
    assert kernel.shell._parent_header_global is cell
    assert kernel._shell_parent.get() is ours, "what the kernel answers belongs to it"
    other = _message("comm_msg", "of another widget")
    kernel.set_parent([], other)
    assert kernel.shell._parent_header_global is other
    kernel.set_parent([], _message("comm_close"))
    assert kernel.shell._parent_header_global is other
    del comm
    ended = _message("comm_msg")
    kernel.set_parent([], ended)
    assert kernel.shell._parent_header_global is ended


def test_without_a_kernel_or_a_comm_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not keep_prints_in_cells(None)
    monkeypatch.setattr(Kernel, "initialized", lambda: False)
    assert not keep_prints_in_cells(_OurComm())


def test_kernel_still_has_the_private_names_of_prints() -> None:
    """A newer ipykernel that renames them would let a card swallow what threads print; tests/integration shows it."""
    from ipykernel.displayhook import ZMQShellDisplayHook
    from ipykernel.iostream import OutStream
    from ipykernel.zmqshell import ZMQDisplayPublisher, ZMQInteractiveShell

    if int(version("ipykernel").split(".")[0]) >= 7:
        assert all(name in inspect.getsource(Kernel) for name in ("_shell_parent_ident.set(", "_shell_parent.set("))
        for publisher in (OutStream, ZMQInteractiveShell, ZMQShellDisplayHook, ZMQDisplayPublisher):
            assert "_parent_header.set(" in inspect.getsource(publisher)
    else:
        assert "_parent_header.set(" in inspect.getsource(OutStream)
        assert "self.shell" not in inspect.getsource(Kernel.set_parent)
