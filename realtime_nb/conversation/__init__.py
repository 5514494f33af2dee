"""The conversation's state: `reduce` turns server events and local events into turns for display.

Owns items, turns, their order, what was heard, usage and prices. Pure, and defined for any event in any order. Must not
know asyncio, sockets or widgets.
"""

from __future__ import annotations

from .changes import (
    AudioDone,
    AudioLost,
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
    NotPlayed,
    Played,
    ResponseInterrupted,
    SessionResumed,
    ToolProgress,
)
from .prices import FREE, Billing, Prices
from .reducer import reduce
from .turn import Latency, ToolCall, Turn
from .usage import Usage

__all__ = [
    "FREE",
    "AudioDone",
    "AudioLost",
    "AudioReceived",
    "Billing",
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
    "NotPlayed",
    "Played",
    "Prices",
    "ResponseEnded",
    "ResponseInterrupted",
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
