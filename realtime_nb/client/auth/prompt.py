"""`prompt_for_key`: a key that is typed by the user, once a kernel, and stands in no notebook.

Owns the question, and the key of this process. Must not know which server the key is for.
"""

from __future__ import annotations

import getpass
import sys
import threading

from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import Secret, check_key


class PromptForKey:
    """Asks for a key without showing it: `api_key=rt.prompt_for_key`.

    The question comes where the key is given, in the cell, and once a kernel: the widget is made, or `rt.connect` is
    called. Later uses get the same key. It is kept in this process only. `rt.prompt_for_key(again=True)` asks again,
    such as after a wrong key.
    """

    def __init__(self) -> None:
        self._key: Secret | None = None

    def __call__(self, *, again: bool = False) -> Secret:
        """Return the key; ask for it the first time, or `again`.

        Raises:
            ConfigError: there is no user to ask, or an empty answer; says what to do instead.
        """
        if self._key is None or again:
            self._key = _asked()
        return self._key

    def ask_at_once(self) -> None:
        """Ask in the cell that names the key: later, on our own thread, no front end would show the question."""
        self()

    def __repr__(self) -> str:
        return "prompt_for_key"

    def __reduce__(self) -> str:
        return "prompt_for_key"  # by its name: another process asks for itself


prompt_for_key = PromptForKey()
prompt_for_key.__doc__ = PromptForKey.__doc__

_INSTEAD = "Set the environment variable OPENAI_API_KEY before the process starts, or pass api_key=rt.EnvKey('MY_KEY')."


def _asked() -> Secret:
    if threading.current_thread() is not threading.main_thread():
        raise ConfigError(f"The key cannot be asked for here: call rt.prompt_for_key() in a cell first. {_INSTEAD}")
    if not _in_a_kernel() and not (sys.stdin is not None and sys.stdin.isatty()):
        raise ConfigError(f"The key cannot be asked for: this process has no terminal. {_INSTEAD}")
    key = None
    try:
        key = Secret(getpass.getpass("API key (it is not shown, and not kept in the notebook): ").strip())
    except Exception:  # such as IPython's StdinNotImplementedError, where a notebook is run without a user
        failed = True
    else:
        failed = False
    if failed or key is None:
        raise ConfigError(f"The key cannot be asked for: no user answers questions of this kernel. {_INSTEAD}")
    if not key:
        raise ConfigError("No key was typed. Run the cell again.")
    check_key(key, "the typed key")
    return key


def _in_a_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None
