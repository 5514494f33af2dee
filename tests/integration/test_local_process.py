"""The backend's process: its start, its address, its errors, and its end with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.local import LocalServer
from tests.integration.raw_client import RawClient, is_alive, raw_client, sound_of, speech, text_of, wait_for_end


async def _heard(client: RawClient) -> None:
    """Recognise one utterance, which starts the recogniser's process."""
    transcription = {"transcription": {"model": "whisper-1"}}
    await client.update(audio={"input": {"turn_detection": None, **transcription}}, output_modalities=["text"])
    await client.append(speech("Hello!"))
    await client.send("input_audio_buffer.commit")
    await client.until("conversation.item.input_audio_transcription.completed")


def _recogniser(server: LocalServer) -> int:
    assert server._process is not None
    children = Path(f"/proc/{server._process.pid}/task/{server._process.pid}/children").read_text().split()
    (recogniser,) = [int(child) for child in children]
    return recogniser


def test_server_runs_as_long_as_its_context() -> None:
    server = LocalServer()
    with pytest.raises(ConfigError):
        _ = server.url
    with server:
        assert server.url.startswith("ws://127.0.0.1:")
        assert server.url.endswith("/v1/realtime")
        assert server.running
        assert "practice backend" in server.label
        assert server._process is not None
        pid = server._process.pid
        assert pid != os.getpid()
    assert not server.running
    assert not is_alive(pid)
    server.close()


async def test_server_is_an_async_context_too() -> None:
    async with LocalServer() as server, raw_client(server.url) as client:
        assert client.log[0]["type"] == "session.created"


def test_error_for_a_port_in_use_names_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConnectError, match=f"{port}.*taken.*port 0"), LocalServer(port=port):
            pass


def test_server_beyond_loopback_requires_a_token() -> None:
    with pytest.raises(ConfigError, match="token="), LocalServer(host="0.0.0.0"):
        pass
    with LocalServer(host="0.0.0.0", token="sentinel") as server:
        assert server.running


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_server_listens_on_ipv6(host: str) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"this machine has no IPv6: {error}")
    with LocalServer(host=host, voice="plain") as server, socket.create_connection(("::1", server_port(server))):
        assert server.url == f"ws://[::1]:{server_port(server)}/v1/realtime"


def server_port(server: LocalServer) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


def test_unknown_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"sesion_seconds.*Did you mean 'session_seconds'"):
        LocalServer(sesion_seconds=3)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("http://localhost:11434/v1", "qwen3:4b"), r"host='http://localhost:11434/v1'.*chat_url="),
        ((8080,), "host=8080"),
        (("",), "host=''"),
        (("127.0.0.1", "qwen3:4b"), "port='qwen3:4b'"),
        (("127.0.0.1", 65_536), "port=65536"),
        (("127.0.0.1", True), "port=True"),
    ],
)
def test_place_to_listen_is_checked_where_it_is_given(given: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        LocalServer(*given)


@pytest.mark.parametrize("host", ["http://user:sentinel-word@localhost/v1", "sk-proj-sentinelABCDEFGHIJ0123456789"])
def test_key_in_place_of_a_host_is_in_no_message(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LocalServer(host)
    assert "sentinel" not in str(caught.value)


def test_the_token_is_not_on_the_command_line() -> None:
    with LocalServer(token="sentinel") as server:
        assert server._process is not None
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(server._process.pid)], capture_output=True, text=True, check=False
        ).stdout
        assert "sentinel" not in shown
        assert "sentinel" not in repr(server)


def test_server_ends_with_its_parent() -> None:
    program = textwrap.dedent(
        """
        import time
        from realtime_nb.local import LocalServer
        server = LocalServer().start()
        print(server._process.pid, flush=True)
        time.sleep(600)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert wait_for_end(child)
    finally:
        parent.kill()
        parent.communicate()


async def test_dead_recogniser_process_is_restarted() -> None:
    async with LocalServer() as server, raw_client(server.url) as client:
        await _heard(client)
        first = _recogniser(server)
        os.kill(first, signal.SIGKILL)
        assert wait_for_end(first)
        await _heard(client)
        assert _recogniser(server) != first


async def test_killed_server_leaves_no_recogniser_process() -> None:
    async with LocalServer() as server:
        async with raw_client(server.url) as client:
            await _heard(client)
        recogniser = _recogniser(server)
        assert server._process is not None
        server._process.kill()
        assert wait_for_end(recogniser)


async def test_stopping_server_closes_its_sessions() -> None:
    server = LocalServer().start()
    try:
        async with raw_client(server.url) as client:
            await asyncio.to_thread(server.close)
            await client.socket.wait_closed()
            assert client.socket.close_code == 1001
    finally:
        server.close()


async def test_the_same_server_runs_without_the_extra() -> None:
    with LocalServer(voice="plain") as server:
        assert server.notice
        assert "realtime-nb[local]" in server.notice
        async with raw_client(server.url) as client:
            events = await client.ask("Hello!")
            assert text_of(events)
            assert len(sound_of(events)) > 10_000
            await client.append(speech("What is the time?"))
            events = await client.until("response.done")
            assert events[0]["type"] == "input_audio_buffer.speech_started"
            assert events[-1]["response"]["status"] == "completed"


def test_importing_local_imports_neither_server_nor_voice() -> None:
    program = "import sys, realtime_nb.local; print([m for m in ('tornado', 'numpy', 'msgspec') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
