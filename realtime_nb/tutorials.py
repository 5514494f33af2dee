"""The tutorial notebooks: where they are, and a copy of them for a person to change.

Owns finding them in an installed wheel and in a checkout, and the promise that a file somebody changed is never
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
    """What a copy did: the first notebook to open, the files `written`, and the files `kept` because they differ."""

    first: Path
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def tutorials_folder() -> Path:
    """Return the folder of the tutorial notebooks.

    Raises:
        FileNotFoundError: the installation lacks them.
    """
    for folder in (_IN_WHEEL, _IN_CHECKOUT):
        if any(folder.glob("01_*.ipynb")):
            return folder
    raise FileNotFoundError(
        f"The tutorial notebooks are missing: neither {_IN_WHEEL} nor {_IN_CHECKOUT} has them. "
        "Install realtime-nb again: pip install --force-reinstall realtime-nb"
    )


def copy_tutorials(target: Path) -> Copied:
    """Copy the tutorials to `target`, which is made if need be; a file there that differs from ours is left alone."""
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
