"""Check that the documents for maintainers name only what exists: files, names in files, layers, numbered facts.

A path stands in backticks, relative to the repository, to the document's own folder, or to `src` in it. `path::name`
names a class, a function, a constant or a field in that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime_nb.notebook import runtime
from tests.unit.layer_table import LAYERS

_ROOT = Path(__file__).parents[2]
_CONTRIBUTING = _ROOT / "CONTRIBUTING.md"
_DOCUMENTS = (_CONTRIBUTING, _ROOT / "js" / "README.md", *sorted((_ROOT / "docs").glob("*.md")))
_CODE = ("*.py", "*.ts", "*.mjs", "*.css")

_PATH = re.compile(r"\.{0,2}[\w*-][\w.*-]*(?:/[\w.*-]+)*/?")
_ENDINGS = (".py", ".ts", ".js", ".mjs", ".json", ".css", ".md", ".html", ".toml", ".ipynb")
_MEDIA_TYPES = ("audio/", "text/")  # `audio/pcm` is no path, and `audio/pcm.py` is one

_CITATION = re.compile(r"docs/(protocol|notebook)\.md,? (\d+(?:(?:, | and | or | to |-)\d+)*)")
_FACT = re.compile(r"^(\d+)\. ", flags=re.MULTILINE)


def _named_paths(document: Path) -> Iterator[tuple[str, str]]:
    """Yield every path in backticks, and the name in that file, or an empty string."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for quoted in re.findall(r"`([^`\n]+)`", text):
        for word in quoted.split():  # a command may name paths too
            path, _, name = word.partition("::")
            is_file = path.endswith(_ENDINGS)
            if path.startswith(_MEDIA_TYPES) and not is_file:
                continue
            if _PATH.fullmatch(path) and (is_file or "/" in path) and not path.startswith(".venv/"):
                yield path, name
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        yield path, ""


def _found(path: str, document: Path) -> list[Path]:
    places = (_ROOT, document.parent, document.parent / "src")
    if "*" in path:
        return [found for place in places for found in place.glob(path)]
    return [place / path for place in places if (place / path).exists()]


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_every_path_and_name_in_the_document_exists(document: Path) -> None:
    missing = []
    for path, name in _named_paths(document):
        found = _found(path, document)
        if not found:
            missing.append(path)
        elif name and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", found[0].read_text(encoding="utf-8")):
            missing.append(f"{path}::{name}")
    assert not missing, f"{document.name} names what does not exist: {', '.join(missing)}"


def test_contributing_names_enough_paths_to_be_a_map() -> None:
    assert len({path for path, _ in _named_paths(_CONTRIBUTING)}) > 60


def test_layer_table_in_contributing_equals_the_layer_test() -> None:
    expected = [
        f"| {', '.join(f'`{name}`' for name in layer.names)} | {layer.owns} | {layer.must_not_know} |"
        for layer in LAYERS
    ]
    lines = _CONTRIBUTING.read_text(encoding="utf-8").splitlines()
    start = lines.index("| layer | owns | must not know |") + 2
    assert lines[start : start + len(expected) + 1] == [*expected, ""]


def test_thread_table_in_contributing_has_the_rows_of_the_runtime_module() -> None:
    rows = re.findall(r"^\| (\w[^|]*?) +\|", runtime.__doc__ or "", flags=re.MULTILINE)
    assert len(rows) > 8
    text = _CONTRIBUTING.read_text(encoding="utf-8")
    assert not [row for row in rows if f"\n| {row} |" not in text]


def test_comments_cite_facts_that_exist() -> None:
    facts = {
        name: {int(number) for number in _FACT.findall((_ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"))}
        for name in ("protocol", "notebook")
    }
    assert all(numbers == set(range(1, len(numbers) + 1)) for numbers in facts.values()), "a number is missing"
    wrong, cited = [], 0
    for folder in ("realtime_nb", "tests", "js/src", "js/tests"):
        for pattern in _CODE:
            for path in (_ROOT / folder).rglob(pattern):
                # A citation may run over the end of a comment's line.
                text = re.sub(r"\n\s*(?:#|\*|//)?\s*", " ", path.read_text(encoding="utf-8"))
                for name, numbers in _CITATION.findall(text):
                    cited += 1
                    wrong += [
                        f"{path.relative_to(_ROOT)}: docs/{name}.md {number}"
                        for number in re.findall(r"\d+", numbers)
                        if int(number) not in facts[name]
                    ]
    assert not wrong, "\n".join(wrong)
    assert cited
