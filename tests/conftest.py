"""The environment of every test: no key, no proxy, whatever the developer's shell has.

A test that found a real key would talk with the hosted service and be billed; one that found a proxy would not reach
127.0.0.1. Both would pass or fail for the wrong reason.
"""

from __future__ import annotations

import os

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY", "SOCKS_PROXY")


def _scrub() -> None:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_OPENAI_")) or name.upper() in _PROXIES:
            del os.environ[name]


# At import, not in a fixture: test modules read the environment while they are imported.
_scrub()
