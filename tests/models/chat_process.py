"""A llama.cpp server in a process of its own, for the language model of these checks."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

_START_S = 120.0


@contextmanager
def llama_server(python: str, model: Path) -> Iterator[str]:
    """Run `llama_cpp.server` of the given interpreter; yield the address up to `/v1`.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", str(model), "--model_alias", model.stem]
    # By default a further request breaks off the one under way, and several trials of the lab run at once.
    command += ["--interrupt_requests", "False"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--n_ctx", "4096"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        until = time.monotonic() + _START_S
        while True:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{python} -m llama_cpp.server did not start: run it by hand to see why.")
            try:
                httpx.get(f"{url}/models", timeout=5, trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()
