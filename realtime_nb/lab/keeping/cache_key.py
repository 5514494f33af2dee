"""The id of a trial: a hash of everything that could change its outcome.

Owns which facts are in it. Must not know files or sessions. Names, labels, the order of trials and keys are not in it:
a trial keeps its id when a variant is renamed, or when a sweep is run in another order.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.tools import Tool

# Raise it when trials are run or measured in a way that makes old ones incomparable.
_FORM = 1


def trial_key(
    said: Utterance | Scenario,
    variant: Variant,
    options: ReplayOptions,
    *,
    endpoint: str,
    model: str | None,
    repeat: int,
    session: Mapping[str, Any] | None = None,
) -> str:
    """Return the id of a trial, as 32 hexadecimal digits.

    Args:
        said: what is said.
        variant: how the session is configured.
        options: pace and limits.
        endpoint: the address that answers, without credentials; with local models, also their names.
        model: that is asked for.
        repeat: which of the trials with the same facts.
        session: the configuration as it is sent, where that is more than the variant's.
    """
    facts = {
        "form": _FORM,
        "said": _said(said),
        "session": msgspec.to_builtins(session if session is not None else variant.payload),
        "functions": [_function(tool) for tool in variant.whole["tools"] if isinstance(tool, Tool)],
        "options": asdict(options),
        "endpoint": endpoint,
        "model": model,
        "repeat": repeat,
    }
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _said(said: Utterance | Scenario) -> Any:
    if isinstance(said, Scenario):
        return [[_turn(turn), turn.after_ms if isinstance(turn, BargeIn) else None] for turn in said.turns]
    return _turn(said)


def _turn(turn: Any) -> Any:
    utterance: Utterance = turn.utterance if isinstance(turn, BargeIn) else turn
    # Where the speech was stated to end is the zero of every latency.
    span: Any = utterance.speech_span
    return [utterance.hash, None if span is None else [span.start, span.end]]


def _function(tool: Tool) -> list[str]:
    """Return what a tool's function does, as far as it can be read: a stub's answers, or the source."""
    function = tool.function
    if function is None:
        return [tool.name]
    if hasattr(function, "returns"):
        return [tool.name, repr(function.returns)]
    plain = inspect.unwrap(function)
    plain = getattr(plain, "func", plain)  # of a partial
    try:
        return [tool.name, inspect.getsource(plain)]
    except (OSError, TypeError):  # typed at a prompt, built in, or an object
        code = getattr(plain, "__code__", None)
        return [tool.name, code.co_code.hex() if code is not None else type(plain).__qualname__]
