"""Remove keys and proxies from the environment of every test, and the time limit from every property test.

With `-n`, let tests run beside each other: `tests/parallel.py`.

With a real key a test would talk with the hosted service and be billed; with a proxy it would not reach 127.0.0.1.
Both would pass or fail for the wrong reason. Hypothesis' limit of 200 ms for each example fails on a busy machine.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.parallel import Gate, is_e2e, runs_alone, scheduler

_KEYS_AND_MODELS = ("OPENAI_", "AZURE_OPENAI_", "REALTIME_NB_CHAT_", "REALTIME_NB_STT", "REALTIME_NB_TTS")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY", "SOCKS_PROXY")


def _scrub() -> None:
    for name in list(os.environ):
        if name.startswith(_KEYS_AND_MODELS) or name.upper() in _PROXIES:
            del os.environ[name]


# At import, not in a fixture: test modules read the environment while they are imported.
_scrub()
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist sets `workerinput` in its workers.
    if (worker := getattr(config, "workerinput", None)) is not None:
        config.pluginmanager.register(Gate(worker["testrunuid"]), "gate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lone_first = sorted((item for item in items if is_e2e(item)), key=lambda item: not runs_alone(item))
    places = [place for place, item in enumerate(items) if is_e2e(item)]
    for place, item in zip(places, lone_first, strict=True):
        items[place] = item


@pytest.hookimpl(optionalhook=True)  # a hook of pytest-xdist, which a run without `-n` does without
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    return scheduler(config, log)
