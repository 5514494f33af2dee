"""The translation of a conversation's `Turn` into the `TurnView` message that the card draws.

Owns the texts under an interrupted or failed turn, and how much text a page gets. Must not know sessions. Pure.
"""

from __future__ import annotations

import msgspec

from realtime_nb.conversation import Turn
from realtime_nb.conversation.turn import shown_text
from realtime_nb.notebook.page.messages import ToolCallView, TurnView

_MAX_TEXT = 200_000
"""Characters of one turn that travel to a page; the whole text stays in `widget.turns`."""


def turn_view(turn: Turn, *, kept: bool) -> TurnView:
    """Return the part of a message from which a page draws `turn`; `kept`: whether it is kept as an utterance."""
    text = shown_text(turn)
    heard_text = turn.heard_text or ""
    all_heard = turn.status != "interrupted" or len(heard_text) >= len(text)
    note = turn.note
    if note is None and turn.status == "interrupted":
        note = "stopped by you"
    elif note is None and turn.status == "failed":
        note = "failed"
    return TurnView(
        item_id=turn.item_id,
        revision=turn.revision,
        role=turn.role,
        text=text[:_MAX_TEXT],
        heard=None if all_heard else min(len(heard_text), _MAX_TEXT),
        status=turn.status,
        note=note,
        has_audio=turn.audio_ms is not None,
        total_ms=turn.latency.total,
        audio_ms=turn.audio_ms,
        tool_calls=[msgspec.convert(call, ToolCallView, from_attributes=True) for call in turn.tool_calls],
        kept=kept,
    )
