"""Comm messages equal the golden file that the TypeScript tests read too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.notebook.page import messages as m
from tests.contract.kernel_messages import decode_kernel

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parents[3] / "contract" / "messages.json").read_text())


def _name(case: dict[str, Any]) -> str:
    return f"{case['direction']}-{case['content'].get('kind')}-{case.get('why', 'valid')}"


@pytest.mark.parametrize("case", GOLDEN, ids=_name)
def test_golden_message_is_accepted_or_refused_as_by_the_page(case: dict[str, Any]) -> None:
    buffers = [b"\0" * case["buffer_bytes"]] if "buffer_bytes" in case else None
    decode = m.decode_page if case["direction"] == "page" else decode_kernel
    if not case["valid"]:
        with pytest.raises(m.BadMessage):
            decode(case["content"], buffers)
        return
    message = decode(case["content"], buffers)
    travelled = msgspec.to_builtins(message)
    travelled.pop("pcm", None)
    travelled.pop("data", None)
    assert travelled == case["content"]


def test_every_kind_of_message_has_a_golden_message() -> None:
    for direction, base in (("page", m.PageMessage), ("kernel", m.KernelMessage)):
        kinds = {kind.__struct_config__.tag for kind in base.__subclasses__()}
        assert kinds == {c["content"]["kind"] for c in GOLDEN if c["direction"] == direction and c["valid"]}


@given(st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda i: st.dictionaries(st.text(max_size=9), i)))
def test_any_nonsense_from_a_page_raises_bad_message(content: Any) -> None:
    with pytest.raises(m.BadMessage):
        m.decode_page(content, [])


@pytest.mark.parametrize(
    "change", [{"kind": "\ud800"}, {"page": "\ud800"}, {"page": "é"}, {"text": "half \ud83d"}, {"\ud800": 1}]
)
def test_half_of_a_surrogate_pair_is_refused_in_words_that_the_comm_can_carry(change: dict[str, Any]) -> None:
    with pytest.raises(m.BadMessage) as bad:
        m.decode_page({"v": 1, "seq": 1, "page": "p", "kind": "send", "text": "Hi", **change}, [])
    assert f"{bad.value.what} {bad.value.why}".encode()


def test_oversized_message_is_refused() -> None:
    with pytest.raises(m.BadMessage, match="send"):
        m.decode_page({"v": 1, "seq": 1, "page": "p", "kind": "send", "text": "x" * 200_001})
