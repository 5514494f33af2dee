import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.session.json_depth import MAX_DEPTH, check_depth
from realtime_nb.wire.realtime import WireError


def _nested(levels: int) -> str:
    return '{"a":[' * (levels // 2) + "1" + "]}" * (levels // 2)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_limit_is_a_depth_and_not_a_count(as_bytes: bool) -> None:
    fine = _nested(MAX_DEPTH)
    wide = json.dumps([[1]] * 1000)
    for text in (fine, wide):
        check_depth(text.encode() if as_bytes else text)
    with pytest.raises(WireError, match="nested more than"):
        check_depth(_nested(MAX_DEPTH + 2))


@given(st.text(alphabet='[{"\\a', min_size=200, max_size=400))
def test_brackets_within_a_string_do_not_count(text: str) -> None:
    check_depth(json.dumps({"instructions": text}))
