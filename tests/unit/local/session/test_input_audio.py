"""The sample buffer is a window on one long signal, however it was appended and cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.session.input_audio import SampleBuffer, ms_of

_operations = st.lists(
    st.tuples(st.just("append"), st.integers(0, 50), st.just(0))
    | st.tuples(st.just("forget"), st.integers(0, 300), st.just(0))
    | st.tuples(st.just("take"), st.integers(0, 300), st.integers(0, 300))
    | st.tuples(st.just("clear"), st.just(0), st.just(0)),
    max_size=30,
)


@given(_operations)
def test_positions_never_change(operations: list[tuple[str, int, int]]) -> None:
    signal = np.arange(3_000, dtype=np.int16)
    buffer = SampleBuffer()
    for name, first, second in operations:
        before = buffer.end
        if name == "append":
            buffer.append(signal[buffer.end : buffer.end + first])
            assert buffer.end == before + first
            continue
        if name == "take":
            start = max(first, buffer.start)
            taken = buffer.cut(first, second)
            assert np.array_equal(taken, signal[start : min(max(second, start), buffer.end)])
        elif name == "forget":
            buffer.drop_before(first)
            assert buffer.start >= min(first, buffer.end)
        else:
            buffer.clear()
            assert len(buffer) == 0
        assert buffer.end == before
        assert 0 <= buffer.start <= buffer.end


def test_milliseconds_are_rounded_down() -> None:
    assert [ms_of(samples) for samples in (0, 23, 24, 47, 24_000)] == [0, 0, 1, 1, 1_000]
