"""What happens on our side and no server tells: what was sent, played and cut.

Owns the LocalEvent structs. Must not know who reports them.
"""

from __future__ import annotations

import msgspec

from realtime_nb.wire.realtime import Item

__all__ = [
    "ClearSent",
    "ClientItem",
    "Clock",
    "CommitSent",
    "ConnectionEnded",
    "InputAppended",
    "LocalEvent",
    "LocalInterrupt",
    "Played",
    "SessionResumed",
    "ToolProgress",
]


class InputAppended(msgspec.Struct, frozen=True):
    """Sound was sent: PCM16LE mono at 24 kHz. The sum of these is the session's input timeline."""

    pcm: bytes


class CommitSent(msgspec.Struct, frozen=True):
    """The input buffer was committed by hand: what is appended from here on belongs to the next turn."""


class ClearSent(msgspec.Struct, frozen=True):
    """The input buffer was cleared: what was appended before is in no turn, what is appended from here on is."""


class Played(msgspec.Struct, frozen=True):
    """So many samples of a content part left the speaker by now; `final`: it will not be more."""

    item_id: str
    content_index: int
    samples: int
    final: bool = False


class LocalInterrupt(msgspec.Struct, frozen=True):
    """Playback of a content part was cut after `samples` samples (0: it was never heard)."""

    item_id: str
    content_index: int
    samples: int


class ClientItem(msgspec.Struct, frozen=True):
    """We sent `conversation.item.create`; the item needs an id, so that the server's answer finds it.

    Attributes:
        previous_item_id: as sent; None appends, `"root"` puts the item first.
        event_id: of the client event, so that a refusal finds it too.
    """

    item: Item
    previous_item_id: str | None = None
    event_id: str | None = None


class Clock(msgspec.Struct, frozen=True):
    """The time, in seconds on the caller's clock, for events that come without one."""

    now: float


class ConnectionEnded(msgspec.Struct, frozen=True):
    """The connection is gone: whatever was under way has no end of its own.

    Attributes:
        reason: why it was lost; None: we closed it.
        resuming: another session follows, and is told of the conversation: what was sent is not lost yet.
    """

    reason: str | None = None
    resuming: bool = False


class SessionResumed(msgspec.Struct, frozen=True):
    """The conversation goes on in another session; `text` tells a reader what that means here.

    It becomes a turn of the role `system`, behind all that is known so far. No server hears of it.
    """

    item_id: str
    text: str


class ToolProgress(msgspec.Struct, frozen=True):
    """How a function call goes on: `status` is running, completed, failed or cancelled."""

    call_id: str
    status: str
    output: str | None = None


LocalEvent = (
    InputAppended
    | CommitSent
    | ClearSent
    | Played
    | LocalInterrupt
    | ClientItem
    | Clock
    | ConnectionEnded
    | SessionResumed
    | ToolProgress
)
