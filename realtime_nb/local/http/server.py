"""The server: its options, the address that it listens on (IPv4 or IPv6), its start and its orderly end.

Owns everything on the event loop from the first socket to the last. Must not know what a session does, nor who started
the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tornado.netutil import bind_sockets
from tornado.web import Application

from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.local.http.auth import AccessControl, SecretStore
from realtime_nb.local.http.context import ServerContext
from realtime_nb.local.http.plain_server import PlainServer
from realtime_nb.local.http.routes import ClientSecrets, NotFound, Welcome
from realtime_nb.local.http.websocket import SessionSocket
from realtime_nb.local.job_runner import Workers
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.recognizer_process import AsyncRecognizer, NoRecognizer, RecognizerProcess
from realtime_nb.local.session.config import PRACTICE, SessionDefaults
from realtime_nb.local.voice.chat.responder import ChatResponder
from realtime_nb.local.voice.download import Report, ignore
from realtime_nb.local.voice.load import Voice, load_voice
from realtime_nb.local.voice.reply import StreamingResponder
from realtime_nb.loopback import DEFAULT_PORT, is_loopback

_log = logging.getLogger(__name__)

_FAREWELL_S = 1.0
_PROBE_S = 3.0
_PROBE_REMOTE_S = 60.0  # a wrong key that is tried too often may lock the account
# A 15 MiB append is answered with an error event up to here; anything longer closes the socket (1009).
_MAX_FRAME = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options of a server.

    Attributes:
        host, port: where it listens; `host` is a name, an IPv4 or an IPv6 address (`::1`); port 0 picks a free one.
        token: the key that callers must send; required when `host` is not a loopback address.
        session_s: how long a session may last.
        pace: how many times faster than real time sound is sent; 0: as fast as it is made.
        voice: `"auto"`, or `"plain"` for the voice of a machine without the `local` extra.
        models: the local models; None: the practice backend.
        request_s: how long the headers of a request, and then its body, may take to arrive.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str | None = None
    session_s: float = 3600.0
    pace: float = 4.0
    voice: str = "auto"
    models: ModelOptions | None = None
    request_s: float = 20.0

    def check(self) -> None:
        """Check the options.

        Raises:
            ConfigError: with the option, the value and what is allowed.
        """
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port={self.port}: a port is a number from 0 (any free one) to 65535.")
        if self.session_s <= 0:
            raise ConfigError(f"session_s={self.session_s}: a session lasts longer than 0 seconds.")
        if self.request_s <= 0:
            raise ConfigError(f"request_s={self.request_s}: a request may take longer than 0 seconds.")
        if self.pace < 0:
            raise ConfigError(f"pace={self.pace}: a factor above 0, or 0 for as fast as possible.")
        if self.voice not in ("auto", "plain"):
            raise ConfigError(f"voice={self.voice!r}: 'auto' or 'plain'.")
        if self.token == "":
            raise ConfigError("token='': a token has at least one character; None asks for none.")
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(
                f"host={self.host!r} can be reached from other machines: a token is required there "
                "(--token TOKEN), or listen on 127.0.0.1."
            )


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and the label and the notices of its voice."""

    url: str
    port: int
    label: str
    notice: str | None
    hearing: str | None


def _bind(options: ServerOptions) -> list[socket.socket]:
    try:
        return bind_sockets(options.port, options.host.strip("[]"))
    except OSError as error:
        where = f"{options.host}:{options.port}"
        if error.errno == errno.EADDRINUSE:
            why = f"Port {options.port} on {options.host} is taken: choose another, or port 0 for any free one."
        elif error.errno == errno.EACCES:
            why = f"Port {options.port} needs more rights than this user has: choose one above 1023."
        else:
            why = f"Cannot listen on {where}: {error.strerror or error}. Check the host name."
        raise ConnectError(why, retryable=False) from error


def _url(host: str, port: int) -> str:
    # An IPv6 address stands in brackets in a URL.
    name = host.strip("[]")
    return f"ws://{f'[{name}]' if ':' in name else name}:{port}/v1/realtime"


