"""The private names of the kernel that prints depend on."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from ipykernel.kernelbase import Kernel

from realtime_nb.notebook.kernel_prints import keep_prints_in_cells


class _OurComm:
    comm_id = "ours"


class _FakeKernel:
    """Like ipykernel 7's: a message becomes the fallback parent of the shell."""

    def __init__(self) -> None:
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
    kernel.set_parent([], _message("comm_msg"))
    assert kernel.shell._parent_header_global is cell
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
    from ipykernel.zmqshell import ZMQDisplayPublisher

    assert "_parent_header_global" in inspect.getsource(OutStream)
    if int(version("ipykernel").split(".")[0]) >= 7:
        assert "_shell_context" in inspect.getsource(Kernel)
        for publisher in (ZMQShellDisplayHook, ZMQDisplayPublisher):
            assert "_parent_header_global" in inspect.getsource(publisher)
    else:
        assert all(hasattr(publisher, "parent_header") for publisher in (ZMQShellDisplayHook, ZMQDisplayPublisher))
