from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import msgspec
import pytest

from realtime_nb.client.frozen import frozen

PLAIN: dict[str, Any] = {"voice": "marin", "audio": {"output": {"speed": 1.0}}, "tools": [{"name": "f"}]}


def test_it_reads_as_the_builtins_that_it_was_made_of() -> None:
    value = frozen(PLAIN)
    assert value == PLAIN
    assert json.loads(json.dumps(value)) == PLAIN
    assert msgspec.json.decode(msgspec.json.encode(value)) == PLAIN
    assert value["tools"] == [{"name": "f"}]
    assert {**value} == PLAIN


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.__setitem__("voice", "x"),
        lambda v: v.update(voice="x"),
        lambda v: v.pop("voice"),
        lambda v: v["audio"]["output"].__setitem__("speed", 2),
        lambda v: v["tools"].append({}),
        lambda v: v["tools"][0].clear(),
        lambda v: v.setdefault("new", 1),
        lambda v: v.__ior__({"a": 1}),
        lambda v: v["tools"].sort(),
        lambda v: v["tools"].__iadd__([1]),
    ],
)
def test_it_cannot_be_changed_at_any_depth(change: Any) -> None:
    value = frozen(PLAIN)
    with pytest.raises(TypeError, match="set the setting instead"):
        change(value)
    assert value == PLAIN


def test_a_deep_copy_can_be_changed_and_a_pickle_cannot() -> None:
    free = copy.deepcopy(frozen(PLAIN))
    free["audio"]["output"]["speed"] = 2
    free["tools"].append(1)
    back = pickle.loads(pickle.dumps(frozen(PLAIN)))
    assert back == PLAIN
    with pytest.raises(TypeError):
        back["audio"]["output"]["speed"] = 2
