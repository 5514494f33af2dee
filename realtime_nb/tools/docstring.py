"""What a docstring says of a function and of its parameters.

Owns the reading of Google (`Args:`), NumPy (`Parameters` underlined) and Sphinx (`:param x:`) docstrings, as far as a
model needs them. Must not know schemas.
"""

from __future__ import annotations

import inspect
import re

__all__ = ["described"]

_GOOGLE_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?|Attributes):\s*$")
_PARAMETER_SECTIONS = frozenset({"Args", "Arguments", "Parameters"})
_GOOGLE_PARAMETER = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
_NUMPY_PARAMETER = re.compile(r"^(\w+)\s*(?::.*)?$")
_SPHINX = re.compile(r"^:(?:param|parameter|arg)\s+(?:[\w\[\], .|]+\s+)?(\w+):\s*(.*)$")


def described(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description before the first section, and the description of each parameter."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    summary: list[str] = []
    parameters: dict[str, list[str]] = {}
    section = ""
    current: list[str] | None = None
    entry_indent = 0
    for number, line in enumerate(lines):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if indent == 0 and stripped and len(following) >= 3 and set(following) <= {"-", "="}:
            section, current = f"numpy {stripped}", None
        elif indent == 0 and (match := _GOOGLE_SECTION.match(stripped)):
            section, current = match[1], None
        elif match := _SPHINX.match(stripped):
            section, current, entry_indent = "sphinx", [match[2]], indent
            parameters[match[1]] = current
        elif section == "":
            summary.append(stripped)
        elif (
            section in _PARAMETER_SECTIONS
            and (match := _GOOGLE_PARAMETER.match(stripped))
            and (current is None or indent <= entry_indent)
        ):
            current, entry_indent = [match[2]], indent
            parameters[match[1]] = current
        elif section == "numpy Parameters" and indent == 0 and (match := _NUMPY_PARAMETER.match(stripped)):
            current = parameters.setdefault(match[1], [])
        elif stripped.startswith(":"):
            current = None  # another Sphinx field: `:returns:`
        elif current is not None and stripped:
            current.append(stripped)
    return "\n".join(summary).strip(), {name: " ".join(filter(None, words)) for name, words in parameters.items()}
