"""A widget's session and what it is doing: the connection's phase, what went wrong, and the status word of the card.

Owns these facts, which `SessionLifecycle` alone writes. Must not know sockets, pages or traits. Runs on the loop only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from realtime_nb.client.turns.limits import Limits
from realtime_nb.conversation import AudioLost, AudioReceived, Change, Conversation, ResponseEnded, ResponseStarted
from realtime_nb.errors import RealtimeError
from realtime_nb.notebook.options import Options

if TYPE_CHECKING:
    from realtime_nb.backends import Endpoint
    from realtime_nb.client.session import RealtimeSession
    from realtime_nb.client.session_config import SessionConfig

CLOSED = "This widget is closed for good. Make a new RealtimeWidget to go on."
Phase = Literal["idle", "connecting", "open", "reconnecting", "closed", "error"]
Status = Literal[
    "idle", "connecting", "listening", "hearing", "thinking", "speaking", "reconnecting", "closed", "error"
]


class SessionState:
    """The open session of a widget, and what it is doing.

    Args:
        options: what never changes.
        config: the configuration: what the user set and what the server echoed.
        conversation: what was said before; None: nothing.

    Attributes:
        phase: of the connection.
        error: what the card shows, or None.
        endpoint: the service, once it was found.
        session: the open session, or None.
        parked: why the last session was closed for want of use, in sentences; None where it was not.
        closed: the widget is closed for good; the one fact that any thread may set.
        conversation: what was said, over all sessions of the widget.
        limits: what all sessions of the widget may use together, and have used.
        answering: a response is under way.
        receiving: sound of that response has come.
        sound_unread: how many pieces of sound could not be read.
    """

    def __init__(self, options: Options, config: SessionConfig, conversation: Conversation | None = None) -> None:
        self.options = options
        self.config = config
        self.phase: Phase = "idle"
        self.error: str | None = None
        self.endpoint: Endpoint | None = None
        self.session: RealtimeSession | None = None
        self.parked: str | None = None
        self.closed = False
        self.conversation = conversation if conversation is not None else Conversation()
        self.limits = Limits(options.max_session_minutes, options.max_cost_usd, owner="w")
        self.answering = False
        self.receiving = False
        self.sound_unread = 0

    def check_not_closed(self) -> None:
        """Raise `RealtimeError` where the widget is closed for good. From any thread."""
        if self.closed:
            raise RealtimeError(CLOSED)

    def leave_open(self, phase: Phase) -> None:
        """Begin a phase without a connection, in which no response can be under way."""
        self.phase = phase
        self.answering = self.receiving = False

    def on_changes(self, changes: Sequence[Change]) -> None:
        """Follow the responses of the conversation; those out of band are no answers."""
        for change in changes:
            if isinstance(change, ResponseStarted) and not change.out_of_band:
                self.answering = True
            elif isinstance(change, ResponseEnded) and not change.out_of_band:
                self.answering = self.receiving = False
            elif isinstance(change, AudioReceived):
                self.receiving = True
            elif isinstance(change, AudioLost):
                self.sound_unread += 1

    @property
    def hearing(self) -> bool:
        """Whether the server hears speech."""
        return self.session is not None and self.session.user_speaking


def status_of(
    phase: Phase, *, hearing: bool = False, sounding: bool = False, answering: bool = False, capturing: bool = False
) -> Status:
    """Return the one word for what is going on: the user's speech first, then the assistant's, then what is awaited.

    Args:
        phase: of the connection; decides alone unless it is open.
        hearing: the server hears speech.
        sounding: an answer is being heard, or (without a page) received.
        answering: a response is under way.
        capturing: a page's microphone is on, and not muted.
    """
    if phase != "open":
        return phase
    if hearing:
        return "hearing"
    if sounding:
        return "speaking"
    if answering:
        return "thinking"
    return "listening" if capturing else "idle"
