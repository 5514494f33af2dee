"""`rt.doctor()` tries a key at its server, and says what could not be checked."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.checkup import Report
from realtime_nb.errors import ConfigError
from realtime_nb.local import LocalServer
from tests.chat_server import ChatServer
from tests.integration.test_key_in_tracebacks import answering

KEY = "sk-test-0123456789abcdefghij"


@pytest.fixture(autouse=True)
def _only_this_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def _at(url: str, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Report:
    monkeypatch.setenv("OPENAI_BASE_URL", url.replace("ws:", "http:"))
    report = rt.doctor(**given)
    assert KEY not in repr(report)
    assert KEY not in repr(vars(report))
    return report


async def test_a_key_that_works_is_said_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(token=KEY) as server:
        report = _at(server.url, monkeypatch)
    assert report.well, report
    assert report
    assert "OPENAI_API_KEY works: 127.0.0.1" in repr(report)
    assert "whether the key may use the model" in repr(report)
    assert repr(report).endswith("All well.")


async def test_a_key_that_its_server_does_not_know_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(token="another-token") as server:
        report = _at(server.url, monkeypatch)
    assert not report
    assert "BAD  OPENAI_API_KEY does not work" in repr(report)
    assert report.summary.startswith("Something is wrong")


@pytest.mark.parametrize(
    ("status", "body", "wrong", "words"),
    [
        (401, {"error": {"message": f"no {KEY}"}}, True, "does not work"),
        (403, {"error": {"message": f"no {KEY}"}}, True, "may not be used"),
        (429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, False, "it answered 429"),
        (429, {"error": {"message": "no", "code": "insufficient_quota"}}, True, "no quota left"),
        (404, {"error": {"message": "The model `x` does not exist"}}, True, "cannot use this model"),
        (404, b"<h1>not here</h1>", False, "makes no client secrets"),
        (302, b"", False, "it answered 302"),
        (500, b"oh", False, "it answered 500"),
        (200, b"<html>Please log in</html>", True, "not a client secret"),
        (200, {"value": KEY}, True, "not a client secret"),
    ],
)
async def test_an_answer_that_is_no_client_secret_is_explained(
    status: int, body: Any, wrong: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(status, body) as url:
        report = _at(url, monkeypatch)
    assert words in repr(report), report
    assert report.well is not wrong, report
    if not wrong:
        assert report.not_checked
        assert "not all could be checked" in report.summary


async def test_a_port_where_nothing_listens_is_wrong_when_the_user_named_it(monkeypatch: pytest.MonkeyPatch) -> None:
    report = _at("ws://127.0.0.1:9/v1", monkeypatch)
    assert not report.well
    assert "BAD  OPENAI_API_KEY was not tried at 127.0.0.1:9" in repr(report)


async def test_a_hosted_service_that_cannot_be_reached_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_nb.backends.openai.OPENAI_URL", "wss://127.0.0.1:9/v1/realtime")
    report = rt.doctor()
    assert report.well, report
    assert "not tried at 127.0.0.1:9" in repr(report.not_checked)
    assert not repr(report).endswith("All well.")


async def test_a_silent_server_is_not_waited_for_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/v1"
        report = await asyncio.to_thread(_at, url, monkeypatch, timeout_s=0.5)
    assert "no answer from 127.0.0.1" in repr(report)


async def test_a_function_that_never_returns_a_key_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def ask_for_ever() -> str:
        await never.wait()
        return KEY

    report = _at("ws://127.0.0.1:9/v1", monkeypatch, backend="openai", api_key=ask_for_ever, timeout_s=0.5)
    assert "the key was not tried" in repr(report)


async def test_a_key_that_would_travel_in_the_clear_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    report = _at("http://192.0.2.1/v1", monkeypatch)
    assert not report.well
    assert "not encrypted" in repr(report)


async def test_without_a_key_all_is_well_and_the_report_says_that_none_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    report = rt.doctor()
    assert report.well, report
    assert "no key was tried" in repr(report)


async def test_a_key_of_azure_needs_a_deployment_to_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "0123456789abcdef")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")
    report = rt.doctor()
    assert "the key of Azure was not tried" in repr(report.not_checked)
    assert "not all could be checked" in report.summary


@pytest.mark.parametrize("given", [{"backend": KEY}, {"timeout_s": 0}, {"timeout_s": True}, {"api_key": b"x"}])
async def test_a_wrong_argument_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(rt.ConfigError) as refused:
        rt.doctor(**given)
    assert KEY not in str(refused.value)


def _with_chat(chat: ChatServer, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Report:
    monkeypatch.delenv("OPENAI_API_KEY")
    named = {"CHAT_URL": chat.url, "CHAT_MODEL": "test-model", "CHAT_KEY": KEY, **variables}
    for name, value in named.items():
        monkeypatch.setenv(f"REALTIME_NB_{name}", value)
    report = rt.doctor()
    assert KEY not in repr(report)
    assert KEY not in repr(vars(report))
    return report


async def test_local_models_of_the_environment_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ChatServer(key=KEY) as chat:
        report = _with_chat(chat, monkeypatch)
        assert report.well, report
        assert f"ok   {chat.url} answers and has the model 'test-model'" in repr(report)
        assert "chat_key is set" in repr(report)
        assert "the server of local models (test-model, " in repr(report)
        assert not chat.chats, "no model works for a check"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CHAT_KEY": "another-key-0123456789"}, "key"),
        ({"CHAT_MODEL": "misspelt"}, "test-model"),
        ({"CHAT_MODEL": ""}, "REALTIME_NB_CHAT_MODEL"),
        ({"CHAT_URL": "http://127.0.0.1:1/v1"}, "http://127.0.0.1:1/v1"),
        ({"TTS": "flute"}, "tts='flute'"),
    ],
)
async def test_local_models_that_cannot_answer_are_wrong(
    variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ChatServer(key=KEY) as chat:
        report = _with_chat(chat, monkeypatch, **variables)
    bad = [str(finding) for finding in report.findings if finding.well is False]
    assert len(bad) == 1
    assert words in bad[0]


async def test_local_models_that_are_given_are_asked_and_no_key_of_the_environment() -> None:
    async with ChatServer() as chat:
        report = rt.doctor(backend=rt.LocalModels(chat_url=chat.url, chat_model="test-model"))
        assert "has the model 'test-model'" in repr(report)
        assert "OPENAI_API_KEY" not in repr(report)
        assert KEY not in str(chat.requests)
    with pytest.raises(ConfigError, match="chat_key="):
        rt.doctor(backend=rt.LocalModels(chat_url=chat.url, chat_model="m"), api_key=KEY)