def _recognizer(voice: Voice, report: Report) -> AsyncRecognizer:
    if voice.transcriber is not None:
        return voice.transcriber
    return NoRecognizer() if voice.recognizer is None else RecognizerProcess(voice.recognizer_spec, report)


async def serve(
    options: ServerOptions,
    *,
    until: asyncio.Event,
    announce: Callable[[Listening], None],
    report: Report = ignore,
    report_problem: Callable[[str | None], None] = lambda _: None,
) -> None:
    """Listen until the event is set, then close every session and return.

    Args:
        options: how to run.
        until: ends the server.
        announce: called once it listens.
        report: receives the progress of a model's download, from any thread.
        report_problem: receives why the language model cannot answer, and None once it can.

    Raises:
        ConfigError: the options make no sense.
        ConnectError: the address cannot be listened on; the message names it and the remedy.
    """
    options.check()
    sockets = _bind(options)
    port = int(sockets[0].getsockname()[1])
    voice = load_voice(extra=options.voice != "plain", models=options.models, report=report)
    threads = ThreadPoolExecutor(max_workers=min(8, 2 * (os.cpu_count() or 1)), thread_name_prefix="local")
    recognizer = _recognizer(voice, report)
    context = ServerContext(
        access=AccessControl(options.token, is_loopback(options.host), SecretStore()),
        voice=voice,
        workers=Workers(recognizer, threads),
        session_s=options.session_s,
        pace=options.pace,
        defaults=PRACTICE if options.models is None else SessionDefaults(model=options.models.chat_model),
    )
    server = PlainServer.of(_application(context), request_s=options.request_s)
    server.add_sockets(sockets)
    threads.submit(_warm, voice.synthesizer.warm)
    warming = asyncio.create_task(recognizer.warm())
    announce(Listening(_url(options.host, port), port, voice.label, voice.notice, voice.hearing))
    probing = asyncio.create_task(_probe(voice.responder, options.models, report_problem))
    try:
        await until.wait()
    finally:
        server.stop()
        await _close_sessions(context)
        await server.close_all_connections()
        warming.cancel()
        probing.cancel()
        await recognizer.close()
        await voice.responder.close()
        threads.shutdown(wait=False, cancel_futures=True)


async def _probe(
    responder: StreamingResponder, models: ModelOptions | None, report_problem: Callable[[str | None], None]
) -> None:
    """Ask the chat server whether it can answer, until it can: a person may start it after the notebook."""
    if not isinstance(responder, ChatResponder) or models is None:
        return
    wait_s = _PROBE_REMOTE_S if models.host_of("chat") else _PROBE_S
    said: str | None = None
    while (error := (await responder.probe()).error) is not None:
        if error.message != said:
            said = error.message
            report_problem(said)
        await asyncio.sleep(wait_s)
    if said is not None:
        report_problem(None)


async def _close_sessions(context: ServerContext) -> None:
    sessions = tuple(context.sessions)
    for session in sessions:
        session.shut_down()
    # A client that does not answer the close must not keep the server running.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            for session in sessions:
                await session.closed.wait()


def _application(context: ServerContext) -> Application:
    shared = {"context": context}
    # The second spelling is Azure's: its clients need only another host.
    return Application(
        [
            (r"/(?:openai/)?v1/realtime/?", SessionSocket, shared),
            (r"/(?:openai/)?v1/realtime/client_secrets/?", ClientSecrets, shared),
            (r"/", Welcome, shared),
        ],
        default_handler_class=NotFound,
        default_handler_args=shared,
        websocket_max_message_size=_MAX_FRAME,
        log_function=_log_request,
    )


def _log_request(handler: object) -> None:
    """Log no requests: a URL may contain a secret."""


def _warm(part: Callable[[], None]) -> None:
    """Load models before the first words need them."""
    try:
        part()
    except Exception:
        _log.exception("the voice could not be warmed up")
