"""What is known of items, their parts and responses: the facts behind the turns.

Owns the mutable records. Must not know events (handlers write here) or how turns are shown (`view.py` reads here).
"""

from __future__ import annotations

from typing import Literal

from .turn import Role, ToolStatus, Turn
from .usage import Usage

__all__ = ["ItemRecord", "Kind", "PartRecord", "ResponseRecord"]

Kind = Literal["message", "call", "other"]


class PartRecord:
    """One content part: its words and its sound, or a picture.

    Attributes:
        image_url, detail: of a picture, as the item has them: a session to come can be told of it again.
        final: the words as their `done` (or a finished item) tells them; None while only deltas came.
        marks: `(samples received, characters before)` at each transcript delta.
        played: samples that left the speaker; None where no player ever told.
        finished: the player said that it will not be more.
        cut, truncated, implied_cut: where playback was cut: as the player says, as the server acknowledged, and
            because something queued before it was cut; in this order of trust.
    """

    __slots__ = (
        "audio_done",
        "chars",
        "chunks",
        "cut",
        "detail",
        "final",
        "finished",
        "image_url",
        "implied_cut",
        "is_audio",
        "marks",
        "odd",
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
        self.odd = b""
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
        """The text as far as it is known; None where there is none, which is not the same as empty."""
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
        in_band: whether it belongs to the conversation; None where the server does not say.
        interrupted: its playback was cut: what still comes of it must not sound.
        user: the user item that it answers, if one waited for an answer when it began.
    """

    __slots__ = (
        "created_at",
        "done",
        "first_audio_at",
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
        self.items: dict[str, None] = {}
        self.usage: Usage | None = None
        self.user: str | None = None
        self.created_at: float | None = None
        self.first_audio_at: float | None = None

    @property
    def out_of_band(self) -> bool:
        """Whether the server said that it stands outside of the conversation."""
        return self.in_band is False


class ItemRecord:
    """One item, as far as it is known; a bare id is a placeholder.

    Attributes:
        kind: `"message"`, `"call"` (a function or MCP call), `"other"`, or None while nothing tells.
        status: as the server says it.
        output_index: its place among the items of its response, as the server says it.
        in_conversation: a `conversation.item.*` event named it.
        local: no server knows it: a seam between two sessions.
        reserved: `speech_started` announced it; it becomes a turn's item when it is `committed`.
        dropped: a false start: announced, never committed.
        closed: no more deltas will count.
        waiting: a committed user turn whose transcript may still come.
        owner: for a call, the item whose turn shows it.
        over, passed: for a call without an answer, why none will follow: its response broke off or the next one had
            nothing to say; the user went on.
        calls: for an item that is a turn, the calls that it shows.
        shown: whether the item is a turn now, and which.
    """

    def __init__(self, item_id: str, started_at: float | None) -> None:
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
        self.turn: Turn | None = None  # as it was when a fact last changed it
        self.read: Turn | None = None  # as it was when it was last read

    def part(self, content_index: int) -> PartRecord:
        """Returns a content part, new if nothing was known of it."""
        part = self.parts.get(content_index)
        if part is None:
            part = self.parts[content_index] = PartRecord()
            if content_index < max(self.parts):  # readers walk the parts in order
                self.parts = dict(sorted(self.parts.items()))
        return part

    @property
    def words_known(self) -> bool:
        """Whether any part's words are final."""
        return any(part.final is not None for part in self.parts.values())
