"""The card answers each question of its page once, in a kernel or outside of one."""

from __future__ import annotations

from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from realtime_nb import Results
from realtime_nb.lab.view.card import ResultsCard

PATIENCE_S = 60


class Card(ResultsCard):
    """A card whose messages a test reads."""

    def __init__(self, results: Results) -> None:
        self.sent: Queue[Any] = Queue()
        super().__init__(results)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.put(content)

    def asks(self, ask_id: str, request: str, **content: Any) -> None:
        self._receive(self, {"kind": "ask", "id": ask_id, "request": request, "content": content}, [])


@pytest.fixture
def card(tmp_path: Path) -> Card:
    row = {"trial_id": "t0", "utterance": "Hi", "utterance_hash": "h", "variant": "a", "error": None, "total_ms": 9.0}
    return Card(Results([row], folder=tmp_path))


def test_question_that_a_page_repeats_is_answered_and_acted_on_once(card: Card, tmp_path: Path) -> None:
    for _ in range(3):
        card.asks("page-1", "rate", trial="t0", value=4)
    card.asks("page-2", "table")
    assert [card.sent.get(timeout=PATIENCE_S)["id"] for _ in range(2)] == ["page-1", "page-2"]
    assert len((tmp_path / "ratings.jsonl").read_text().splitlines()) == 1


def test_card_remembers_a_bounded_number_of_questions(card: Card) -> None:
    for number in range(1200):
        card.asks(f"page-{number}", "no such request")
    for number in range(1200):
        assert card.sent.get(timeout=PATIENCE_S)["id"] == f"page-{number}"
    assert len(card._known) <= 500


def test_answer_is_signalled_after_it_was_sent(card: Card) -> None:
    assert not card.answered.is_set()
    card.asks("page-1", "table")
    assert card.answered.wait(PATIENCE_S)
    assert card.sent.get_nowait()["kind"] == "answer"


def test_one_change_is_sent_until_a_page_asks(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_nb.lab.view.card._SEND_AGAIN_S", 3600.0)
    for _ in range(500):
        card.rows_changed()
    assert card.sent.get_nowait() == {"kind": "changed", "by": ""}
    assert card.sent.empty()
    card.asks("page-1", "table")
    assert card.sent.get(timeout=PATIENCE_S)["kind"] == "answer"
    card.rows_changed()
    assert card.sent.get_nowait() == {"kind": "changed", "by": ""}


def test_change_is_sent_again_where_the_message_may_be_lost(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_nb.lab.view.card._SEND_AGAIN_S", 0.0)
    for _ in range(2):
        card.rows_changed()
    assert card.sent.qsize() == 2
