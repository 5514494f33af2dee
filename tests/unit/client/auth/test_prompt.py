from __future__ import annotations

import getpass
import pickle
import sys
import threading
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb import backends
from realtime_nb.client.auth import prompt

KEY = "sk-typed-SENTINEL-0123456789"


class Terminal:
    """A user at a terminal, who types what `answers` holds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[str | Exception] = []
        self.questions: list[str] = []
        monkeypatch.setattr(sys, "stdin", self)
        monkeypatch.setattr(getpass, "getpass", self.getpass)

    def isatty(self) -> bool:
        return True

    def getpass(self, question: str) -> str:
        self.questions.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr(prompt.prompt_for_key, "_key", None)
    return Terminal(monkeypatch)


def test_the_key_is_asked_where_it_is_given_and_once(user: Terminal) -> None:
    user.answers = [f" {KEY}\n"]
    first = rt.RealtimeWidget(api_key=rt.prompt_for_key)
    assert len(user.questions) == 1, "in the cell that makes the widget"
    second = rt.RealtimeWidget(api_key=rt.prompt_for_key)
    backend = rt.Backend(url="wss://host.example/v1", api_key=rt.prompt_for_key)
    rt.connect(api_key=rt.prompt_for_key)
    assert len(user.questions) == 1
    shown = [repr(first), repr(backend), repr(rt.prompt_for_key), repr(rt.prompt_for_key()), str(first.get_state())]
    assert not [text for text in shown if "SENTINEL" in text]
    first.close()
    second.close()


async def test_the_typed_key_is_sent(user: Terminal) -> None:
    user.answers = [KEY]
    endpoint = backends.resolve("openai", api_key=rt.prompt_for_key)
    assert dict(await endpoint.all_headers())["Authorization"] == f"Bearer {KEY}"


def test_again_asks_again(user: Terminal) -> None:
    user.answers = ["wrong-key-123", KEY]
    rt.prompt_for_key()
    assert rt.prompt_for_key(again=True).reveal() == KEY
    assert rt.prompt_for_key().reveal() == KEY


@pytest.mark.parametrize(
    ("answer", "words"),
    [("", "No key was typed"), ("  ", "No key"), ("a b", "has a character"), (EOFError(), "EnvKey")],
)
def test_no_answer_is_no_key(user: Terminal, answer: Any, words: str) -> None:
    user.answers = [answer, KEY]
    with pytest.raises(rt.ConfigError, match=words):
        rt.RealtimeWidget(api_key=rt.prompt_for_key)
    assert rt.prompt_for_key().reveal() == KEY, "it asks again after a failure"


def test_without_a_user_the_error_says_what_to_do(user: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user, "isatty", lambda: False)
    with pytest.raises(rt.ConfigError, match=r"no terminal.*OPENAI_API_KEY"):
        rt.prompt_for_key()


def test_another_thread_asks_nothing(user: Terminal) -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            rt.prompt_for_key()
        except rt.ConfigError as error:
            seen.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "in a cell first" in seen[0]
    assert not user.questions


def test_a_pickle_holds_its_name_only(user: Terminal) -> None:
    user.answers = [KEY]
    backend = rt.Backend(url="wss://host.example/v1", api_key=rt.prompt_for_key)
    data = pickle.dumps(backend)
    assert b"SENTINEL" not in data
    assert pickle.loads(data).api_key is rt.prompt_for_key
