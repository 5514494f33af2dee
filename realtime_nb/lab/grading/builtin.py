"""Graders of an answer's content: contains, regex, tool call, length.

Owns these graders. Must not know how they are run. The standard library only; `words.py` has those that need more.
"""

from __future__ import annotations

import re
from typing import Any

from realtime_nb.errors import ConfigError

from .gradable import Gradable, Grader


def contains(*words: str, ignore_case: bool = True, name: str = "contains") -> Grader:
    """Pass where the answer contains every one of `words`, as whole words.

    Args:
        words: words or phrases; "five" is not found in "fivefold".
        ignore_case: compare without regard to case.
        name: of the column.

    Raises:
        ConfigError: no words, or an empty one.
    """
    if not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise ConfigError(f"contains{words!r} needs at least one word, and none that is empty")
    flags = re.IGNORECASE if ignore_case else 0
    # A word may begin or end with a sign, such as "$5": a boundary is where no letter or digit goes on.
    patterns = [re.compile(rf"(?<!\w){re.escape(word.strip())}(?!\w)", flags) for word in words]
    return Grader(name, lambda trial: all(pattern.search(_text(trial)) for pattern in patterns), repr(words))


def matches(pattern: str, *, ignore_case: bool = True, name: str = "matches") -> Grader:
    """Pass where the regular expression is found in the answer.

    Raises:
        ConfigError: the pattern is no regular expression.
    """
    try:
        compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, TypeError) as error:
        raise ConfigError(f"pattern={pattern!r} is no regular expression: {error}") from error
    return Grader(name, lambda trial: compiled.search(_text(trial)) is not None, pattern)


def tool_call(function: str, arguments: dict[str, Any] | None = None, *, name: str = "tool_call") -> Grader:
    """Pass where the model made exactly one call, of this function with these arguments.

    Args:
        function: its name.
        arguments: compared as parsed JSON: key order does not matter, 1 equals 1.0, and true does not equal 1. None:
            any arguments.
        name: of the column.
    """

    def grade(trial: Gradable) -> bool:
        if len(trial.tool_calls) != 1 or trial.tool_calls[0].name != function:
            return False
        return arguments is None or _same(trial.tool_calls[0].arguments, arguments)

    return Grader(name, grade, f"{function}({arguments})")


def no_tool_call(*, name: str = "no_tool_call") -> Grader:
    """Pass where the model called no function."""
    return Grader(name, lambda trial: not trial.tool_calls)


def length(*, at_most: int | None = None, at_least: int | None = None, name: str = "length") -> Grader:
    """Count the answer's words; with limits, pass where they are kept.

    Raises:
        ConfigError: limits that no answer can keep.
    """
    if at_most is not None and at_least is not None and at_least > at_most:
        raise ConfigError(f"at_least={at_least} is more than at_most={at_most}: no answer keeps both")

    def grade(trial: Gradable) -> int | bool:
        words = len(_text(trial).split())
        if at_most is None and at_least is None:
            return words
        return (at_most is None or words <= at_most) and (at_least is None or words >= at_least)

    return Grader(name, grade, f"at_least={at_least}, at_most={at_most}")


def _text(trial: Gradable) -> str:
    # Typographic apostrophes and plain ones mean the same.
    return trial.text.replace("’", "'").replace("ʼ", "'")


def _same(a: Any, b: Any) -> bool:
    """Return whether two JSON values are equal; Python alone would take True for 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)
