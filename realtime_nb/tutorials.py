"""Finds the tutorial notebooks and copies them to the user's folder.

Owns where they are, in an installed wheel and in a checkout, and the rule that a file that the user changed is never
overwritten. Must not know JupyterLab or the command line.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

_IN_WHEEL = Path(__file__).parent / "notebooks"
_IN_CHECKOUT = Path(__file__).parent.parent / "notebooks"


@dataclass(frozen=True)
class Copied:
    """The result of a copy: the notebook to open `first`, the files `written`, and those `kept` as they differ."""

    first: Path
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def tutorials_folder() -> Path:
    """Returns the folder of the tutorial notebooks.

    Raises:
        FileNotFoundError: the installation does not contain them.
    """
    for folder in (_IN_WHEEL, _IN_CHECKOUT):
        if any(folder.glob("01_*.ipynb")):
            return folder
    raise FileNotFoundError(
        f"The tutorial notebooks are missing: neither {_IN_WHEEL} nor {_IN_CHECKOUT} has them. "
        "Install realtime-nb again: pip install --force-reinstall realtime-nb"
    )


def copy_tutorials(target: Path) -> Copied:
    """Copies the tutorials to `target`, and creates it if needed; a file there that differs is not overwritten."""
    source = tutorials_folder()
    written: list[Path] = []
    kept: list[Path] = []
    target.mkdir(parents=True, exist_ok=True)
    for original in sorted(source.glob("*.ipynb")):
        copy = target / original.name
        if not copy.exists():
            shutil.copyfile(original, copy)
            written.append(copy)
        elif copy.read_bytes() != original.read_bytes():
            kept.append(copy)
    first = next(target / path.name for path in sorted(source.glob("01_*.ipynb")))
    return Copied(first, tuple(written), tuple(kept))
