"""The one private name of the kernel that the microphone depends on."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from realtime_nb.notebook.host import keep_comm_on_subshell


class _Comm:
    def _reply_subshell_for(self, data: object, default: str | None) -> str | None:
        return "the shell that published last"


def test_comm_stays_on_the_subshell_that_the_page_asked_for() -> None:
    comm = _Comm()
    assert keep_comm_on_subshell(comm)
    assert comm._reply_subshell_for({}, "the page's subshell") == "the page's subshell"


def test_kernel_without_the_private_name_is_left_alone() -> None:
    assert not keep_comm_on_subshell(object())
    assert not keep_comm_on_subshell(None)


def test_kernel_still_has_the_private_name_that_the_remedy_needs() -> None:
    """A newer ipykernel that renames it would make a busy cell deaf again, and nothing else would say so."""
    if tuple(int(part) for part in version("ipykernel").split(".")[:2]) < (7, 4):
        pytest.skip("this ipykernel routes no comm by its last publisher")
    from ipykernel.comm.comm import BaseComm

    assert hasattr(BaseComm, "_reply_subshell_for")
