"""The committed bundle was built from the committed sources and stays small; the tests need no Node.

It travels with every widget and is stored in saved state (docs/notebook.md 21, 24).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "realtime_nb" / "static"
GZIP_LIMIT_BYTES = 40_000
BUNDLES = ("widget", "recorder", "results")
NAMES = [f"{bundle}.{suffix}" for bundle in BUNDLES for suffix in ("js", "css")]


def sources_sha256(name: str) -> str:
    """Compute the hash that js/build.mjs writes into a banner: path, length and bytes of each source of the file."""
    js = ROOT / "js"
    sources = json.loads((js / "bundles.json").read_text(encoding="utf-8"))[name]
    digest = hashlib.sha256()
    for path in [*sources, "build.mjs"]:
        content = (js / path).read_bytes()
        digest.update(f"{path}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_the_banner_holds_the_hash_of_the_sources(name: str) -> None:
    banner = (STATIC / name).read_text(encoding="utf-8").splitlines()[0]
    found = re.search(r"sources-sha256: ([0-9a-f]{64})", banner)
    assert found is not None
    assert found.group(1) == sources_sha256(name), "its sources changed: run `npm run build` in js/"


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_bundle_is_small(bundle: str) -> None:
    size = sum(len(gzip.compress((STATIC / f"{bundle}.{suffix}").read_bytes())) for suffix in ("js", "css"))
    assert size < GZIP_LIMIT_BYTES


def test_the_bundle_fetches_nothing() -> None:
    """The bundle holds no network address: a CDN cannot be reached from a hub without internet."""
    for name in NAMES:
        text = (STATIC / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|url\(", text)


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_bundle_makes_no_markup_from_strings(bundle: str) -> None:
    text = (STATIC / f"{bundle}.js").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
