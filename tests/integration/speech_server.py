"""A real HTTP server for tests: `/audio/transcriptions`, `/audio/speech`, and the files of models.

Owns the socket and a record of the requests. What it answers is set by the test: `answers` maps a path to a function of
the request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """One answer; `blocks` are sent one by one, and the connection is cut after them if `cut`."""

    status: int = 200
    blocks: Iterable[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class SpeechServer:
    """A running server: its address, and the requests that came."""

    url: str
    answers: dict[str, Callable[[Request], Answer]]
    requests: list[Request] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a client has closed its connection in the middle of an answer."""


@contextmanager
def speech_server(answers: dict[str, Callable[[Request], Answer]]) -> Iterator[SpeechServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            server.requests.append(request)
            make = server.answers.get(self.path)
            answer = make(request) if make else Answer(404, [b'{"error": {"message": "not found"}}'])
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.length is not None:
                self.send_header("Content-Length", str(answer.length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if self.command == "HEAD":
                return
            try:
                for block in answer.blocks:
                    self.wfile.write(block)
                    self.wfile.flush()
            except OSError:
                server.gone.set()

        do_GET = do_HEAD = do_POST = _serve  # noqa: N815 # the names that http.server calls

        def log_message(self, *_: object) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = SpeechServer(f"http://127.0.0.1:{httpd.server_address[1]}", answers)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
