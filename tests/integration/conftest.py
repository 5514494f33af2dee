"""Validates every frame of every test in this folder with the official SDK's types, in both directions.

The events of scripted servers are not validated, because some are wrong on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from realtime_nb.client.transport.websocket import WebSocketTransport
from realtime_nb.testing import ScriptedServer
from tests.faults.server import Server
from tests.sdk_validator import check_client, check_server


@pytest.fixture(autouse=True)
def _judged(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    wrong: list[str] = []
    scripted = [False]
    send, recv, enter = WebSocketTransport.send, WebSocketTransport.recv, ScriptedServer.__init__

    async def judged_send(self: WebSocketTransport, frame: bytes | str) -> None:
        try:
            check_client(frame)
        except (ValidationError, AssertionError, ValueError) as error:
            wrong.append(f"sent: {error}")
        await send(self, frame)

    async def judged_recv(self: WebSocketTransport) -> bytes | str:
        frame = await recv(self)
        if not scripted[0]:
            try:
                check_server(frame)
            except (ValidationError, AssertionError, ValueError) as error:
                wrong.append(f"received: {error}")
        return frame

    def noted_init(self: ScriptedServer, *args: object, **options: object) -> None:
        scripted[0] = True
        enter(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(WebSocketTransport, "send", judged_send)
    monkeypatch.setattr(WebSocketTransport, "recv", judged_recv)
    monkeypatch.setattr(ScriptedServer, "__init__", noted_init)
    yield
    if request.node.get_closest_marker("sends_nonsense") is None:
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def server() -> Server:
    """Return a server that answers each question; a test may change its plan."""
    return Server()


@pytest.fixture
def listening(server: Server) -> Iterator[ScriptedServer]:
    """Run `server`."""
    with server.start() as started:
        yield started
