"""The extra `lab` is imported when a method or a grader needs it, and its absence is said with the remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import realtime_nb
from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics import student
from realtime_nb.lab.statistics.compare import compare
from realtime_nb.lab.statistics.trials import pair

_LAB = Path(realtime_nb.__file__).parent / "lab"


def test_importing_the_whole_lab_loads_no_package_of_its_extra() -> None:
    names = [
        "realtime_nb.lab." + ".".join(path.relative_to(_LAB).with_suffix("").parts)
        for path in sorted(_LAB.rglob("*.py"))
        if path.name != "__init__.py"
    ]
    script = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "realtime_nb" in loaded
    assert not loaded & {
        "scipy",
        "pandas",
        "matplotlib",
        "jiwer",
        "rapidfuzz",
        "whisper_normalizer",
        "py3langid",
        "choix",
    }


def test_missing_scipy_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    values = {f"u{i}": [float(i), i + 1.0, i + 2.0] for i in range(12)}
    with pytest.raises(ConfigError, match=r"scipy.*realtime-nb\[lab\]"):
        compare(values, {"v": values})
    with pytest.raises(ConfigError, match=r"scipy.*realtime-nb\[lab\]"):
        student.interval_within(pair(values, values))
