"""The name of a backend in the column `backend` of a row, and the local models that such a name means.

Owns the form of the name, which holds no credentials. Must not know rows.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from realtime_nb.local.models import ModelOptions
from realtime_nb.redact import safe_url

_LOCAL_MODELS = re.compile(r"(?P<model>.+?) at (?P<url>https?://[^\s,]+)(?:, (?P<rest>.+))?")
_LOCAL_OPTIONS = ("stt", "tts", "context_tokens")


def backend_name(backend: Any) -> str:
    """Return a backend's name or address, without credentials."""
    if isinstance(backend, str):
        return safe_url(backend) if "://" in backend else backend
    if hasattr(backend, "url"):
        return safe_url(str(backend.url))
    if not isinstance(backend, ModelOptions):
        return type(backend).__name__
    given = {name: getattr(backend, name) for name in _LOCAL_OPTIONS}
    words = [
        f", {name}={(safe_url(each) if isinstance(each, str) and '://' in each else each)!r}"
        for name, each in given.items()
        if each not in ("auto", None)
    ]
    return f"{backend.chat_model} at {safe_url(backend.chat_url)}{''.join(words)}"


def local_models_of(name: Any) -> dict[str, Any] | None:
    """Return the options of the local models that a name means, without keys; None for any other name.

    A row comes from a file: only literals are taken from it.
    """
    named = _LOCAL_MODELS.fullmatch(name) if isinstance(name, str) else None
    if named is None:
        return None
    given = {"chat_url": named["url"], "chat_model": named["model"]}
    try:
        call = ast.parse(f"_({named['rest'] or ''})", mode="eval").body
        keywords = call.keywords if isinstance(call, ast.Call) and not call.args else []
        return given | {each.arg: ast.literal_eval(each.value) for each in keywords if each.arg in _LOCAL_OPTIONS}
    except (SyntaxError, ValueError):
        return None
