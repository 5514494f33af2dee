"""What one response is made from.

Owns the value only. Must not know how it came about or what becomes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.usage import Tokens

__all__ = ["ResponsePlan"]


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """Everything that one response is made from, settled when it was created.

    Attributes:
        context: the items it answers, oldest first; their recognitions may still come in.
        out_of_band: it stays out of the conversation.
        given, given_before: input tokens of this response, and of the one before it.
    """

    response_id: str
    out_of_band: bool
    context: list[StoredItem]
    instructions: str
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    parallel_tool_calls: bool
    modality: str
    voice: str | dict[str, Any]
    speed: float
    audio_format: dict[str, Any]
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    model: str
    given: Tokens
    given_before: Tokens
