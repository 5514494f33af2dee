"""The fields that Python declares for each comm message equal those of the valid examples in `messages.json`.

The front end's tests compare `js/src/comm/messages.ts` with the same examples. `tests/unit/notebook/page/
test_messages.py` decodes them; a field that may be left out would pass there, so the names are compared here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

from realtime_nb.notebook.page import messages as m

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "messages.json").read_text(encoding="utf-8"))
KINDS = [
    pytest.param(direction, kind, id=f"{direction}-{kind.__struct_config__.tag}")
    for direction, base in (("page", m.PageMessage), ("kernel", m.KernelMessage))
    for kind in base.__subclasses__()
]


def _declared(kind: inspect.Type, path: str = "") -> Iterator[str]:
    """The path of every field of a type, as ".turns[].text"; bytes are left out, since the comm's buffer holds them."""
    if isinstance(kind, inspect.ListType):
        yield from _declared(kind.item_type, f"{path}[]")
    elif isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _declared(each, path)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if not isinstance(field.type, inspect.BytesType):
                yield f"{path}.{field.encode_name}"
                yield from _declared(field.type, f"{path}.{field.encode_name}")


def _held(value: Any, path: str = "") -> Iterator[str]:
    """The path of every field that an example holds."""
    if isinstance(value, list):
        for each in value:
            yield from _held(each, f"{path}[]")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}"
            yield from _held(inner, f"{path}.{key}")


@pytest.mark.parametrize(("direction", "kind"), KINDS)
def test_declared_fields_are_those_of_the_valid_examples(
    direction: str, kind: type[m.PageMessage | m.KernelMessage]
) -> None:
    tag = kind.__struct_config__.tag
    examples = [case["content"] for case in GOLDEN if case["valid"] and case["direction"] == direction]
    held = {path for example in examples if example["kind"] == tag for path in _held(example)}
    assert {".kind", *_declared(inspect.type_info(kind))} == held


@pytest.mark.parametrize(("direction", "kind"), KINDS)
def test_every_kind_is_sent_in_the_stream_that_the_examples_name(
    direction: str, kind: type[m.PageMessage | m.KernelMessage]
) -> None:
    tag = kind.__struct_config__.tag
    examples = [case for case in GOLDEN if case["valid"] and case["direction"] == direction]
    named = {case.get("stream", "state") for case in examples if case["content"]["kind"] == tag}
    assert named == {kind.stream}
