"""Runs code in the notebook's kernel, over a connection of its own that does not need the page.

Owns one `jupyter_client` connection. Must not know the browser. Code runs on the kernel's main shell, as a cell does,
so it waits for a running cell; its output does not appear in the notebook.
"""

from __future__ import annotations

import ast
import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from jupyter_client.asynchronous.client import AsyncKernelClient

Samples = np.ndarray[tuple[int], np.dtype[np.int16]]

_PCM = "__import__('base64').b64encode(({}).tobytes()).decode()"


class KernelError(AssertionError):
    """Code that the test ran in the kernel raised."""

    def __init__(self, name: str, value: str, traceback: str) -> None:
        super().__init__(f"{name}: {value}\n{traceback}")
        self.name = name
        self.value = value


class KernelProbe:
    """Runs code in a running kernel."""

    def __init__(self, connection_file: Path) -> None:
        self._client = AsyncKernelClient(connection_file=str(connection_file))
        self._client.load_connection_file()
        self._client.start_channels(iopub=False, stdin=False, hb=False)

    def close(self) -> None:
        """Close the sockets; the kernel goes on."""
        self._client.stop_channels()

    async def run(self, code: str, *, timeout: float = 60) -> None:
        """Run statements (top-level `await` allowed); raise `KernelError` if they do."""
        await self._execute(code, {}, timeout)

    async def get(self, expression: str, *, timeout: float = 60) -> Any:
        """Return the value of an expression, which may `await`, converted through JSON."""
        # Brackets let an expression span lines.
        reply = await self._execute(
            f"__probe = (\n{expression}\n)", {"probe": "__import__('json').dumps(__probe)"}, timeout
        )
        answer = reply["user_expressions"]["probe"]
        if answer["status"] != "ok":
            raise KernelError(answer["ename"], answer["evalue"], f"not JSON: {expression}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    async def samples(self, expression: str, *, timeout: float = 60) -> Samples:
        """Return an int16 array of the kernel."""
        encoded = await self.get(_PCM.format(expression), timeout=timeout)
        return np.frombuffer(base64.b64decode(encoded), dtype="<i2")

    async def until(self, expression: str, *, timeout: float = 30) -> Any:
        """Wait until an expression is true in the kernel, and return its value."""
        value: Any = None
        try:
            async with asyncio.timeout(timeout):
                while not (value := await self.get(expression, timeout=timeout)):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not within {timeout} s: {expression} (last value: {value!r})") from None
        return value

    async def _execute(self, code: str, expressions: dict[str, str], timeout: float) -> dict[str, Any]:
        message_id = self._client.execute(code, silent=True, store_history=False, user_expressions=expressions)
        async with asyncio.timeout(timeout):
            while True:
                reply = await self._client.get_shell_msg(timeout=timeout)
                if reply["parent_header"].get("msg_id") == message_id:
                    break
        content: dict[str, Any] = reply["content"]
        if content["status"] != "ok":
            raise KernelError(
                content.get("ename", content["status"]),
                content.get("evalue", ""),
                "\n".join(content.get("traceback", [])),
            )
        return content
