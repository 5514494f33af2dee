"""Run every code block of the README exactly as it is printed there.

The Python blocks form one session, in order, with the local practice backend. Shell blocks that install run in a copy
of the repository, in continuous integration only; the other shell blocks run in the environment of the tests.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.harness.environment import private_environment
from tests.e2e.harness.lab_server import free_port

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", _README, flags=re.DOTALL | re.MULTILINE)
_PYTHON = [code for language, code in _BLOCKS if language == "python"]
_SHELL = [line for language, code in _BLOCKS if language == "bash" for line in code.splitlines()]
_INSTALLING = [line for line in _SHELL if line.startswith("python3 -m venv")]
_BIN = Path(sys.executable).parent


def test_readme_has_only_blocks_that_these_tests_run() -> None:
    assert {language for language, _ in _BLOCKS} == {"python", "bash"}
    assert len(_PYTHON) >= 5
    assert len(_INSTALLING) == 2, "one command runs the demo, one the tests"


async def _run_cell(code: str, namespace: dict[str, Any]) -> None:
    compiled = compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    awaitable = types.FunctionType(compiled, namespace)()
    if inspect.isawaitable(awaitable):
        await awaitable


async def test_python_blocks_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "readme"}
    try:
        async with asyncio.timeout(120):
            for code in _PYTHON:
                await _run_cell(code, namespace)
    finally:
        if "w" in namespace:
            namespace["w"].close()
    assert namespace["turn"].role == "assistant"
    assert namespace["turn"].text
    assert len(namespace["turn"].audio.samples)
    assert [turn.role for turn in namespace["w"].turns][:2] == ["user", "assistant"]
    assert "Hello" in capsys.readouterr().out


@pytest.mark.parametrize("line", [line for line in _SHELL if line not in _INSTALLING])
def test_shell_commands_run(line: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(line)
    done = subprocess.run(
        [str(_BIN / program), *arguments],
        cwd=tmp_path,
        env=private_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_readme_test_command_is_the_one_that_ci_runs() -> None:
    [command] = [line for line in _INSTALLING if "pytest" in line]
    assert command == 'python3 -m venv .venv && .venv/bin/pip install -q -e ".[test]" && .venv/bin/pytest'
    assert "sed -n '/^python3 -m venv \\.venv .*pytest/p' README.md" in (_ROOT / ".ci" / "run").read_text()


@pytest.mark.skipif(not os.environ.get("CI"), reason="downloads a whole environment: runs where CI is set")
def test_demo_command_starts_jupyterlab_on_the_tutorial(tmp_path: Path) -> None:
    [command] = [line for line in _INSTALLING if line.endswith("realtime-nb demo")]
    clone = tmp_path / "clone"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (_ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_ROOT / name, clone / name)
    port = free_port()
    # pip's own settings (an index, certificates) belong to the machine: without them the installation may fail.
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            ["bash", "-c", f"{command} --no-browser --port {port}"],
            cwd=clone,
            env=private_environment(tmp_path / "home") | pip,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _until_served(f"http://127.0.0.1:{port}/api", demo, log)
    finally:
        os.killpg(demo.pid, 15)
        demo.wait(30)
    assert (clone / "realtime-nb-tutorials" / "01_first_conversation.ipynb").exists()
    assert "01_first_conversation.ipynb" in log.read_text()


def _until_served(url: str, process: subprocess.Popen[bytes], log: Path, timeout_s: float = 420) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"{url} did not answer:\n{log.read_text()}"
        try:
            if httpx.get(url, trust_env=False).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
