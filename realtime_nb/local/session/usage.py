"""Estimated token counts for the `usage` of responses and transcriptions.

Owns the estimates: four characters a text token, ten audio tokens a second in and twenty out, which is about what the
service charges. Must not know events. They are plausible, not exact: there is no tokenizer here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.voice.protocols import RATE_HZ
from realtime_nb.local.voice.reply import ReplyRequest, ReplyUsage
from realtime_nb.wire import realtime as wire

_CACHE_BLOCK = 64


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by kind."""

    text: int = 0
    audio: int = 0
    image: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.text + self.audio + self.image


def text_tokens(chars: int) -> int:
    """Tokens of a text of so many characters; at least one unless it is empty."""
    return -(-chars // 4)


def input_audio_tokens(samples: int) -> int:
    """Tokens of a user's sound: 10 a second."""
    return -(-samples * 10 // RATE_HZ)


def output_audio_tokens(samples: int) -> int:
    """Tokens of an assistant's sound: 20 a second."""
    return -(-samples * 20 // RATE_HZ)


def input_tokens(instructions: str, tools: list[dict[str, Any]], items: Iterable[StoredItem]) -> Tokens:
    """Tokens of a response's input: instructions, tools and items."""
    text = text_tokens(len(instructions)) + (text_tokens(len(json.dumps(tools))) if tools else 0)
    audio = image = 0
    for stored in items:
        text += 4  # the frame of a message
        if stored.user_sound is not None:
            audio += input_audio_tokens(int(stored.user_sound.size))
        if stored.spoken is not None:
            audio += output_audio_tokens(stored.spoken.samples)
        item = stored.item
        if isinstance(item, wire.MessageItem):
            text += sum(text_tokens(len(part.text or "")) for part in item.content)
            image += sum(500 for part in item.content if part.image_url)
        elif isinstance(item, wire.FunctionCallItem):
            text += text_tokens(len(item.name)) + text_tokens(len(item.arguments))
        elif isinstance(item, wire.FunctionCallOutputItem):
            text += text_tokens(len(item.output))
    return Tokens(text, audio, image)


def prompt_tokens(request: ReplyRequest) -> int:
    """Tokens of the text that a model reads for a reply."""
    chars = len(request.instructions) + (len(json.dumps(list(request.tools))) if request.tools else 0)
    for item in request.history:
        parts = [item, *(item.get("content") or ())]
        chars += sum(
            len(part.get(name) or "") for part in parts for name in ("text", "transcript", "arguments", "output")
        )
    return text_tokens(chars) + 4 * len(request.history)


def usage_of(given: Tokens, before: Tokens, made: Tokens) -> wire.ResponseUsage:
    """Return the usage of a response.

    Args:
        given: its input.
        before: the input of the response before it: that much may come from the cache, in whole blocks.
        made: its output.
    """
    cached = wire.CachedTokens(
        text_tokens=_cached(given.text, before.text),
        audio_tokens=_cached(given.audio, before.audio),
        image_tokens=0,
    )
    return wire.ResponseUsage(
        total_tokens=given.total + made.total,
        input_tokens=given.total,
        output_tokens=made.total,
        input_token_details=wire.InputTokens(
            text_tokens=given.text,
            audio_tokens=given.audio,
            image_tokens=given.image,
            cached_tokens=(cached.text_tokens or 0) + (cached.audio_tokens or 0),
            cached_tokens_details=cached,
        ),
        output_token_details=wire.OutputTokens(text_tokens=made.text, audio_tokens=made.audio),
    )


def counted_usage(counted: ReplyUsage) -> wire.ResponseUsage:
    """Return the usage of a response whose model counted its tokens.

    All of them are text tokens. The sound of such a response costs its model nothing: another part made the words of
    the user's sound, and another the sound of the model's words. An estimate for it would add tokens to the bill that
    the model's service never charges.
    """
    cached = min(counted.cached_tokens, counted.input_tokens)
    return wire.ResponseUsage(
        total_tokens=counted.input_tokens + counted.output_tokens,
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        input_token_details=wire.InputTokens(
            text_tokens=counted.input_tokens,
            audio_tokens=0,
            image_tokens=0,
            cached_tokens=cached,
            cached_tokens_details=wire.CachedTokens(text_tokens=cached, audio_tokens=0, image_tokens=0),
        ),
        output_token_details=wire.OutputTokens(text_tokens=counted.output_tokens, audio_tokens=0),
    )


def _cached(now: int, before: int) -> int:
    return min(now, before) // _CACHE_BLOCK * _CACHE_BLOCK
