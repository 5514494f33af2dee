"""The `realtime-nb` command: its output on stdout and stderr, and its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from realtime_nb.local import LocalServer
from tests.e2e.harness.environment import private_environment

_COMMAND = [sys.executable, "-m", "realtime_nb.cli"]


def _run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_COMMAND, *arguments],
        cwd=cwd,
        env=private_environment(cwd / "home") | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def _running(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*_COMMAND, *arguments],
        cwd=cwd,
        env=private_environment(cwd / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "COMMAND"),
        (("dance",), "dance"),
        (("ask",), "either TEXT or --wav FILE"),
        (("ask", "hello", "--wav", "x.wav"), "either TEXT or --wav FILE"),
        (("serve", "--port", "many"), "many"),
    ],
)
def test_invalid_arguments_print_usage(arguments: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("ask", "hello", "--backend", "ws://127.0.0.1:1/v1/realtime"), "127.0.0.1:1 refused the connection"),
        (("ask", "hello", "--backend", "openai"), "OPENAI_API_KEY"),
        (("ask", "hello", "--backend", "opennai"), "'openai'"),
        (("ask", "--wav", "missing.wav"), "missing.wav"),
        (("serve", "--host", "0.0.0.0"), "--token"),
        (("serve", "--port", "70000"), "65535"),
    ],
)
def test_failure_prints_one_sentence(arguments: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_ask_prints_the_question_and_the_answer(tmp_path: Path) -> None:
    done = _run("ask", "What time is it?", "--backend", "local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "local practice backend" in done.stdout
    assert "You:       What time is it?" in done.stdout
    assert "Assistant: It is" in done.stdout
    assert "ms" in done.stdout


def test_ask_json_prints_one_object_and_out_writes_a_usable_wav(tmp_path: Path) -> None:
    # The question's sound is an answer's: the backend repeats what it is told to say.
    first = _run("ask", "Say: what time is it", "--json", "--out", "question.wav", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    with wave.open(str(tmp_path / "question.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        seconds = file.getnframes() / 24_000
    answer = json.loads(first.stdout)
    assert set(answer) == {"user_text", "text", "audio_ms", "latency", "usage", "model", "backend"}
    assert answer["backend"] == "local"
    assert answer["audio_ms"] == pytest.approx(seconds * 1000)

    second = json.loads(_run("ask", "--wav", "question.wav", "--json", cwd=tmp_path).stdout)
    assert "time" in second["user_text"].lower()
    assert second["text"].startswith("It is")
    assert second["latency"]["response_to_first_audio"] > 0


def test_ask_never_prints_the_key(tmp_path: Path) -> None:
    key = "sk-sentinel-0123456789"
    done = _run("ask", "hello", "--backend", "ws://127.0.0.1:1/?key=" + key, cwd=tmp_path, OPENAI_API_KEY=key)
    assert done.returncode == 1
    assert key not in done.stdout + done.stderr


def test_serve_prints_the_notice_of_its_voice_once(tmp_path: Path) -> None:
    models = ("--chat-url", "http://127.0.0.1:9/v1", "--chat-model", "m", "--stt", "commands")
    with _running("serve", "--port", "0", *models, cwd=tmp_path) as server:
        _line(server)
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=15)
    assert said.count("Only commands are recognised") == 1, said


def test_serve_prints_its_address_answers_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    with _running("serve", "--port", "0", "--token", "open sesame", cwd=tmp_path) as server:
        url = _line(server)
        assert url.startswith("ws://127.0.0.1:")
        assert url.endswith("/v1/realtime")
        refused = _run("ask", "hello", "--backend", url, cwd=tmp_path)
        assert refused.returncode == 1
        assert "401" in refused.stderr
        server.send_signal(signal.SIGINT)
        _, complaints = server.communicate(timeout=15)
        assert server.returncode in (0, 130)
        assert "Traceback" not in complaints


def test_demo_copies_tutorials_keeps_changed_files_and_starts_jupyterlab(tmp_path: Path) -> None:
    tutorial = tmp_path / "here" / "01_first_conversation.ipynb"
    tutorial.parent.mkdir()
    tutorial.write_text("mine")
    with _running("demo", "here", "--no-browser", "--port", "0", cwd=tmp_path) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        said = [_line(demo), _line(demo)]
        assert any(line.startswith("Kept your own") and "01_first_conversation.ipynb" in line for line in said)
        watchdog = threading.Timer(90, demo.kill)
        watchdog.start()
        # JupyterLab's own words, when it serves.
        assert any("/lab/tree/01_first_conversation.ipynb?token=" in line for line in demo.stderr)
        watchdog.cancel()
        assert "jupyterlab" in Path(f"/proc/{demo.pid}/cmdline").read_text(), "a server would outlive it"
    assert tutorial.read_text() == "mine"


def test_demo_without_jupyterlab_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'jupyterlab' else find(name, package)\n"
    )
    done = _run("demo", cwd=tmp_path, PYTHONPATH=str(hidden.parent))
    assert done.returncode == 1
    assert 'pip install "realtime-nb[demo]"' in done.stderr


def test_doctor_finds_no_problem_here_and_shows_no_key(tmp_path: Path) -> None:
    key = "sk-sentinel-0123456789"
    with LocalServer(token=key) as server:
        done = _run("doctor", cwd=tmp_path, OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url)
    assert done.returncode == 0, done.stdout
    assert "OPENAI_API_KEY works" in done.stdout
    assert done.stdout.rstrip().endswith("All well.")
    assert key not in done.stdout + done.stderr


def test_doctor_fails_where_the_server_does_not_know_the_key(tmp_path: Path) -> None:
    key = "sk-sentinel-0123456789"
    with LocalServer(token="another-token") as server:
        done = _run("doctor", cwd=tmp_path, OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url)
    assert done.returncode == 1, done.stdout
    assert "BAD  OPENAI_API_KEY does not work" in done.stdout
    assert key not in done.stdout + done.stderr


def test_doctor_prints_the_fix_of_each_problem(tmp_path: Path) -> None:
    done = _run("doctor", cwd=tmp_path, OPENAI_API_KEY=" sk-with-a-newline\n")
    assert done.returncode == 1
    assert "BAD  OPENAI_API_KEY" in done.stdout
    assert "fix: set it again" in done.stdout
