"""Expand a small notation for spoken sentences: `[please] (what is|what's) the time`.

Owns the notation. `[x]` is optional, `(a|b)` a choice, `<name>` a class that stays in the sentences for the language
model to fill. Must not know any phrase.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

_TOKEN = re.compile(r"[\[\]()|]|[^\s\[\]()|]+")


@lru_cache(maxsize=4096)
def expand(template: str) -> tuple[tuple[str, ...], ...]:
    """Expand a template of choices into every sentence that it stands for, each a tuple of words."""
    tokens = _TOKEN.findall(template)
    sentences, used = _alternatives(tokens, 0)
    if used != len(tokens):
        raise ValueError(f"unbalanced brackets in template {template!r}")
    return tuple(dict.fromkeys(sentences))


def _alternatives(tokens: list[str], index: int) -> tuple[list[tuple[str, ...]], int]:
    options: list[tuple[str, ...]] = []
    parts: list[list[tuple[str, ...]]] = []
    while index < len(tokens) and tokens[index] not in "])":
        token = tokens[index]
        if token == "|":
            options += _join(parts)
            parts = []
            index += 1
        elif token in "[(":
            inner, index = _alternatives(tokens, index + 1)
            if index >= len(tokens):
                raise ValueError(f"a bracket is not closed in {' '.join(tokens)!r}")
            parts.append([(), *inner] if token == "[" else inner)
            index += 1
        else:
            parts.append([(token,)])
            index += 1
    return options + _join(parts), index


def _join(parts: list[list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    return [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts)]
