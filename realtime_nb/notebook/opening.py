"""Finds the backend and makes connection and session; loaded when a conversation begins, and not before.

Owns nothing that lasts. Must not know pages, traits or the controller. A widget's first cell must be quick, so the
client, its socket and the backends are imported here and not before the first connection.
"""

from __future__ import annotations

from collections.abc import Callable

from realtime_nb import backends
from realtime_nb.client.connection import RealtimeConnection, core_of
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.session import RealtimeSession
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.turns.limits import Limits
from realtime_nb.conversation import Conversation
from realtime_nb.notebook.audio.speaker import Speaker
from realtime_nb.notebook.options import Options


def resolve(options: Options) -> backends.Endpoint:
    """Find the endpoint that the options mean; starts the local backend if it is that one, which takes a moment."""
    return backends.resolve(options.backend, options.model, options.api_key)


def kernel_connector(endpoint: backends.Endpoint, options: Options) -> Connector:
    """Return the connector of the kernel's own websocket to the endpoint, or to the one that replaces it."""
    return backends.BackendConnector(endpoint, options.model, options.api_key)


def retake_connector(endpoint: backends.Endpoint, options: Options, model: str | None) -> Connector:
    """Return the connector of a session beside the conversation's own: the same backend, perhaps another model."""
    backend = options.backend if endpoint.name == "url" else endpoint.models or endpoint.name
    return backends.BackendConnector(backend, model or options.model, options.api_key)


def new_connection(
    connector: Connector, config: SessionConfig, on_handler_error: Callable[[BaseException, str], None]
) -> RealtimeConnection:
    """Make a connection that reconnects by itself; it is not open yet, so that listeners miss no event."""
    return RealtimeConnection(connector, on_handler_error=on_handler_error, reconnect=True, config=config)


def core(connection: RealtimeConnection) -> ConnectionCore:
    """Return the inner side of a connection, where listeners are added."""
    return core_of(connection)


def new_session(
    connection: RealtimeConnection, options: Options, limits: Limits, speaker: Speaker, conversation: Conversation
) -> RealtimeSession:
    """Make a session that continues `conversation` over an open connection; it is not started yet."""
    speaker.carried = core_of(connection).carries_audio
    return RealtimeSession(
        connection,
        sink=speaker,
        conversation=conversation,
        limits=limits,
        response_idle_s=options.response_idle_s,
    )
