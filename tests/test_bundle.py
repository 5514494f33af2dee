"""The committed bundle was built from the sources that are committed beside it; no Node is needed to know."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_JS = _ROOT / "js"
_STATIC = _ROOT / "realtime_nb" / "static"
_BUNDLE = ("widget.js", "widget.css")


def _source_hash() -> str:
    """Hash the sources as `js/build.mjs` does: path, length and bytes of each file, in the order of their paths."""
    files = sorted(path.relative_to(_JS).as_posix() for path in (_JS / "src").rglob("*") if path.is_file())
    total = hashlib.sha256()
    for name in (*files, "build.mjs"):
        data = (_JS / name).read_bytes()
        total.update(f"{name}\n{len(data)}\n".encode())
        total.update(data)
    return total.hexdigest()


@pytest.mark.parametrize("name", _BUNDLE)
def test_the_bundle_is_fresh(name: str) -> None:
    banner = (_STATIC / name).read_text(encoding="utf-8").split("\n", 1)[0]
    found = re.search(r"sources-sha256: ([0-9a-f]{64})", banner)
    assert found, f"{name} has no banner: cd js && npm run build"
    assert found[1] == _source_hash(), f"{name} is older than js/src: cd js && npm run build"


def test_the_bundle_is_small() -> None:
    """It travels with every widget and is stored with every saved state."""
    assert sum(len(gzip.compress((_STATIC / name).read_bytes())) for name in _BUNDLE) < 40_000


@pytest.mark.parametrize("name", _BUNDLE)
def test_the_bundle_fetches_nothing(name: str) -> None:
    text = (_STATIC / name).read_text(encoding="utf-8")
    # The namespace of SVG is a name, not an address.
    assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in text
