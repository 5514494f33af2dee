"""Pages are made one after the other; those of an earlier run of a cell are left out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, cast

import pytest

from realtime_nb.lab.view.late_output import LateOutput
from realtime_nb.lab.view.page_maker import Page, PageMaker

PATIENCE_S = 60


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_nb.lab.view.page_maker._PAGE_ASKS_WITHIN_S", 0.05)
    monkeypatch.setattr("realtime_nb.lab.view.page_maker._SETTLES_S", 0.0)


@dataclass
class Output:
    """An output that keeps what fills it."""

    cell: str
    run: str = "1"

    def __post_init__(self) -> None:
        self.filled: list[Page] = []
        self.is_filled = threading.Event()

    def fill(self, html: str, text: str) -> None:
        self.filled.append((html, text))
        self.is_filled.set()


def _make_later(maker: PageMaker, output: Output, make: Any, *, drawn: bool = True) -> None:
    event = threading.Event()
    if drawn:
        event.set()
    maker.make_later(cast(LateOutput, output), make, event)


def test_pages_of_several_cells_and_of_one_run_are_all_made_in_order() -> None:
    maker = PageMaker()
    outputs = [Output("a"), Output("a"), Output("b")]
    for place, output in enumerate(outputs):
        _make_later(maker, output, lambda place=place: (f"page {place}", ""))
    for output in outputs:
        assert output.is_filled.wait(PATIENCE_S)
    assert [output.filled for output in outputs] == [[("page 0", "")], [("page 1", "")], [("page 2", "")]]


def test_page_is_made_although_no_front_end_ever_asks_for_the_card() -> None:
    output = Output("a")
    _make_later(PageMaker(), output, lambda: ("page", ""), drawn=False)
    assert output.is_filled.wait(PATIENCE_S)


def test_cell_that_runs_again_stops_the_pages_of_its_earlier_runs() -> None:
    maker = PageMaker()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Page:
        begun.set()
        go_on.wait(PATIENCE_S)
        return "slow", ""

    working, waiting, last = Output("a", "1"), Output("a", "2"), Output("a", "3")
    _make_later(maker, working, slow)
    assert begun.wait(PATIENCE_S)
    _make_later(maker, waiting, lambda: ("waiting", ""))
    _make_later(maker, last, lambda: ("last", ""))
    go_on.set()
    assert last.is_filled.wait(PATIENCE_S)
    assert not working.filled
    assert not waiting.filled
    assert last.filled == [("last", "")]


def test_page_is_made_again_where_a_cell_changed_its_rows_meanwhile() -> None:
    output = Output("a")
    errors = [RuntimeError("dictionary changed size during iteration")]

    def make() -> Page:
        if errors:
            raise errors.pop()
        return "page", ""

    _make_later(PageMaker(), output, make)
    assert output.is_filled.wait(PATIENCE_S)
    assert output.filled == [("page", "")]


@pytest.mark.parametrize("error", [OSError("no <disk>"), RuntimeError("always")])
def test_page_that_cannot_be_made_says_why(error: Exception) -> None:
    maker = PageMaker()
    output, next_one = Output("a"), Output("b")

    def make() -> Page:
        raise error

    _make_later(maker, output, make)
    _make_later(maker, next_one, lambda: ("page", ""))
    assert next_one.is_filled.wait(PATIENCE_S)
    ((html, text),) = output.filled
    assert str(error) in text
    assert "<disk>" not in html


def test_output_that_cannot_be_filled_stops_no_other_page() -> None:
    class Gone(Output):
        def fill(self, html: str, text: str) -> None:
            raise OSError("the kernel closed its socket")

    maker = PageMaker()
    last = Output("b")
    _make_later(maker, Gone("a"), lambda: ("page", ""))
    _make_later(maker, last, lambda: ("last", ""))
    assert last.is_filled.wait(PATIENCE_S)
