"""Reads the docstring of a tool's function: its description, and a description of each parameter.

Owns the docstring styles: Google, NumPy, Sphinx and Epytext, parsed by `docstring_parser`. Must not know type hints or
schemas.
"""

from __future__ import annotations

import inspect
from typing import Any


def read_docstring(function: Any) -> tuple[str, dict[str, str]]:
    """Returns the description of a function, and the descriptions of its parameters by name."""
    if not inspect.isroutine(function) and not inspect.isclass(function) and function.__call__.__doc__:
        function = function.__call__
    # A class has its own docstring only: that of a library's base class does not describe this tool.
    text = function.__doc__ if inspect.isclass(function) else inspect.getdoc(function)
    from docstring_parser import parse

    parsed = parse(text or "")
    parameters: dict[str, str] = {}
    for parameter in parsed.params:
        for name in parameter.arg_name.split(","):  # NumPy documents two parameters as `b, c : str`
            parameters[name.strip().lstrip("*")] = " ".join((parameter.description or "").split())
    return (parsed.description or "").strip(), parameters
