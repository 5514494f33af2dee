"""Makes damaged server frames, such as a broken, newer or hostile server might send.

Owns the mutations. They change the published example events in one to three places, so that most frames are nearly
valid: those are the ones that a decoder may wrongly accept.
"""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

from realtime_nb.wire.realtime import SERVER_TYPES

_EXAMPLES = Path(__file__).parents[1] / "data" / "event_examples.jsonl"
_VALUES: list[Any] = [None, True, 0, -1, 2**31, 2**63, 1e308, 0.5, "", "x" * 3000, [], {}, [[[]]], {"type": "?"}]
_WORDS = ["\u202e<img src=x onerror=alert(1)>", "\x00", "\ud800", "item_001", "resp_001", "AAA", "//", "response.done"]


def server_examples() -> list[dict[str, Any]]:
    """Return the published examples of server events."""
    found = [json.loads(line)["example"] for line in _EXAMPLES.read_text().splitlines()]
    return [event for event in found if isinstance(event, dict) and event.get("type") in SERVER_TYPES]


def damaged(dice: random.Random, events: list[dict[str, Any]]) -> str | bytes:
    """Return a frame: an event with one to three errors, or bytes that are no event."""
    event = copy.deepcopy(dice.choice(events))
    for _ in range(dice.choice([1, 1, 2, 3])):
        if event:
            _spoil(dice, *_somewhere(dice, event), events)
    frame = json.dumps(event)
    choice = dice.random()
    if choice < 0.05:
        return frame[: dice.randrange(len(frame))]
    if choice < 0.10:
        data = bytearray(frame.encode())
        for _ in range(dice.randrange(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(data)
    if choice < 0.12:
        return dice.randbytes(dice.randrange(64))
    if choice < 0.125:
        return dice.choice(["[", '{"a":']) * 5000
    return frame


def _somewhere(dice: random.Random, root: dict[str, Any]) -> tuple[Any, Any]:
    """Return an object or list anywhere in a JSON tree, with one of its keys."""
    places: list[tuple[Any, Any]] = []
    pending: list[Any] = [root]
    while pending:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        places += [(holder, key) for key in keys]
        pending += [holder[key] for key in keys if isinstance(holder[key], dict | list) and holder[key]]
    return dice.choice(places)


def _spoil(dice: random.Random, holder: Any, key: Any, events: list[dict[str, Any]]) -> None:
    change = dice.randrange(7)
    if change == 0:
        del holder[key]
    elif change == 1:
        holder[key] = dice.choice(_VALUES)
    elif change == 2:
        holder[key] = dice.choice(_WORDS)
    elif change == 3 and isinstance(holder, dict):
        holder[f"{key}_of_tomorrow"] = holder[key]
    elif change == 4 and isinstance(holder, list):
        holder.extend([copy.deepcopy(holder[key])] * dice.choice([1, 50]))
    elif change == 5:
        donor, donated = _somewhere(dice, copy.deepcopy(dice.choice(events)))
        holder[key] = donor[donated]  # well-formed, and in the wrong place
    elif isinstance(holder[key], str) and holder[key]:
        cut = dice.randrange(len(holder[key]))
        holder[key] = holder[key][:cut]
