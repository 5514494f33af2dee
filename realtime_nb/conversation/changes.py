"""The changes that `reduce` returns: which turns to show again, and which audio to play.

Owns the Change structs. Must not know who consumes them.
"""

from __future__ import annotations

import msgspec

from .usage import Usage


class TurnOpened(msgspec.Struct, frozen=True):
    """A turn began: it is in `live` now."""

    item_id: str


class TurnText(msgspec.Struct, frozen=True, gc=False):
    """A live turn's text grew at its end by `delta`; nothing else changed."""

    item_id: str
    delta: str


class TurnChanged(msgspec.Struct, frozen=True):
    """A live turn changed in any way but by text at its end."""

    item_id: str


class TurnSettled(msgspec.Struct, frozen=True):
    """A turn settled, or a settled turn was corrected: `turns` holds a new revision of it."""

    item_id: str


class TurnRemoved(msgspec.Struct, frozen=True):
    """A turn is shown no longer: deleted, never committed, found to be out of band, or merged into its answer."""

    item_id: str


class AudioReceived(msgspec.Struct, frozen=True, gc=False):
    """Sound to play: PCM16LE mono at 24 kHz, `start_sample` samples into the content part."""

    item_id: str
    content_index: int
    start_sample: int
    pcm: bytes


class AudioDone(msgspec.Struct, frozen=True):
    """All `samples` of a content part were received; playback may lag far behind (docs/protocol.md 24)."""

    item_id: str
    content_index: int
    samples: int


class AudioLost(msgspec.Struct, frozen=True):
    """Sound of an answer could not be read; `reason` says why. The words of the answer go on."""

    item_id: str
    reason: str


class UsageChanged(msgspec.Struct, frozen=True):
    """The conversation's usage grew by `usage`, which has its cost."""

    usage: Usage


class ResponseStarted(msgspec.Struct, frozen=True):
    """The server began a response."""

    response_id: str
    out_of_band: bool


class ResponseEnded(msgspec.Struct, frozen=True):
    """The server ended a response; `status` is completed, cancelled, failed or incomplete, as the wire says it."""

    response_id: str
    status: str
    out_of_band: bool


Change = (
    TurnOpened
    | TurnText
    | TurnChanged
    | TurnSettled
    | TurnRemoved
    | AudioReceived
    | AudioDone
    | AudioLost
    | UsageChanged
    | ResponseStarted
    | ResponseEnded
)
