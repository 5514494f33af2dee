"""The prices of the models, and the cost of a usage by them.

Owns the price tables and their currency. Must not know events or turns.

The prices are those of the model pages at https://developers.openai.com/api/docs/models on 2026-11-22. A model that is
not in a table has no price: its cost is None, never a guess.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .usage import Usage

CURRENCY_SIGN = "$"
"""The currency of every price and cost. The card shows the cost in js/src/view/header.ts, with this sign too."""


class Price(NamedTuple):
    """US dollars per million tokens; the image prices are None where the model reads no images."""

    text_in: float
    text_cached: float
    text_out: float
    audio_in: float
    audio_cached: float
    audio_out: float
    image_in: float | None = None
    image_cached: float | None = None


class TranscriptionPrice(NamedTuple):
    """US dollars per million tokens, or per minute of audio."""

    audio_in: float | None = None
    text_out: float | None = None
    minute: float | None = None


_FLAGSHIP = Price(4.0, 0.4, 24.0, 32.0, 0.4, 64.0, 5.0, 0.5)
PRICES = {
    "gpt-realtime-2.1": _FLAGSHIP,
    "gpt-realtime-2": _FLAGSHIP,
    "gpt-realtime-1.5": Price(4.0, 0.4, 16.0, 32.0, 0.4, 64.0, 5.0, 0.5),
    "gpt-realtime-2.1-mini": Price(0.6, 0.06, 2.4, 10.0, 0.3, 20.0, 0.8, 0.08),
    "gpt-4o-realtime-preview": Price(5.0, 2.5, 20.0, 40.0, 2.5, 80.0),
    "gpt-4o-mini-realtime-preview": Price(0.6, 0.3, 2.4, 10.0, 0.3, 20.0),
}
TRANSCRIPTION_PRICES = {
    "gpt-4o-transcribe": TranscriptionPrice(audio_in=2.5, text_out=10.0),
    "gpt-4o-mini-transcribe": TranscriptionPrice(audio_in=1.25, text_out=5.0),
    "gpt-transcribe": TranscriptionPrice(minute=0.0045),
    "gpt-live-transcribe": TranscriptionPrice(minute=0.017),
    "gpt-realtime-whisper": TranscriptionPrice(minute=0.017),
}
# A dated snapshot has its model's price. A comparison of prefixes would take "gpt-realtime-2.1" for "gpt-realtime-2".
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def _name(model: str | None) -> str:
    return _SNAPSHOT.sub("", model or "")


def response_cost_usd(usage: Usage, model: str | None) -> float | None:
    """Returns the cost of a response; None if the price of the model, or of a kind of token, is unknown."""
    price = PRICES.get(_name(model))
    if price is None:
        return None
    images, images_cached = usage.input_image_tokens, usage.cached_image_tokens
    if images and (price.image_in is None or price.image_cached is None):
        return None
    # Tokens without a kind are counted as text: servers that send no details stream text.
    text = max(usage.input_tokens - usage.input_audio_tokens - images, usage.input_text_tokens)
    text_out = max(usage.output_tokens - usage.output_audio_tokens, usage.output_text_tokens)
    text_cached = max(usage.cached_tokens - usage.cached_audio_tokens - images_cached, usage.cached_text_tokens)
    micro_usd = (
        max(text - text_cached, 0) * price.text_in
        + text_cached * price.text_cached
        + max(usage.input_audio_tokens - usage.cached_audio_tokens, 0) * price.audio_in
        + usage.cached_audio_tokens * price.audio_cached
        + max(images - images_cached, 0) * (price.image_in or 0.0)
        + images_cached * (price.image_cached or 0.0)
        + text_out * price.text_out
        + usage.output_audio_tokens * price.audio_out
    )
    return micro_usd / 1e6


def transcription_cost_usd(usage: Usage, model: str | None) -> float | None:
    """Returns the cost of a transcription; None if the model has no price in the unit that the usage is counted in."""
    price = TRANSCRIPTION_PRICES.get(_name(model))
    if price is None:
        return None
    if price.minute is not None and not usage.transcription_input_tokens:
        return usage.transcription_seconds / 60 * price.minute
    if price.audio_in is not None and price.text_out is not None and not usage.transcription_seconds:
        return (
            usage.transcription_input_tokens * price.audio_in + usage.transcription_output_tokens * price.text_out
        ) / 1e6
    return None
