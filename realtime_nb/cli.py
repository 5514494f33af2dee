"""The `realtime-nb` command.

Owns the arguments, the output, and the exit codes: 0 success, 1 failure (one plain sentence on stderr), 2 wrong usage,
130 Ctrl-C. Must not know how its commands work. The modules of a command are imported when it runs, so that `--help` is
quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from realtime_nb.loopback import DEFAULT_PORT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if parsed.command == "ask" and (parsed.text is None) == (parsed.wav is None):
        parser.error("ask takes either TEXT or --wav FILE")
    try:
        return int(_COMMANDS[parsed.command](parsed))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `realtime-nb ... | head`
        sys.stderr.close()
        return 1
    except Exception as error:
        if not _is_expected(error):
            raise
        print(f"realtime-nb {parsed.command}: {error}", file=sys.stderr)
        return 1


def _is_expected(error: Exception) -> bool:
    from realtime_nb.errors import RealtimeError

    return isinstance(error, (RealtimeError, OSError))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="realtime-nb", description="Talk with a realtime voice model in a notebook.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="open the tutorial notebooks in JupyterLab; needs no API key")
    demo.add_argument("folder", nargs="?", type=Path, default=Path("realtime-nb-tutorials"), metavar="DIR")
    demo.add_argument("--port", type=int, help="JupyterLab's port (default: 8888, or the next free one)")
    demo.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")

    serve = commands.add_parser(
        "serve",
        help="run the local backend for other clients, by rules or with local models",
        epilog="Keys come from the environment: REALTIME_NB_CHAT_KEY, REALTIME_NB_STT_KEY, REALTIME_NB_TTS_KEY. The "
        "options from --chat-url to --tts have variables, too, such as REALTIME_NB_CHAT_URL.",
    )
    serve.add_argument("--host", default="127.0.0.1", help="beyond this machine a token is required")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s; 0 picks a free one")
    serve.add_argument("--token", help="what clients must send as their API key")
    serve.add_argument("--chat-url", metavar="URL", help="an OpenAI-compatible server, as http://localhost:11434/v1")
    serve.add_argument("--chat-model", metavar="NAME", help="the language model's name there")
    serve.add_argument("--stt", metavar="S", help="auto, commands, whisper:NAME-OR-FOLDER, or a URL")
    serve.add_argument("--tts", metavar="T", help="auto, espeak, piper:NAME-OR-FILE, or a URL")
    serve.add_argument("--context-tokens", type=int, metavar="N", help="the length of the model's context")
    serve.add_argument("--options", metavar="JSON", help="further fields of each chat request")
    for name in _KEY_OPTIONS:
        serve.add_argument(name, action=_RefusedKey, help=argparse.SUPPRESS)

    ask = commands.add_parser("ask", help="one turn, without a notebook")
    ask.add_argument("text", nargs="?", metavar="TEXT")
    ask.add_argument("--wav", type=Path, metavar="FILE", help="say this file instead of TEXT")
    ask.add_argument("--out", type=Path, metavar="FILE.wav", help="write the answer's sound there")
    ask.add_argument("--json", action="store_true", help="print one JSON object")
    ask.add_argument("--backend", default="auto", help="auto, openai, azure, local, or a ws:// or wss:// URL")
    ask.add_argument("--model")
    ask.add_argument("--instructions")
    ask.add_argument("--voice")
    ask.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")

    doctor = commands.add_parser("doctor", help="check this environment and the key; prints what is wrong and the fix")
    doctor.add_argument("--backend", default="auto", help="where to try the key, as for ask")
    doctor.add_argument("--model", help="on Azure: the deployment")
    doctor.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="for a server's answer")
    return parser


_KEY_OPTIONS = ("--chat-key", "--stt-key", "--tts-key")


class _RefusedKey(argparse.Action):
    """Refuses a key on the command line, which every user of the machine can read."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        variable = f"REALTIME_NB_{(option or '').strip('-').replace('-', '_').upper()}"
        parser.error(f"{option}: every user of this machine can read a command line. Set {variable} instead.")


