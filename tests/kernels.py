"""A real kernel of either ipykernel version, with the messages of a page, but without a browser.

Owns the kernel's process, its client, and the folder with ipykernel 6. Must not know what is tested.
"""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.contract.kernel_messages import PageNumbers
from tests.parallel import locked

PATIENCE_S = 60.0
_ROOT = Path(__file__).parents[1]


def ipykernel_6() -> Path:
    """Return a folder that holds ipykernel 6, to be put first on `PYTHONPATH`; installs it where it is missing."""
    return folder_with("ipykernel", "ipykernel<7")


def folder_with(package: str, *requirements: str) -> Path:
    """Return a folder of this user's with a package, the first of `requirements`; installs it where it is missing.

    Only what is named is installed: dependencies that the tests' own environment lacks are named, too.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = re.sub(r"[^\w.]+", "-", f"realtime-nb-{requirements[0]}-{version}-{getpass.getuser()}")
    folder = Path(tempfile.gettempdir(), name)
    with locked(folder.name):  # tests of two workers may need it at the same time
        if not (folder / package / "__init__.py").exists():
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
            done = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{requirements[0]} cannot be installed here: {done.stderr[-300:]}")
    return folder


def environment(major: int) -> dict[str, str]:
    """Return environment variables with which Python imports this ipykernel, and this working copy of the package."""
    paths = [str(_ROOT)]
    if major == 6:
        paths.insert(0, str(ipykernel_6()))
    elif not version("ipykernel").startswith(f"{major}."):
        pytest.skip(f"ipykernel {major} is not installed")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Kernel:
    """A running kernel.

    Attributes:
        displayed: by request, the contents of what was displayed under it, and of updates, with their `type`.
    """

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self._sequence = 0
        self._idle: set[str] = set()
        self._outputs: defaultdict[str, str] = defaultdict(str)
        self._errors: dict[str, str] = {}
        self.displayed: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._stopped = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """Stop reading."""
        self._stopped.set()
        self._reader.join()

    def _read(self) -> None:
        while not self._stopped.is_set():
            try:
                message = self._client.get_iopub_msg(timeout=0.2)
            except Empty:
                continue
            parent, content = message["parent_header"].get("msg_id", ""), message["content"]
            match message["msg_type"]:
                case "stream":
                    self._outputs[parent] += content["text"]
                case "display_data" | "execute_result":
                    self._outputs[parent] += content["data"].get("text/plain", "") + "\n"
                    self.displayed[parent].append({"type": message["msg_type"], **content})
                case "update_display_data":
                    self.displayed[parent].append({"type": message["msg_type"], **content})
                case "error":
                    self._errors[parent] = "\n".join(content["traceback"])
                case "status" if content["execution_state"] == "idle":
                    self._idle.add(parent)

    def start(self, code: str, cell: str | None = None) -> str:
        """Begin to run a cell, and return the request's id; with `cell`, as a front end that names its cells."""
        session, channel = self._client.session, self._client.shell_channel
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        request = session.msg("execute_request", content, metadata={} if cell is None else {"cellId": cell})
        channel.send(request)
        return str(request["header"]["msg_id"])

    def run(self, code: str, cell: str | None = None) -> str:
        """Run a cell to its end, and return the request's id."""
        request = self.start(code, cell)
        self.until(lambda: request in self._idle)
        assert request not in self._errors, self._errors[request]
        return request

    def value(self, expression: str) -> str:
        """Return the text of an expression's value."""
        return self.printed(self.run(f"print({expression})")).strip()

    def printed(self, request: str) -> str:
        """Return what was printed and displayed under a request so far."""
        return self._outputs[request]

    def everything(self) -> dict[str, str]:
        """Return what was printed, by request."""
        return dict(self._outputs)

    def until(self, done: Callable[[], bool], *, page: Callable[[], object] = lambda: None) -> None:
        """Wait until `done`, and call `page` about 25 times a second meanwhile."""
        give_up = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < give_up, self.everything()
            page()
            time.sleep(0.04)

    def subshell(self) -> str:
        """Make a subshell, as JupyterLab does for comms, and return its id."""
        request = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(request)
        return str(self._client.get_control_msg(timeout=PATIENCE_S)["content"]["subshell_id"])

    def page(self, comm_id: str, subshell: str | None = None) -> Callable[[], None]:
        """Return a function that sends the next heartbeat of a page on a comm."""
        send = self.page_messages(comm_id, subshell)
        return lambda: send("heartbeat")

    def page_messages(self, comm_id: str, subshell: str | None = None) -> Callable[..., None]:
        """Return a function that sends the next message of a page on a comm: its kind, its buffer, its fields."""
        name = uuid.uuid4().hex[:8]
        numbers = PageNumbers()

        def send(kind: str, *buffers: bytes, **fields: Any) -> None:
            content = {"v": 1, "seq": numbers.next(kind), "page": name, "kind": kind, **fields}
            data = {"method": "custom", "content": content}
            message: dict[str, Any] = self._client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
            if subshell is not None:
                message["header"]["subshell_id"] = subshell
            message["buffers"] = list(buffers)
            self._client.shell_channel.send(message)

        return send


@contextmanager
def running_kernel(major: int) -> Iterator[Kernel]:
    """Run a kernel of ipykernel 6 or 7."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment(major))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE_S)
        kernel = Kernel(client)
        try:
            found = kernel.value("__import__('ipykernel').__version__")
            assert found.startswith(f"{major}."), found
            yield kernel
        finally:
            kernel.stop()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
