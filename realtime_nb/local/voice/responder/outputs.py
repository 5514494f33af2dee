"""What a function returned, as a sentence to say.

Owns the wording. Must not know which functions there are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.responder.history import Output

__all__ = ["say_identifier", "say_outputs"]

_MOST_ITEMS = 8
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FINE = {"ok", "success", "done", "true", "none", "null"}
_RESULTS = ("result", "output", "value", "answer", "message", "text")


def say_outputs(outputs: Sequence[Output]) -> str:
    """Return one or more sentences for the outputs, in order."""
    return " ".join(_say_output(output) for output in outputs)


def say_identifier(name: str) -> str:
    """Return an identifier as words: `set_slider` gives "set slider"."""
    return " ".join(re.findall(r"[A-Za-z0-9']+", _CAMEL.sub(" ", name))).lower()


def _say_output(output: Output) -> str:
    try:
        value = json.loads(output.output)
    except ValueError:
        value = output.output
    if isinstance(value, Mapping) and value.get("error"):
        return _sentence(f"That did not work: {_phrase(value['error'])}")
    if _means_done(value):
        return _done(output)
    if isinstance(value, Mapping):
        facts = {
            key: fact for key, fact in value.items() if not (key in ("ok", "success", "status") and _means_done(fact))
        }
        if len(facts) == 1 and (key := next(iter(facts))) in _RESULTS:
            return _say_value(facts[key])
        said = [f"the {say_identifier(str(k))} is {_phrase(v)}" for k, v in list(facts.items())[:_MOST_ITEMS]]
        return _sentence(_joined(said)) if said else _done(output)
    return _say_value(value)


def _say_value(value: object) -> str:
    if isinstance(value, str):
        return _sentence(value)
    return _sentence(f"The result is {_phrase(value)}")


def _means_done(value: object) -> bool:
    return (
        value is None
        or value is True
        or (isinstance(value, str) and value.strip().lower() in {"", *_FINE})
        or value == {}
    )


def _done(output: Output) -> str:
    details = ", ".join(f"{say_identifier(key)} {_phrase(value)}" for key, value in output.arguments.items())
    name = say_identifier(output.name)
    return _sentence(f"Done: {name}{', ' if name and details else ''}{details}" if name or details else "Done")


def _phrase(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return _joined([f"{say_identifier(str(k))} {_phrase(v)}" for k, v in list(value.items())[:_MOST_ITEMS]])
    if isinstance(value, list):
        more = f" and {len(value) - _MOST_ITEMS} more" if len(value) > _MOST_ITEMS else ""
        return (
            (", ".join(_phrase(v) for v in value[:_MOST_ITEMS]) + more)
            if more
            else _joined([_phrase(v) for v in value])
        )
    return str(value).strip()


def _joined(parts: list[str]) -> str:
    if not parts:
        return "nothing"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return "Done."
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
