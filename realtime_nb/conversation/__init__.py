"""The conversation: events in, turns out. Pure, and total over any event in any order.

Owns items, turns, ordering, what was heard, usage and prices. Must not know asyncio, sockets or widgets.
"""

from __future__ import annotations

from .changes import (
    AudioDone,
    AudioReceived,
    Change,
    ResponseEnded,
    ResponseStarted,
    TurnChanged,
    TurnOpened,
    TurnRemoved,
    TurnSettled,
    TurnText,
    UsageChanged,
)
from .conversation import Conversation
from .local_events import (
    ClearSent,
    ClientItem,
    Clock,
    CommitSent,
    ConnectionEnded,
    InputAppended,
    LocalEvent,
    LocalInterrupt,
    Played,
    SessionResumed,
    ToolProgress,
)
from .reducer import reduce
from .turn import Latency, ToolCall, Turn
from .usage import Usage

__all__ = [
    "AudioDone",
    "AudioReceived",
    "Change",
    "ClearSent",
    "ClientItem",
    "Clock",
    "CommitSent",
    "ConnectionEnded",
    "Conversation",
    "InputAppended",
    "Latency",
    "LocalEvent",
    "LocalInterrupt",
    "Played",
    "ResponseEnded",
    "ResponseStarted",
    "SessionResumed",
    "ToolCall",
    "ToolProgress",
    "Turn",
    "TurnChanged",
    "TurnOpened",
    "TurnRemoved",
    "TurnSettled",
    "TurnText",
    "Usage",
    "UsageChanged",
    "reduce",
]
