"""The import graph of the package's modules, read from their source.

Owns the resolution of imported names. `TYPE_CHECKING` imports and imports inside functions count. A name leads to the
module that defines it: a re-export in a package's `__init__` is followed, and is no import of that `__init__`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path


class Module:
    """One source file of a package."""

    def __init__(self, root: Path, path: Path) -> None:
        self.path = path
        self.is_package = path.name == "__init__.py"
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.tree = ast.parse(path.read_text(encoding="utf-8"))

    def imported(self) -> Iterator[tuple[str, str | None, str, int]]:
        """Yields `(module, name or None, name bound here, line)` of every import statement."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, None, alias.asname or alias.name.partition(".")[0], node.lineno
            elif isinstance(node, ast.ImportFrom):
                here = self.name.split(".")
                base = here[: len(here) - node.level + self.is_package] if node.level else []
                module = ".".join((*base, *([node.module] if node.module else [])))
                for alias in node.names:
                    yield module, alias.name, alias.asname or alias.name, node.lineno

    @cached_property
    def used(self) -> frozenset[str]:
        """The names that the module's code reads; `__all__` and import statements do not count."""
        return frozenset(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))

    @cached_property
    def defined(self) -> frozenset[str]:
        """The names that the module binds at its top level by itself."""
        found: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found.update(target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
        return frozenset(found)

    @cached_property
    def public_classes(self) -> tuple[str, ...]:
        """The classes without an underscore at its top level."""
        return tuple(n.name for n in self.tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_")

    def docstrings(self) -> Iterator[tuple[int, str]]:
        """Yields line and text of every docstring, those of constants included."""
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield node.lineno, node.value.value


class Graph:
    """The modules under a folder, and which imports which."""

    def __init__(self, root: Path) -> None:
        found = (Module(root, path) for path in sorted(root.rglob("*.py")))
        self.modules = {module.name: module for module in found}

    def edges(self) -> dict[str, set[str]]:
        """Returns the modules that each module imports."""
        return {name: set(self._targets(module)) - {name} for name, module in self.modules.items()}

    def _targets(self, module: Module) -> Iterator[str]:
        for base, name, bound, _ in module.imported():
            if module.is_package and bound not in module.used:
                continue  # a re-export
            target = base if name is None else self.home(base, name)
            if target is None or target not in self.modules:
                continue
            yield target
            if self.modules[target].is_package:  # `from . import package`, then `package.name`
                for node in ast.walk(module.tree):
                    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == bound:
                        yield self.home(target, node.attr) or target

    def home(self, base: str, name: str, seen: frozenset[str] = frozenset()) -> str | None:
        """Returns the module that defines `base.name`, or None if that is not in this package."""
        if f"{base}.{name}" in self.modules:
            return f"{base}.{name}"
        module = self.modules.get(base)
        if module is None or base in seen:
            return None
        if name in module.defined:
            return base
        for source, imported, bound, _ in module.imported():
            if imported == "*":
                found = self.home(source, name, seen | {base})
                if found is not None and name in self.modules[found].defined:
                    return found
            elif bound == name and imported is not None:
                return self.home(source, imported, seen | {base})
        return base


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Returns the groups of modules that import each other, directly or through others (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    for node in edges:
        if node not in index:
            visit(node)
    return found
