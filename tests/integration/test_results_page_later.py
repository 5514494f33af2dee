"""The static page of results is made after a cell that a person runs, and in the cell where a program runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernels import Kernel, running_kernel

# No page ever asks for the card here.
_IMPORT = """
import realtime_nb as rt, realtime_nb.lab.view.show as view, threading
from realtime_nb.lab.view import page_maker
page_maker._PAGE_ASKS_WITHIN_S = 0.1
"""
_MAKE = """
def results_of(word):
    return rt.Results([
        dict(trial_id=f"{n}", utterance="What time is it?", utterance_hash="h", variant=word, error=None, text=word,
             total_ms=900.0 + n)
        for n in range(4)
    ])
"""
# Holds the maker at its first page, so that the cell runs again in the meantime.
_HOLD = """
made, begun, go_on = view.static_html, threading.Event(), threading.Event()
def held(results):
    begun.set()
    go_on.wait(60)
    return made(results)
view.static_html = held
"""


@pytest.fixture(scope="module", params=[7, 6])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with running_kernel(request.param) as running:
        running.run(_IMPORT + _MAKE)
        yield running


def _pages(kernel: Kernel, request: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in kernel.displayed[request] if each["type"] == kind and "text/html" in each["data"]]


def test_page_fills_an_output_of_its_cell_after_the_cell_has_ended(kernel: Kernel) -> None:
    request = kernel.run("results_of('brief')", cell="first")
    (place,) = _pages(kernel, request, "display_data")
    assert "<table" not in place["data"]["text/html"]
    kernel.until(lambda: bool(_pages(kernel, request, "update_display_data")))
    (page,) = _pages(kernel, request, "update_display_data")
    assert page["transient"] == place["transient"]
    assert page["transient"]["display_id"]
    assert "<table" in page["data"]["text/html"]
    assert "brief" in page["data"]["text/plain"]


def test_cell_that_runs_again_gets_one_page_and_the_right_one(kernel: Kernel) -> None:
    kernel.run(_HOLD)
    before = kernel.run("results_of('before')", cell="again")
    kernel.run("begun.wait(60)")
    other = kernel.run("results_of('other')", cell="another")
    after = kernel.run("results_of('after')", cell="again")
    kernel.run("view.static_html = made\ngo_on.set()")
    kernel.until(lambda: bool(_pages(kernel, after, "update_display_data")))
    (page,) = _pages(kernel, after, "update_display_data")
    assert "after" in page["data"]["text/html"]
    assert "before" not in page["data"]["text/html"]
    assert len(_pages(kernel, other, "update_display_data")) == 1
    assert not _pages(kernel, before, "update_display_data")


@pytest.mark.parametrize(
    ("code", "cell"),
    [
        pytest.param("results_of('whole')", None, id="by a program"),
        pytest.param(
            "from IPython.utils.capture import capture_output\nwith capture_output() as kept:\n"
            "    display(results_of('whole'))\nkept.show()",
            "captured",
            id="captured",
        ),
    ],
)
def test_output_that_no_later_message_reaches_holds_the_page_at_once(
    kernel: Kernel, code: str, cell: str | None
) -> None:
    request = kernel.run(code, cell=cell)
    (page,) = _pages(kernel, request, "display_data")
    assert "<table" in page["data"]["text/html"]
    assert not _pages(kernel, request, "update_display_data")
