"""The environment of the processes that the end-to-end tests start: private folders, no API keys, no proxies.

Owns the list of inherited variables. With the developer's API key a test would call the hosted service and be billed;
with a proxy it would not reach 127.0.0.1.
"""

from __future__ import annotations

import os
from pathlib import Path

# An allow-list: a deny-list would let the next provider's key through. PYTHONPATH: a kernel must run the code that the
# test runs, also from a checkout that is not the installed one.
_INHERITED = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH"),
    "COVERAGE_PROCESS_START",
)


def private_environment(home: Path) -> dict[str, str]:
    """Return an environment whose home, Jupyter and IPython folders are inside `home`."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    folders = {
        "HOME": home,
        "XDG_CACHE_HOME": home / "cache",
        "JUPYTER_CONFIG_DIR": home / "jupyter" / "config",
        "JUPYTER_DATA_DIR": home / "jupyter" / "data",
        "JUPYTER_RUNTIME_DIR": home / "jupyter" / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "jupyter" / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "jupyter" / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return environment | {name: str(folder) for name, folder in folders.items()}
