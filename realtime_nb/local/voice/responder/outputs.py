"""Word the output of a function as a sentence to say.

Owns the wording. Must not know which functions there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.responder.history import Output
from realtime_nb.local.voice.responder.wording import joined, say_identifier, sentence

_MOST_ITEMS = 8
_FINE = {"", "ok", "success", "done", "true", "none", "null"}
_RESULTS = ("result", "output", "value", "answer", "message", "text")


def say_outputs(outputs: Sequence[Output]) -> str:
    """Return one or more sentences for the outputs, in order."""
    return " ".join(_say_output(output) for output in outputs)


def _say_output(output: Output) -> str:
    try:
        value = json.loads(output.output)
    except ValueError:
        value = output.output
    if isinstance(value, Mapping) and value.get("error"):
        return sentence(f"That did not work: {_phrase(value['error'])}")
    if _means_done(value):
        return _done(output)
    if isinstance(value, Mapping):
        facts = {
            key: fact for key, fact in value.items() if not (key in ("ok", "success", "status") and _means_done(fact))
        }
        if len(facts) == 1 and (key := next(iter(facts))) in _RESULTS:
            return _say_value(facts[key])
        said = [f"the {say_identifier(str(k))} is {_phrase(v)}" for k, v in list(facts.items())[:_MOST_ITEMS]]
        return sentence(joined(said)) if said else _done(output)
    return _say_value(value)


def _say_value(value: object) -> str:
    if isinstance(value, str):
        return sentence(value)
    return sentence(f"The result is {_phrase(value)}")


def _means_done(value: object) -> bool:
    fine = isinstance(value, str) and value.strip().lower() in _FINE
    return value is None or value is True or value == {} or fine


def _done(output: Output) -> str:
    details = ", ".join(f"{say_identifier(key)} {_phrase(value)}" for key, value in output.arguments.items())
    name = say_identifier(output.name)
    return sentence(f"Done: {name}{', ' if name and details else ''}{details}" if name or details else "Done")


def _phrase(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        parts = [f"{say_identifier(str(k))} {_phrase(v)}" for k, v in list(value.items())[:_MOST_ITEMS]]
        return joined(parts) or "nothing"
    if isinstance(value, list):
        parts = [_phrase(v) for v in value[:_MOST_ITEMS]]
        if len(value) > _MOST_ITEMS:
            return f"{', '.join(parts)} and {len(value) - _MOST_ITEMS} more"
        return joined(parts) or "nothing"
    return str(value).strip()