def _demo(arguments: argparse.Namespace) -> int:
    import importlib.util
    import os
    import subprocess

    from realtime_nb.tutorials import copy_tutorials

    if importlib.util.find_spec("jupyterlab") is None:
        print('realtime-nb demo: JupyterLab is missing. Install it: pip install "realtime-nb[demo]"', file=sys.stderr)
        return 1
    copied = copy_tutorials(arguments.folder)
    folder = arguments.folder.resolve()
    if copied.written:
        print(f"The tutorials are in {folder}")
    for kept in copied.kept:
        print(f"Kept your own {kept}: it differs from the one that comes with realtime-nb. Rename it to get that one.")
    print(f"Starting JupyterLab on {copied.first.name}. Ctrl-C here stops it.", flush=True)
    # `-m jupyterlab`, because `-m jupyter lab` may start the script of another environment (docs/notebook.md 37).
    # JupyterLab starts in the folder, so that its file browser shows the tutorials only. The notebook is the default
    # URL, not a file argument, so that the address that JupyterLab prints opens it too.
    command = [sys.executable, "-m", "jupyterlab", f"--LabApp.default_url=/lab/tree/{copied.first.name}"]
    if arguments.port is not None:
        command += [f"--port={arguments.port}", "--ServerApp.port_retries=0"]
    if arguments.no_browser:
        command.append("--no-browser")
    if getattr(os, "geteuid", lambda: 1)() == 0:
        # Containers often run as root, which JupyterLab refuses. It listens on this machine only, with a token.
        command.append("--allow-root")
    if os.name == "nt":
        return subprocess.run(command, cwd=folder, check=False).returncode
    # exec replaces this process with JupyterLab: however the process is stopped, no server is left behind.
    os.chdir(folder)
    os.execv(command[0], command)


def _serve(arguments: argparse.Namespace) -> int:
    import os

    from realtime_nb.local.__main__ import run
    from realtime_nb.local.http.server import Listening, ServerOptions
    from realtime_nb.local.models import ModelOptions
    from realtime_nb.local.process import TOKEN_VARIABLE
    from realtime_nb.local.voice.download import Progress
    from realtime_nb.redact import KEY_VARIABLES

    def announce(listening: Listening) -> None:
        where = models.whereabouts if models is not None else None
        said = [f"Here answers: {listening.label}.", where, listening.notice, listening.hearing]
        print(" ".join(filter(None, said)), file=sys.stderr)
        print(listening.url, flush=True)

    def report(progress: Progress) -> None:
        print(progress.message, file=sys.stderr, flush=True)

    def report_problem(problem: str | None) -> None:
        print(problem or "The language model can answer now.", file=sys.stderr, flush=True)

    token = arguments.token if arguments.token is not None else os.environ.get(TOKEN_VARIABLE)
    models = ModelOptions.from_environment(_models_of(arguments))
    models = models.resolved() if models is not None else None
    for name in KEY_VARIABLES:
        os.environ.pop(name, None)  # no key of another service may reach a model's server
    options = ServerOptions(host=arguments.host, port=arguments.port, token=token, models=models)
    run(options, announce=announce, report=report, report_problem=report_problem)
    return 0


def _models_of(arguments: argparse.Namespace) -> dict[str, Any]:
    import json

    from realtime_nb.errors import ConfigError

    names = ("chat_url", "chat_model", "stt", "tts", "context_tokens")
    given = {name: getattr(arguments, name) for name in names}
    if arguments.options is not None:
        try:
            given["options"] = json.loads(arguments.options)
        except ValueError as error:
            raise ConfigError(f"--options {arguments.options!r} is not JSON: {error}.") from None
    return given


def _ask(arguments: argparse.Namespace) -> int:
    from realtime_nb.cli_ask import ask_once

    return ask_once(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from realtime_nb.checkup import Report, examine

    findings = []
    for finding in examine(arguments.backend, arguments.model, timeout_s=arguments.timeout):
        print(finding, flush=True)  # one by one: a server may take long
        findings.append(finding)
    report = Report(tuple(findings))
    print(report.summary)
    return 0 if report.well else 1


_COMMANDS = {"demo": _demo, "serve": _serve, "ask": _ask, "doctor": _doctor}


if __name__ == "__main__":
    sys.exit(main())
