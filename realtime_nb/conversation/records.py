"""Mutable records of items, content parts and responses, from which turns are built.

Owns the records. Must not know events (the handlers write the records) or turns (`build_turn.py` reads them).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from realtime_nb.audio.stream_format import StreamDecoder

from .turn import Role, ToolStatus, Turn
from .usage import Usage

Kind = Literal["message", "call", "other"]


class PartRecord:
    """One content part of an item: text, audio with its transcript, or an image.

    Attributes:
        decoder: converts its sound to 24 kHz PCM; None where it is that already.
        image_url, detail: an image, as the item has it; kept so that a later session can receive it again.
        final: the text from a `done` event or a finished item; None while only deltas came.
        marks: `(samples received, characters before)` at each transcript delta.
        odd_byte: half a sample, waiting for the delta that brings the other half.
        played: samples that left the speaker; None if no player has reported.
        finished: the player reported that it will play no more of this part.
        cut, truncated, implied_cut: the sample at which playback was cut, as the player reported it, as the server
            acknowledged it, or because a part queued before it was cut; the first that is known counts.
    """

    __slots__ = (
        "audio_done",
        "chars",
        "chunks",
        "cut",
        "decoder",
        "detail",
        "final",
        "finished",
        "image_url",
        "implied_cut",
        "is_audio",
        "marks",
        "odd_byte",
        "pieces",
        "played",
        "samples",
        "truncated",
    )

    def __init__(self) -> None:
        self.is_audio = False
        self.final: str | None = None
        self.pieces: list[str] = []
        self.chars = 0
        self.chunks: list[bytes] = []
        self.samples = 0
        self.odd_byte = b""
        self.decoder: StreamDecoder | None = None
        self.audio_done = False
        self.marks: list[tuple[int, int]] = []
        self.played: int | None = None
        self.finished = False
        self.cut: int | None = None
        self.truncated: int | None = None
        self.implied_cut: int | None = None
        self.image_url: str | None = None
        self.detail: str | None = None

    @property
    def words(self) -> str | None:
        """The text as far as it is known; None if no text came. An empty text is known (docs/protocol.md 37)."""
        if self.final is not None:
            return self.final
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else None

    @property
    def stopped_at(self) -> int | None:
        """The sample at which playback was cut, or None if it was not."""
        for at in (self.cut, self.truncated, self.implied_cut):
            if at is not None:
                return at
        return None


class ResponseRecord:
    """One response of the server.

    Attributes:
        in_band: whether it belongs to the conversation; None where the server does not say (docs/protocol.md 21).
        format: type and rate of its sound, where the response says so itself; else None.
        interrupted: its playback was cut: audio that still arrives must not be played (docs/protocol.md 33).
        user: the user item that it answers, if one waited for an answer when it began.
    """

    __slots__ = (
        "created_at",
        "done",
        "first_audio_at",
        "format",
        "id",
        "in_band",
        "interrupted",
        "items",
        "note",
        "started",
        "status",
        "usage",
        "user",
    )

    def __init__(self, response_id: str) -> None:
        self.id = response_id
        self.in_band: bool | None = None
        self.started = False
        self.done = False
        self.status = ""
        self.note: str | None = None
        self.interrupted = False
        self.format: tuple[str | None, int | None] | None = None
        self.items: dict[str, None] = {}
        self.usage: Usage | None = None
        self.user: str | None = None
        self.created_at: float | None = None
        self.first_audio_at: float | None = None

    @property
    def out_of_band(self) -> bool:
        """Whether the server said that the response is not part of the conversation."""
        return self.in_band is False


class ItemRecord:
    """One item of the conversation, as far as it is known; a record without a kind is a placeholder.

    Attributes:
        kind: `"message"`, `"call"` (a function or MCP call), `"other"`, or None while unknown.
        status: the server's value.
        output_index: the item's place among the items of its response, by the server.
        in_conversation: a `conversation.item.*` event named it.
        local: the item exists on this client only, such as the note between two sessions.
        reserved: `speech_started` announced it; it becomes a user's turn when it is `committed`.
        dropped: it was announced and never committed.
        closed: its response ended: later deltas are ignored.
        waiting: a committed user turn whose transcript may still come.
        owner: for a call, the item whose turn shows it.
        over, passed: a call that gets no answer, because its response ended early or the next response was empty
            (`over`), or because the user spoke next (`passed`).
        calls: for an item that is a turn, the calls that it shows.
        shown: in which list the item's turn is, or None.
    """

    def __init__(self, item_id: str, started_at: datetime | None) -> None:
        self.id = item_id
        self.kind: Kind | None = None
        self.role: Role | None = None
        self.status: str | None = None
        self.parts: dict[int, PartRecord] = {}
        self.response_id: str | None = None
        self.output_index = 0
        self.in_conversation = False
        self.local = False
        self.deleted = False
        self.closed = False
        self.note: str | None = None
        self.refused = False
        self.started_at = started_at
        # a user's turn
        self.reserved = False
        self.committed = False
        self.dropped = False
        self.idle = False
        self.waiting = False
        self.transcription: Literal["done", "failed"] | None = None
        self.usage: Usage | None = None
        self.span_start: int | None = None
        self.span_end: int | None = None
        self.sound: bytes | None = None
        self.sent_at: float | None = None
        self.speech_end_at: float | None = None
        self.committed_at: float | None = None
        # an answer
        self.first_played_at: float | None = None
        self.not_played = False
        # a call
        self.call_id: str | None = None
        self.name = ""
        self.arguments: list[str] = []
        self.arguments_done = False
        self.call_status: ToolStatus = "in_progress"
        self.output: str | None = None
        self.owner: str | None = None
        self.over = False
        self.passed = False
        # the turn
        self.calls: list[str] = []
        self.shown: Literal["live", "settled"] | None = None
        self.revision = 0
        self.turn: Turn | None = None  # built when an event last changed the item
        self.read: Turn | None = None  # built when the item was last read

    def part(self, content_index: int) -> PartRecord:
        """Returns the content part at an index, and creates it if it is new."""
        part = self.parts.get(content_index)
        if part is None:
            part = self.parts[content_index] = PartRecord()
            if content_index < max(self.parts):  # the text is joined in the dictionary's order
                self.parts = dict(sorted(self.parts.items()))
        return part

    @property
    def words_known(self) -> bool:
        """Whether any part's words are final."""
        return any(part.final is not None for part in self.parts.values())
