"""`Usage`: tokens by kind, with their cost where the price is known.

Owns `Usage` and how it is read from the wire. Must not know turns or prices (`prices.py` has them).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from realtime_nb.wire.realtime import DurationUsage, ResponseUsage, TokenUsage


@dataclass(frozen=True, slots=True, repr=False)
class Usage:
    """Tokens in and out of one turn or of a whole conversation; usages add up with `+`.

    Attributes:
        responses: how many responses were counted.
        input_tokens, output_tokens: of the conversation's model; the counts by kind are parts of them.
        cached_tokens: input tokens at a lower price; a part of the input tokens (docs/protocol.md 23).
        transcription_input_tokens, transcription_output_tokens, transcription_seconds: of the model that
            transcribes the user, which is billed separately.
        unreported: how many responses ended without any usage from the server; no count includes them.
        cost_usd: an estimate from public prices. None where one of the prices is unknown, or where a complete response
            came without any usage. One that was cancelled, or lost with its connection, and came without usage is left
            out of the sum.
    """

    responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    transcription_input_tokens: int = 0
    transcription_audio_tokens: int = 0
    transcription_output_tokens: int = 0
    transcription_seconds: float = 0.0
    unreported: int = 0
    cost_usd: float | None = 0.0

    @property
    def total_tokens(self) -> int:
        """Input and output tokens of the conversation's model."""
        return self.input_tokens + self.output_tokens

    def __repr__(self) -> str:
        known = {name: getattr(self, name) for name in _NAMES}
        cost = known.pop("cost_usd")
        shown = [f"{name}={value}" for name, value in known.items() if value]
        return f"Usage({', '.join([*shown, f'cost_usd={cost if cost is None else round(cost, 6)}'])})"

    def __add__(self, other: Usage) -> Usage:
        # One unknown cost makes the sum unknown: a sum without it would look complete.
        sums: dict[str, Any] = {}
        for name in _NAMES:
            a, b = getattr(self, name), getattr(other, name)
            sums[name] = None if a is None or b is None else a + b
        return Usage(**sums)


_NAMES = tuple(f.name for f in fields(Usage))


def _count(value: int | None) -> int:
    return max(value, 0) if value is not None else 0


def is_reported(usage: ResponseUsage | None) -> bool:
    """Whether a usage says anything about the tokens of a response."""
    if usage is None:
        return False
    details = (usage.input_token_details, usage.output_token_details)
    return any(count is not None for count in (usage.input_tokens, usage.output_tokens, *details))


def from_response(usage: ResponseUsage) -> Usage:
    """Reads a response's usage; a count that the server leaves out is 0, or what the total leaves for it."""
    into, out = usage.input_token_details, usage.output_token_details
    cached = into.cached_tokens_details if into is not None else None
    total, input_tokens, output_tokens = _count(usage.total_tokens), usage.input_tokens, usage.output_tokens
    return Usage(
        responses=1,
        input_tokens=_count(total - _count(output_tokens) if input_tokens is None else input_tokens),
        output_tokens=_count(total - _count(input_tokens) if output_tokens is None else output_tokens),
        input_text_tokens=_count(into.text_tokens) if into else 0,
        input_audio_tokens=_count(into.audio_tokens) if into else 0,
        input_image_tokens=_count(into.image_tokens) if into else 0,
        cached_tokens=_count(into.cached_tokens) if into else 0,
        cached_text_tokens=_count(cached.text_tokens) if cached else 0,
        cached_audio_tokens=_count(cached.audio_tokens) if cached else 0,
        cached_image_tokens=_count(cached.image_tokens) if cached else 0,
        output_text_tokens=_count(out.text_tokens) if out else 0,
        output_audio_tokens=_count(out.audio_tokens) if out else 0,
    )


def unreported(*, complete: bool) -> Usage:
    """The usage of a response that the server did not report: the cost of a complete one is unknown."""
    return Usage(unreported=1, cost_usd=None if complete else 0.0)


def from_transcription(usage: TokenUsage | DurationUsage) -> Usage:
    """Reads the usage of a transcription, which is billed by tokens or by time."""
    if isinstance(usage, DurationUsage):
        return Usage(transcription_seconds=max(usage.seconds, 0.0))
    details = usage.input_token_details
    return Usage(
        transcription_input_tokens=_count(usage.input_tokens),
        transcription_audio_tokens=_count(details.audio_tokens) if details else 0,
        transcription_output_tokens=_count(usage.output_tokens),
    )
