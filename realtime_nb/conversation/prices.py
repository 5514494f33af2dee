"""The prices of the models, and the cost of a usage by them.

Owns the price tables, their currency, and how a backend is paid for. Must not know events or turns.

The prices are those of the model pages at https://developers.openai.com/api/docs/models on 2026-11-22. A model that is
not in a table has no price: its cost is None, never a guess.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import NamedTuple

from realtime_nb.errors import ConfigError

from .usage import Usage

CURRENCY_SIGN = "$"
"""The currency of every price and cost. The card shows the cost in js/src/view/header.ts, with this sign too."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The prices of a backend, in US dollars for a million tokens of each kind, as the provider's price list has them.

    Pass them for a model whose prices this package does not have: `rt.Backend(url=..., prices=rt.Prices(...))`. They
    then hold for every response of that backend, whatever its model. 0 is a price, too.

    Attributes:
        text_in, text_out: text that the model reads and writes. Tokens without a kind count as text.
        audio_in, audio_out: sound; None is unknown, and so is then the cost of a response with such tokens.
        image_in: pictures; None is unknown.
        text_cached, audio_cached, image_cached: input that the service had in its cache; None: the full price.
        transcription_in, transcription_out: tokens of the model that transcribes the user; None: by its name.
        transcription_minute: US dollars for a minute of sound, where it is billed by time; None: by its name.

    Raises:
        ConfigError: a price that is no number, or below 0.

    Example:
        >>> rt.Prices(text_in=4, text_out=16, audio_in=32, audio_out=64, text_cached=0.4)  # doctest: +SKIP
    """

    text_in: float
    text_out: float
    audio_in: float | None = None
    audio_out: float | None = None
    image_in: float | None = None
    text_cached: float | None = None
    audio_cached: float | None = None
    image_cached: float | None = None
    transcription_in: float | None = None
    transcription_out: float | None = None
    transcription_minute: float | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if value is None and part.name not in ("text_in", "text_out"):
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                unit = "a minute" if part.name == "transcription_minute" else "a million tokens"
                raise ConfigError(f"Prices({part.name}={value!r}) must be US dollars for {unit}: a number, 0 or more.")


FREE = Prices(**dict.fromkeys([part.name for part in fields(Prices)], 0.0))
"""The prices of a backend that costs nothing."""


@dataclass(frozen=True)
class Billing:
    """How the responses of a backend are paid for.

    Attributes:
        prices: of every response; None: those of the model.
        model: the model that was asked for; None where the address names none, or names a deployment. The model that
            the server itself names comes first.
    """

    prices: Prices | None = None
    model: str | None = None

    def prices_of(self, model: str | None) -> Prices | None:
        """Returns the prices of a response, where the server names its model `model`; None if they are unknown."""
        return self.prices if self.prices is not None else PRICES.get(_name(model or self.model))


class TranscriptionPrice(NamedTuple):
    """US dollars per million tokens, or per minute of audio."""

    audio_in: float | None = None
    text_out: float | None = None
    minute: float | None = None


_FLAGSHIP = Prices(
    text_in=4.0,
    text_cached=0.4,
    text_out=24.0,
    audio_in=32.0,
    audio_cached=0.4,
    audio_out=64.0,
    image_in=5.0,
    image_cached=0.5,
)
PRICES = {
    "gpt-realtime-2.1": _FLAGSHIP,
    "gpt-realtime-2": _FLAGSHIP,
    "gpt-realtime-1.5": Prices(
        text_in=4.0,
        text_cached=0.4,
        text_out=16.0,
        audio_in=32.0,
        audio_cached=0.4,
        audio_out=64.0,
        image_in=5.0,
        image_cached=0.5,
    ),
    "gpt-realtime-2.1-mini": Prices(
        text_in=0.6,
        text_cached=0.06,
        text_out=2.4,
        audio_in=10.0,
        audio_cached=0.3,
        audio_out=20.0,
        image_in=0.8,
        image_cached=0.08,
    ),
    "gpt-4o-realtime-preview": Prices(
        text_in=5.0, text_cached=2.5, text_out=20.0, audio_in=40.0, audio_cached=2.5, audio_out=80.0
    ),
    "gpt-4o-mini-realtime-preview": Prices(
        text_in=0.6, text_cached=0.3, text_out=2.4, audio_in=10.0, audio_cached=0.3, audio_out=20.0
    ),
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


def response_cost_usd(usage: Usage, prices: Prices | None) -> float | None:
    """Returns the cost of a response; None if the price of a kind of token in it is unknown."""
    if prices is None:
        return None
    images, images_cached = usage.input_image_tokens, usage.cached_image_tokens
    # Tokens without a kind are counted as text: servers that send no details stream text.
    text = max(usage.input_tokens - usage.input_audio_tokens - images, usage.input_text_tokens)
    text_out = max(usage.output_tokens - usage.output_audio_tokens, usage.output_text_tokens)
    text_cached = max(usage.cached_tokens - usage.cached_audio_tokens - images_cached, usage.cached_text_tokens)
    audio, audio_cached = usage.input_audio_tokens, usage.cached_audio_tokens
    counts = (
        (max(text - text_cached, 0), prices.text_in),
        (text_cached, _cached(prices.text_cached, prices.text_in)),
        (max(audio - audio_cached, 0), prices.audio_in),
        (audio_cached, _cached(prices.audio_cached, prices.audio_in)),
        (max(images - images_cached, 0), prices.image_in),
        (images_cached, _cached(prices.image_cached, prices.image_in)),
        (text_out, prices.text_out),
        (usage.output_audio_tokens, prices.audio_out),
    )
    micro_usd = 0.0
    for tokens, price in counts:
        if tokens and price is None:
            return None
        micro_usd += tokens * (price or 0.0)
    return micro_usd / 1e6


def _cached(price: float | None, full: float | None) -> float | None:
    return price if price is not None else full


def transcription_cost_usd(usage: Usage, model: str | None, prices: Prices | None = None) -> float | None:
    """Returns the cost of a transcription; None if there is no price in the unit that the usage is counted in.

    Args:
        usage: tokens or seconds.
        model: the model that transcribes.
        prices: those of the backend; None, or without this unit: the model's.
    """
    named = TRANSCRIPTION_PRICES.get(_name(model), TranscriptionPrice())
    given = prices or Prices(text_in=0, text_out=0)
    if not usage.transcription_input_tokens:
        minute = _cached(given.transcription_minute, named.minute)
        if minute is not None:
            return usage.transcription_seconds / 60 * minute
    into, out = _cached(given.transcription_in, named.audio_in), _cached(given.transcription_out, named.text_out)
    if into is not None and out is not None and not usage.transcription_seconds:
        return (usage.transcription_input_tokens * into + usage.transcription_output_tokens * out) / 1e6
    return None
