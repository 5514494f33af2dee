"""Let pytest-xdist run the tests of two files at once, and those that are marked `alone` with no other beside them.

Owns which tests stay in one process, and the locks between processes: `pytest -n 2`. Must not know what is
tested.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

_E2E = Path(__file__).parent / "e2e"


@contextmanager
def locked(name: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of this name against the other processes of this user; shared, only against exclusive holders.

    Without `fcntl`, as on Windows, there is no lock: `Gate` refuses `-n` there.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl
    import os

    with Path(tempfile.gettempdir(), f"realtime-nb-{name}-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


class Gate:
    """Keeps the other workers still while a worker runs tests that are marked `alone`.

    Their sound is compared with what was said, sample by sample: a busy second core is heard in it. A worker holds the
    lock `sound` shared during each other test, and exclusively from the first of its lone tests to the last one that
    follows. It holds `turn` while it waits for `sound`: without that, the other tests would release `sound` for
    microseconds only, and the lone ones would wait for the last of them.
    """

    def __init__(self, run: str) -> None:
        if sys.platform == "win32":
            raise pytest.UsageError("-n needs the file locks of Linux or macOS, and this is Windows: run without -n")
        self._run = run
        self._alone = ExitStack()
        self._is_alone = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Run a test within the lock that it needs."""
        if not runs_alone(item):
            with ExitStack() as beside:
                self._enter(beside, shared=True)
                return (yield)
        if not self._is_alone:
            self._enter(self._alone, shared=False)
            self._is_alone = True
        try:
            return (yield)
        finally:
            if nextitem is None or not runs_alone(nextitem):
                self._alone.close()
                self._is_alone = False

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """Replace half characters, which some tests log on purpose: they cannot be sent to the main process."""
        return _encodable((yield))

    def _enter(self, stack: ExitStack, *, shared: bool) -> None:
        with locked(f"turn-{self._run}"):
            stack.enter_context(locked(f"sound-{self._run}", shared=shared))


def scheduler(config: pytest.Config, log: object) -> object:
    """Return a scheduler of pytest-xdist that gives the tests of a file, and all end-to-end tests, to one worker.

    Those of a file share the fixtures of their module, the end-to-end tests a JupyterLab and a Chromium.
    """
    from xdist.scheduler import LoadScopeScheduling

    def group(nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "e2e" if _E2E in (config.rootpath / path).parents else path

    config.option.loadscopereorder = False  # the files stay in their order: the end-to-end tests come early
    made: Any = LoadScopeScheduling(config, log)
    made._split_scope = group  # its documented place to decide what stays together
    return made


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_encodable, value))
    return value


def is_e2e(item: pytest.Item) -> bool:
    """Return whether a test is an end-to-end test."""
    return _E2E in item.path.parents


def runs_alone(item: pytest.Item) -> bool:
    """Return whether no other test may run beside this one."""
    return item.get_closest_marker("alone") is not None
