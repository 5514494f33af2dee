"""Local models as a backend: which server answers, where keys go, and what the card says of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb import backends
from realtime_nb.errors import ConfigError, ServerError
from realtime_nb.local import servers
from tests.chat_server import ChatServer

KEY = "a-key/of+no=known-shape-0123456789"
OTHER = "sk-of-another-service-0123456789"


@pytest.fixture(autouse=True)
def _no_server_stays() -> Iterator[None]:
    yield
    backends.stop_local()


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with ChatServer(models=["test-model", "second-model"]) as server:
        yield server


def models(chat: ChatServer, **given: Any) -> rt.LocalModels:
    return rt.LocalModels(**{"chat_url": chat.url, "chat_model": "test-model", **given})


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - traits of a widget, and a process, have no asyncio.Event
            await asyncio.sleep(0.05)


def _shown_of(pid: int) -> bytes:
    """Return what other programs of the user can read of a process: its command line and environment (Linux)."""
    files = [Path(f"/proc/{pid}/{name}") for name in ("environ", "cmdline")]
    return b"".join(file.read_bytes() for file in files if file.exists())


async def test_instructions_change_the_answer_and_the_widget_names_what_answers(chat: ChatServer) -> None:
    w = rt.RealtimeWidget(backend=models(chat), instructions="Answer in upper case.", output="text")
    first = await w.ask("Hello there")
    w.instructions = "Begin each answer with Ahoy."
    second = await w.ask("Hello there")
    assert first.text == first.text.upper()
    assert second.text.startswith("Ahoy")
    assert w.effective["model"] == "test-model"
    assert w.effective["backend"].startswith("local models (test-model, ")
    assert w._info["label"] == w.effective["backend"]
    assert w._info["whereabouts"] is None
    assert w._info["cost_usd"] is None  # there is no price to count by
    prompt = str(chat.chats[0].body)
    assert "Answer in upper case." in prompt
    assert "rules, not a model" not in prompt
    assert w.usage.cost_usd == 0
    w.close()


async def test_auto_chooses_the_models_of_the_environment(chat: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_NB_CHAT_URL", chat.url)
    with pytest.raises(ConfigError, match="REALTIME_NB_CHAT_MODEL"):
        await asyncio.to_thread(backends.resolve)
    monkeypatch.setenv("REALTIME_NB_CHAT_MODEL", "test-model")
    endpoint = await asyncio.to_thread(backends.resolve)
    assert "test-model" in endpoint.label
    practice = await asyncio.to_thread(backends.resolve, "local")
    assert practice.label == "local practice backend"
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    assert (await asyncio.to_thread(backends.resolve)).name == "openai"


async def test_key_reaches_the_chat_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    monkeypatch.setenv("REALTIME_NB_CHAT_KEY", KEY)
    async with ChatServer(key=KEY) as chat:
        async with rt.connect(backend=models(chat)) as conn:
            await conn.session.update(output_modalities=["text"])
            await conn.conversation.item.create(item=rt.user_message("Hello"))
            await conn.response.create()
            done = await conn.wait_for("response.done", timeout=30)
        assert done.response.status == "completed"
        assert chat.chats[0].headers["authorization"] == f"Bearer {KEY}"
        assert OTHER not in str(chat.requests)
        process = next(iter(servers.servers.values()))._process
        assert process is not None
        shown = _shown_of(process.pid)
        assert KEY.encode() not in shown
        assert OTHER.encode() not in shown


async def test_wrong_key_is_an_error_without_the_key(chat: ChatServer) -> None:
    chat.key = "the-right-one-0123456789"
    w = rt.RealtimeWidget(backend=models(chat, chat_key=KEY), output="text")
    with pytest.raises(ServerError, match="key") as failed:
        await w.ask("Hello")
    assert chat.url in str(failed.value)
    assert KEY not in str(failed.value)
    await until(lambda: w.error is not None)
    assert KEY not in str(w.error)
    w.close()


async def test_one_process_for_each_set_of_models(chat: ChatServer) -> None:
    resolve = asyncio.to_thread
    first = await resolve(backends.resolve, models(chat))
    again = await resolve(backends.resolve, models(chat))
    other = await resolve(backends.resolve, models(chat), "second-model")
    keyed = await resolve(backends.resolve, models(chat, chat_key=KEY))
    practice = await resolve(backends.resolve, "local")
    assert first.url == again.url
    assert len({first.url, other.url, keyed.url, practice.url}) == 4
    assert "second-model" in other.label


async def test_number_of_processes_is_bounded(chat: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_MOST", 2)
    made = [await asyncio.to_thread(backends.resolve, models(chat), name) for name in "abc"]
    assert [endpoint.server is not None and endpoint.server.running for endpoint in made] == [False, True, True]


async def test_conversation_continues_with_the_same_models_after_the_process_died(chat: ChatServer) -> None:
    w = rt.RealtimeWidget(backend=models(chat), output="text")
    await w.ask("Hello")
    server = next(iter(servers.servers.values()))
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGKILL)
    await until(lambda: not server.running)
    answer = await w.ask("Are you there?")
    assert answer.status == "completed"
    assert "Hello" in str(chat.chats[-1].messages)
    assert "test-model" in w.effective["backend"]
    w.close()


async def test_another_model_takes_over_between_turns(chat: ChatServer) -> None:
    w = rt.RealtimeWidget(backend=models(chat), output="text")
    await w.ask("Hello")
    w.model = "second-model"
    await w.ask("Again")
    assert [request.body["model"] for request in chat.chats] == ["test-model", "second-model"]
    assert w.effective["model"] == "second-model"
    assert "second-model" in w.effective["backend"]
    w.close()


async def test_missing_chat_server_is_shown_until_it_is_there() -> None:
    async with ChatServer() as gone:
        url, port = gone.url, gone.port
    w = rt.RealtimeWidget(backend=rt.LocalModels(chat_url=url, chat_model="test-model"), output="text")
    await w.start()
    await until(lambda: w.error is not None)
    assert url in str(w.error)
    assert w.status != "error"
    with pytest.raises(ServerError, match=str(port)):
        await w.ask("Hello")
    async with ChatServer(port=port):
        turn = await w.ask("Hello")
        assert turn.status == "completed"
        await until(lambda: w.error is None)
    w.close()


async def test_missing_model_is_shown_with_the_names_that_exist(chat: ChatServer) -> None:
    w = rt.RealtimeWidget(backend=models(chat, chat_model="misspelt"))
    await w.start()
    await until(lambda: w.error is not None)
    assert "misspelt" in str(w.error)
    assert "test-model" in str(w.error)
    w.close()


async def test_hosts_beyond_this_machine_are_named_and_have_no_known_price() -> None:
    remote = rt.LocalModels(
        chat_url="https://chat.example.invalid/v1",
        chat_model="m",
        stt="https://ears.example.invalid/v1",
        tts="https://voice.example.invalid/v1",
    )
    endpoint = await asyncio.to_thread(backends.resolve, remote)
    assert endpoint.whereabouts is not None
    for words in (
        "transcripts go to chat.example.invalid",
        "your voice goes to ears.example.invalid",
        "text goes to voice.example.invalid",
    ):
        assert words in endpoint.whereabouts
    assert endpoint.prices is None
    w = rt.RealtimeWidget(backend=remote)
    await w.start()
    await until(lambda: w.effective)
    assert w._info["whereabouts"] == endpoint.whereabouts
    assert w._info["cost_usd"] is None  # not $0.00
    w.close()
    w = rt.RealtimeWidget(backend=remote, max_cost_usd=1)
    with pytest.raises(ConfigError, match="price"):
        await w.start()
    w.close()


async def test_speech_that_is_recognised_as_commands_only_is_said_in_the_card_and_in_health(chat: ChatServer) -> None:
    w = rt.RealtimeWidget(backend=models(chat))
    await w.start()
    await until(lambda: w.effective)
    assert "Only commands are recognised" in w._info["hearing"]
    assert w._info["hearing"] in repr(w.health)
    assert not w.health.losses
    w.close()


async def test_trials_of_speech_say_that_only_commands_are_recognised(chat: ChatServer) -> None:
    said = ["Hello!", rt.Utterance(np.full(4800, 7, np.int16), speech_span=(0, 4800))]
    variants = [rt.Variant("it", {"output": "text"})]
    lab = rt.Lab(said, variants, backend=models(chat), repeats=1, warmup=0, pacing="manual_commit")
    results = await lab.run(budget_usd=None)
    by_sound = {bool(row["sound_hash"]): row.get("recognition") for row in results.rows}
    assert by_sound[False] is None
    assert "realtime-nb[whisper]" in str(by_sound[True])
    assert repr(results).count("Only commands are recognised") == 1


async def test_local_server_takes_the_same_options(chat: ChatServer) -> None:
    async with rt.LocalServer(
        chat_url=chat.url,
        chat_model="test-model",
        chat_key=lambda: KEY,
        stt="commands",
        tts="espeak",
        context_tokens=4096,
        options={"temperature": 0.25},
    ) as server:
        assert server.label == "local models (test-model, commands, espeak)"
        async with rt.connect(url=server.url) as conn:
            await conn.conversation.item.create(item=rt.user_message("Hello"))
            await conn.response.create(response={"output_modalities": ["text"]})
            await conn.wait_for("response.done", timeout=30)
    assert chat.chats[0].body["temperature"] == 0.25
    assert chat.chats[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"chat_url": "http://localhost/v1"}, "chat_model="),
        ({"stt": "commands"}, "stt=.*chat_url="),
        ({"chat_url": "http://u:p@localhost/v1", "chat_model": "m"}, "chat_key="),
        ({"chat_url": "http://localhost/v1", "chat_model": "m", "tts": "flute"}, "tts='flute'"),
    ],
)
def test_local_server_refuses_wrong_options(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rt.LocalServer(**given)


def test_key_of_a_service_is_refused_beside_local_models() -> None:
    wanted = rt.LocalModels(chat_url="http://localhost:1/v1", chat_model="m")
    for refused in (
        lambda: rt.RealtimeWidget(backend=wanted, api_key=KEY),
        lambda: rt.connect(backend=wanted, api_key=KEY),
        lambda: backends.resolve(wanted, api_key=KEY),
    ):
        with pytest.raises(ConfigError, match="chat_key="):
            refused()


async def test_command_serves_local_models(chat: ChatServer) -> None:
    command = [sys.executable, "-m", "realtime_nb.cli", "serve", "--port", "0", "--chat-url", chat.url]
    command += ["--chat-model", "test-model", "--tts", "espeak", "--options", '{"seed": 7}']
    chat.key = KEY
    environment = {**os.environ, "REALTIME_NB_CHAT_KEY": KEY, "OPENAI_API_KEY": OTHER}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = (await process.stderr.readline()).decode()
        url = (await process.stdout.readline()).decode().strip()
        async with rt.connect(url=url) as conn:
            await conn.conversation.item.create(item=rt.user_message("Hello"))
            await conn.response.create(response={"output_modalities": ["text"]})
            done = await conn.wait_for("response.done", timeout=30)
    finally:
        process.terminate()
        await process.communicate()
    assert "local models (test-model, " in said
    assert done.response.status == "completed"
    assert chat.chats[0].body["seed"] == 7
    assert OTHER not in str(chat.requests)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--chat-key", KEY], 2, "REALTIME_NB_CHAT_KEY"),
        ([f"--stt-key={KEY}"], 2, "REALTIME_NB_STT_KEY"),
        (["--chat-url", "http://localhost:1/v1"], 1, "chat_model="),
        (["--chat-model", "m"], 1, "chat_url="),
        (["--chat-url", "localhost:1", "--chat-model", "m"], 1, "http://"),
        (["--chat-url", "http://localhost:1", "--chat-model", "m", "--options", "{"], 1, "--options"),
    ],
)
def test_command_refuses_wrong_options(arguments: list[str], status: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "realtime_nb.cli", "serve", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status
    assert words in done.stderr
    assert KEY not in done.stderr
    assert "Traceback" not in done.stderr
