"""Finding a backend and opening a session with it: what is loaded when somebody connects, and not before.

Owns nothing that lasts. Must not know pages or traits; what it wires up is the controller's. Importing the widget is
felt in every notebook's first cell; the client, its socket and the backends are wanted only when the conversation
begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_nb import backends
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.session import RealtimeSession

if TYPE_CHECKING:
    from realtime_nb.notebook.controller import Controller, Options

__all__ = ["kernel_connector", "open_session", "resolve"]


def resolve(options: Options) -> backends.Endpoint:
    """The endpoint that the options mean; starts the local backend if it is the one, which takes a moment."""
    return backends.resolve(options.backend, options.model, options.api_key)


def kernel_connector(endpoint: backends.Endpoint, options: Options) -> backends.BackendConnector:
    """How the kernel opens a websocket of its own to the endpoint, or to what takes its place."""
    return backends.BackendConnector(endpoint, options.model, options.api_key)


async def open_session(endpoint: backends.Endpoint, controller: Controller) -> RealtimeSession:
    """A session of the controller's conversation, configured and ready.

    Everything listens before the first event comes. Where the session cannot start, the connection is closed again.
    """
    connection = RealtimeConnection(
        controller.transports.connector(endpoint),
        on_handler_error=controller.on_handler_error,
        reconnect=True,
        config=controller.config,
    )
    for kind, handler, once in controller.handlers:
        (connection.once if once else connection.on)(kind, handler)
    connection.add_listener(controller.on_event)
    connection.add_send_listener(controller.on_sent)
    connection.on("reconnecting", controller.on_reconnecting)
    connection.on("reconnected", controller.on_reconnected)
    connection.on("close", controller.on_close)
    await connection.open()
    try:
        session = RealtimeSession(
            connection,
            sink=controller.speaker,
            conversation=controller.conversation_for(endpoint),
            max_session_minutes=controller.options.max_session_minutes,
            max_cost_usd=controller.options.max_cost_usd,
        )
        controller.speaker.carried = connection.carries_audio
        session.on_error = controller.fail
        session.subscribe(controller.on_changes)
        return await session.start()
    except BaseException:
        await connection.close()
        raise
