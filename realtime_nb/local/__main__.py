"""`python -m realtime_nb.local` runs the practice backend as a process.

Owns the command line, the line of JSON that says where it listens, and the end of the process when its parent ends.
Must not know sessions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict

from realtime_nb.errors import RealtimeError
from realtime_nb.local.http.server import Listening, ServerOptions, serve
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.process import PROBLEM, TOKEN_VARIABLE
from realtime_nb.local.voice.download import Progress, Report, ignore
from realtime_nb.loopback import DEFAULT_PORT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m realtime_nb.local", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s; 0 picks a free one")
    parser.add_argument("--token", default=os.environ.pop(TOKEN_VARIABLE, None) or None)
    parser.add_argument(
        "--session-seconds", dest="session_s", type=float, default=3600.0, help="how long a session may last"
    )
    parser.add_argument(
        "--pace", type=float, default=4.0, help="sound is sent this much faster than real time; 0: at once"
    )
    parser.add_argument("--voice", default="auto", choices=("auto", "plain"), help="plain: tones, and no recognition")
    parser.add_argument(
        "--models-on-stdin", action="store_true", help="the first line of standard input names the local models"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    options = vars(parser.parse_args(arguments))
    with_parent, has_models = options.pop("with_parent"), options.pop("models_on_stdin")
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    status = 0
    try:
        models = ModelOptions.from_pipe(sys.stdin.buffer.readline()) if has_models else None
        run(
            ServerOptions(**options, models=models),
            announce=_announce,
            report=_report,
            report_problem=_report_problem,
            with_parent=with_parent,
        )
    except RealtimeError as error:
        _print({"error": str(error)})
        status = 1
    if with_parent:
        # Python would wait for a worker thread in a model's C code, and the parent for us. Nothing must be saved.
        os._exit(status)
    return status


def run(
    options: ServerOptions,
    *,
    announce: Callable[[Listening], None],
    report: Report = ignore,
    report_problem: Callable[[str | None], None] = lambda _: None,
    with_parent: bool = False,
) -> None:
    """Serve in this thread until SIGINT or SIGTERM, or (`with_parent`) until standard input ends.

    Raises:
        ConfigError, ConnectError: see `server.serve`.
    """
    asyncio.run(_serve(options, announce, report, report_problem, with_parent))


async def _serve(
    options: ServerOptions,
    announce: Callable[[Listening], None],
    report: Report,
    report_problem: Callable[[str | None], None],
    with_parent: bool,
) -> None:
    loop = asyncio.get_running_loop()
    until = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, until.set)
        except NotImplementedError:  # Windows: KeyboardInterrupt ends asyncio.run
            break
    if with_parent:
        threading.Thread(target=_watch_parent, args=(loop, until), name="parent", daemon=True).start()
    await serve(options, until=until, announce=announce, report=report, report_problem=report_problem)


def _watch_parent(loop: asyncio.AbstractEventLoop, until: asyncio.Event) -> None:
    # A pipe ends however the process at its other end ends, kill -9 included: the one reliable sign of a dead parent.
    while sys.stdin.buffer.read(4096):
        pass
    try:
        loop.call_soon_threadsafe(until.set)
    except RuntimeError:  # the loop has ended by itself
        return
    # A worker thread in C code cannot be interrupted, and the process must end soon after its parent.
    threading.Event().wait(5)
    os._exit(0)


def _announce(listening: Listening) -> None:
    _print(asdict(listening))


def _report(progress: Progress) -> None:
    text = None if progress.state == "ready" else progress.message
    _print({"report": progress.name, "text": text, "failed": progress.state == "failed"})


def _report_problem(problem: str | None) -> None:
    _print({"report": PROBLEM, "text": problem, "failed": True})


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
