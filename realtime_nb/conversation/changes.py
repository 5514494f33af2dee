"""What a reducer step changed, for those who show or play it.

Owns the Change structs. Must not know who listens.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "AudioDone",
    "AudioReceived",
    "Change",
    "ResponseEnded",
    "ResponseStarted",
    "TurnChanged",
    "TurnOpened",
    "TurnRemoved",
    "TurnSettled",
    "TurnText",
    "UsageChanged",
]


class TurnOpened(msgspec.Struct, frozen=True):
    """A turn is under way: it is in `live` now."""

    item_id: str


class TurnText(msgspec.Struct, frozen=True, gc=False):
    """A live turn's text grew at its end by `delta`; nothing else changed."""

    item_id: str
    delta: str


class TurnChanged(msgspec.Struct, frozen=True):
    """A live turn changed in another way than by text at its end."""

    item_id: str


class TurnSettled(msgspec.Struct, frozen=True):
    """A turn is in `turns` now, or was there and was corrected: its revision is higher."""

    item_id: str


class TurnRemoved(msgspec.Struct, frozen=True):
    """A turn is gone: deleted, a false start, out of band after all, or merged into the answer that followed."""

    item_id: str


class AudioReceived(msgspec.Struct, frozen=True, gc=False):
    """Sound to play: PCM16LE mono at 24 kHz, `start_sample` samples into the content part."""

    item_id: str
    content_index: int
    start_sample: int
    pcm: bytes


class AudioDone(msgspec.Struct, frozen=True):
    """All sound of a content part came (which is not yet played): `samples` of it."""

    item_id: str
    content_index: int
    samples: int


class UsageChanged(msgspec.Struct, frozen=True):
    """`usage` grew."""


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
    | UsageChanged
    | ResponseStarted
    | ResponseEnded
)
