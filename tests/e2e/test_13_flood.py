"""Scenario 13: a cell that prints 8 MB/s during an answer, and while the microphone listens, takes nothing away.

The losses that this finds are rare: `python -m tests.flood --times 10` runs it many times in a row.
"""

from __future__ import annotations

import pytest

from tests.e2e.conftest import OpenNotebook
from tests.e2e.flood import cells, flood_answer, flood_microphone, shown

pytestmark = pytest.mark.alone


@pytest.mark.long
async def test_answer_sounds_whole(notebook: OpenNotebook) -> None:
    book = await notebook(*cells())
    run = await flood_answer(book, await shown(book))
    assert run.share >= 0.98, run
    assert run.heard_all, run


@pytest.mark.long
async def test_no_frame_of_the_microphone_is_missing(notebook: OpenNotebook) -> None:
    book = await notebook(*cells())
    run = await flood_microphone(book, await shown(book))
    assert run.frames > 100, run
    assert run.missing == 0, run
