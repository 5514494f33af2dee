"""A kernel asks for the key in the cell that gives it, with a hidden input, and puts it into no output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

KEY = "sk-typed-SENTINEL-0123456789"
MAKE = """
import realtime_nb as rt
w = rt.RealtimeWidget(backend="ws://127.0.0.1:9/v1", api_key=rt.prompt_for_key)
print(repr(w), repr(rt.prompt_for_key()))
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def _run(kernel: BlockingKernelClient, code: str, *, user: bool) -> tuple[list[Any], list[str]]:
    questions: list[Any] = []
    outputs: list[str] = []

    def answer(message: Any) -> None:
        questions.append(message["content"])
        kernel.input(KEY)

    kernel.execute_interactive(
        code,
        allow_stdin=user,
        stdin_hook=answer,
        output_hook=lambda message: outputs.append(str(message["content"])),
        timeout=60,
    )
    return questions, outputs


def test_a_kernel_without_a_user_says_what_to_do(kernel: BlockingKernelClient) -> None:
    _, outputs = _run(kernel, MAKE, user=False)
    assert "no user answers questions of this kernel" in "".join(outputs)
    assert "OPENAI_API_KEY" in "".join(outputs)


def test_a_kernel_asks_once_hidden_and_shows_no_key(kernel: BlockingKernelClient) -> None:
    questions, outputs = _run(kernel, MAKE, user=True)
    assert [question["password"] for question in questions] == [True]
    assert "RealtimeWidget" in "".join(outputs)
    again, more = _run(kernel, MAKE + "\n%whos\nprint(In, Out, w.get_state())", user=True)
    assert not again
    assert "SENTINEL" not in "".join(outputs + more)
