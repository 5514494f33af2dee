"""One JupyterLab or Notebook 7 server in a process of its own.

Owns the process, its port, its private folders and its log. Must not know browsers or notebooks' contents.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.e2e.harness.environment import private_environment
from tests.e2e.harness.frames import keep_frames

# Resolved to 127.0.0.1 by the browser: a page of this host over plain http is no secure context.
INSECURE_HOST = "insecure.test"

# Nothing that asks a person something, over the very controls that a test looks at.
_SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


class LabServer:
    """Starts JupyterLab; `root` is the folder that it serves, `log_path` its log file.

    Args:
        home: its private folder.
        first: folders of packages that its kernels, or it itself, import before the installed ones.
        classic: whether it is Notebook 7 instead; one of the folders has it.
    """

    def __init__(self, home: Path, *, first: Sequence[Path] = (), classic: bool = False) -> None:
        self.home = home
        self._first = first
        self._classic = classic
        self.root = home / "notebooks"
        self.log_path = home / "jupyterlab.log"
        self.frames = home / "frames"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> LabServer:
        environment = private_environment(self.home)
        for name, below in (
            ("PYTHONPATH", ""),
            ("JUPYTER_PATH", "share/jupyter"),
            ("JUPYTER_CONFIG_PATH", "etc/jupyter"),
        ):
            paths = [*(str(folder / below) for folder in self._first), *filter(None, [environment.get(name)])]
            environment |= {name: os.pathsep.join(paths)} if paths else {}
        self.root.mkdir(parents=True, exist_ok=True)
        _write_settings(Path(environment["JUPYTER_CONFIG_DIR"]))
        self.runtime_dir = Path(environment["JUPYTER_RUNTIME_DIR"])
        keep_frames(Path(environment["IPYTHONDIR"]), self.frames)
        module = "notebook" if self._classic else "jupyterlab"
        # `-m jupyterlab`, because `-m jupyter lab` may start the script of another environment (docs/notebook.md 37).
        command = [
            *(sys.executable, "-m", module, "--no-browser", "--ip=127.0.0.1", f"--port={self.port}"),
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.local_hostnames=['localhost', '{INSECURE_HOST}']",
            "--allow-root",
            f"--{'JupyterNotebookApp' if self._classic else 'LabApp'}.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
            "--LabApp.news_url=",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork, not a wait
                command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._http = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60)
        await self._until_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        if self._process is not None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, 15)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def address(self, notebook: str, host: str = "127.0.0.1") -> str:
        """Return the address of a notebook's page."""
        place = f"notebooks/{notebook}" if self._classic else f"lab/tree/{notebook}?reset"
        return f"http://{host}:{self.port}/{place}"

    async def kernel_id(self, notebook: str) -> str:
        """Return the id of the kernel that the notebook's session holds now."""
        for session in await self._get("/api/sessions"):
            if session["path"] == notebook:
                return str(session["kernel"]["id"])
        raise LookupError(f"no session for {notebook}")

    async def shut_down(self, notebook: str) -> None:
        """End the sessions of a notebook, with their kernels."""
        for session in await self._get("/api/sessions"):
            if session["path"] == notebook:
                await self._http.delete(f"/api/sessions/{session['id']}")

    def connection_file(self, kernel_id: str) -> Path:
        """Return the file that names the kernel's ports."""
        return self.runtime_dir / f"kernel-{kernel_id}.json"

    async def _get(self, path: str) -> Any:
        response = await self._http.get(path)
        response.raise_for_status()
        return json.loads(response.content)

    async def _until_up(self) -> None:
        assert self._process is not None
        async with asyncio.timeout(90):
            while True:
                if self._process.poll() is not None:
                    raise RuntimeError(f"JupyterLab did not start:\n{self.log_path.read_text()[-4000:]}")
                try:
                    await self._get("/api/status")
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
                else:
                    return


def _write_settings(config_dir: Path) -> None:
    path = config_dir / "labconfig" / "default_setting_overrides.json"
    path.parent.mkdir()
    path.write_text(json.dumps(_SETTINGS))


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
