"""Remove keys and proxies from the environment of every test.

With a real key a test would talk with the hosted service and be billed; with a proxy it would not reach 127.0.0.1.
Both would pass or fail for the wrong reason.
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
