"""Cut texts and bytes anywhere, as a network does: strategies for property tests."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

Cut = TypeVar("Cut", str, bytes)


@st.composite
def cut_anywhere(draw: st.DrawFn, whole: st.SearchStrategy[Cut]) -> list[Cut]:
    """Return a text or bytes in pieces; some may be empty."""
    text = draw(whole)
    places: list[int] = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
