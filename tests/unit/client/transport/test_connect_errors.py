"""A refused connection is recognised on every operating system, and from several addresses at once."""

from __future__ import annotations

import errno

import pytest

from realtime_nb.client.transport.connect_errors import refusal

NUMBER = errno.ECONNREFUSED


def _windows() -> OSError:
    error = OSError("[WinError 1225] The remote computer refused the network connection")
    error.winerror = 1225  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(NUMBER, "Connect call failed ('127.0.0.1', 9)"),
        OSError(NUMBER, "Connect call failed ('127.0.0.1', 9)"),
        OSError(10061, "No connection could be made because the target machine actively refused it"),
        _windows(),
        OSError(
            f"Multiple exceptions: [Errno {NUMBER}] Connect call failed ('::1', 9, 0, 0), "
            f"[Errno {NUMBER}] Connect call failed ('127.0.0.1', 9)"
        ),
        OSError(
            "Multiple exceptions: [Errno 101] Connect call failed ('::1', 9, 0, 0), "
            f"[Errno {NUMBER}] Connect call failed ('127.0.0.1', 9)"
        ),
        ExceptionGroup("several addresses", [OSError(101, "unreachable"), ConnectionRefusedError()]),
    ],
    ids=str,
)
def test_a_refused_connection_says_that_nothing_listens(error: BaseException) -> None:
    assert "nothing listens there" in str(refusal(error, "ws://localhost:9/v1/realtime"))


@pytest.mark.parametrize(
    "error", [OSError(101, "Network is unreachable"), OSError("Multiple exceptions: [Errno 113] Connect call failed")]
)
def test_another_failure_is_not_called_a_refusal(error: BaseException) -> None:
    assert "nothing listens" not in str(refusal(error, "ws://localhost:9111/v1/realtime"))
