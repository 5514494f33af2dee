"""What the recogniser heard, as the client is told of it.

Owns the transcription events and what they cost. Must not know when somebody listens, or how.
"""

from __future__ import annotations

import math
import re

import msgspec

from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.state import Core
from realtime_nb.local.session.usage import input_audio_tokens, text_tokens
from realtime_nb.local.voice.protocols import RATE_HZ, Recognition
from realtime_nb.wire.realtime import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    DurationUsage,
    LogProb,
    MessageItem,
    TokenUsage,
    TranscriptionError,
)

__all__ = ["tell_heard"]

_WORDS = re.compile(r"\s*\S+")
_LOGPROBS = "item.input_audio_transcription.logprobs"


def tell_heard(
    core: Core, stored: StoredItem, recognition: Recognition | None, transcription: dict[str, object] | None
) -> None:
    """Take what the recogniser heard (None: it failed) and tell the client, if it wanted a transcript."""
    stored.recognition = recognition or Recognition("", understood=False, confidence=0.0)
    if transcription is None:
        return
    if recognition is None:
        why = TranscriptionError(
            type="transcription_error",
            code="audio_unintelligible",
            message="The audio could not be transcribed.",
        )
        core.emit(ConversationItemInputAudioTranscriptionFailed(item_id=stored.item_id, error=why))
        return
    text = recognition.text
    if isinstance(stored.item, MessageItem):
        parts = [
            msgspec.structs.replace(part, transcript=text) if part.is_audio else part for part in stored.item.content
        ]
        stored.item = msgspec.structs.replace(stored.item, content=parts)
    with_logprobs = _LOGPROBS in (core.config.get("include") or ())
    logprobs = _logprobs(recognition) if with_logprobs else None
    for index, delta in enumerate(_WORDS.findall(text)):
        core.emit(
            ConversationItemInputAudioTranscriptionDelta(
                item_id=stored.item_id, delta=delta, logprobs=logprobs[index : index + 1] if logprobs else None
            )
        )
    core.emit(
        ConversationItemInputAudioTranscriptionCompleted(
            item_id=stored.item_id,
            transcript=text,
            usage=_transcription_usage(stored, text, str(transcription.get("model"))),
            logprobs=logprobs,
        )
    )


def _logprobs(recognition: Recognition) -> list[LogProb]:
    logprob = math.log(min(max(recognition.confidence, 1e-6), 1.0))
    return [LogProb(token=word, bytes=list(word.encode()), logprob=logprob) for word in recognition.text.split()]


def _transcription_usage(stored: StoredItem, text: str, model: str) -> TokenUsage | DurationUsage:
    samples = int(stored.user_sound.size) if stored.user_sound is not None else 0
    if model.startswith("whisper"):
        return DurationUsage(seconds=samples / RATE_HZ)
    given, made = input_audio_tokens(samples), text_tokens(text)
    return msgspec.convert(
        {
            "type": "tokens",
            "input_tokens": given,
            "output_tokens": made,
            "total_tokens": given + made,
            "input_token_details": {"audio_tokens": given, "text_tokens": 0},
        },
        TokenUsage,
    )
