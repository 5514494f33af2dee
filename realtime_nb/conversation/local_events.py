"""Events that this client reports to `reduce`, because no server event does: what was sent, played and cut.

Owns the LocalEvent structs. Must not know who reports them.
"""

from __future__ import annotations

import msgspec

from realtime_nb.wire.realtime import Item


class InputAppended(msgspec.Struct, frozen=True):
    """Audio was sent: PCM16LE mono at 24 kHz. Together these are the session's input timeline."""

    pcm: bytes


class CommitSent(msgspec.Struct, frozen=True):
    """The client sent a commit of the input buffer: audio appended from here on belongs to the next turn."""


class ClearSent(msgspec.Struct, frozen=True):
    """The client sent a clear of the input buffer: audio appended before belongs to no turn."""


class Played(msgspec.Struct, frozen=True):
    """`samples` of a content part have left the speaker so far; `final`: no more will."""

    item_id: str
    content_index: int
    samples: int
    final: bool = False


class NotPlayed(msgspec.Struct, frozen=True):
    """Sound of an item has come, and no player begins it now: there is none, or it waits for a gesture of the user."""

    item_id: str


class LocalInterrupt(msgspec.Struct, frozen=True):
    """Playback of a content part was cut after `samples` samples (0: it was never heard)."""

    item_id: str
    content_index: int
    samples: int


class ResponseInterrupted(msgspec.Struct, frozen=True):
    """A response under way was interrupted: no sound of it is to be played any more."""

    response_id: str


class ClientItem(msgspec.Struct, frozen=True):
    """The client sent `conversation.item.create`; the item needs an id, by which the server's answer is matched.

    Attributes:
        previous_item_id: as sent; None appends, `"root"` puts the item first.
        event_id: of the client event, by which a refusal is matched (docs/protocol.md 40).
    """

    item: Item
    previous_item_id: str | None = None
    event_id: str | None = None


class Clock(msgspec.Struct, frozen=True):
    """The time, in seconds on the caller's clock, of later events that are given without one."""

    now: float


class ConnectionEnded(msgspec.Struct, frozen=True):
    """The connection is gone: open responses and waiting turns end now, since no server event will end them.

    Attributes:
        reason: why the connection was lost; None if the client closed it.
        resuming: another session will receive the conversation, so unacknowledged items are not lost yet.
    """

    reason: str | None = None
    resuming: bool = False


NOTE_PREFIX = "seam_"
"""With what the id of a note between two sessions begins."""


class SessionResumed(msgspec.Struct, frozen=True):
    """The conversation goes on in another session; `text` tells the reader what was lost.

    It becomes a local turn of the role `system` at the end of the conversation, which is never sent to a server. Its
    `item_id` begins with `NOTE_PREFIX`.
    """

    item_id: str
    text: str


class ToolProgress(msgspec.Struct, frozen=True):
    """The progress of a function call: `status` is running, completed, failed or cancelled."""

    call_id: str
    status: str
    output: str | None = None


LocalEvent = (
    InputAppended
    | CommitSent
    | ClearSent
    | Played
    | NotPlayed
    | LocalInterrupt
    | ResponseInterrupted
    | ClientItem
    | Clock
    | ConnectionEnded
    | SessionResumed
    | ToolProgress
)
