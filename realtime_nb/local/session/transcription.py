"""The events that send a client the transcript of a user's sound.

Owns these events and their usage. Must not know when or how sound is recognised.
"""

from __future__ import annotations

import math

import msgspec

from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.state import SharedState
from realtime_nb.local.session.usage import input_audio_tokens, text_tokens
from realtime_nb.local.voice.protocols import RATE_HZ, Recognition
from realtime_nb.local.voice.vocabulary import words_with_spaces
from realtime_nb.wire import realtime as wire

_LOGPROBS = "item.input_audio_transcription.logprobs"


def record_recognition(
    state: SharedState, stored: StoredItem, recognition: Recognition, transcription: dict[str, object] | None
) -> None:
    """Keep the recogniser's result and send the client a transcript, if it asked for one."""
    stored.recognition = recognition
    if transcription is None:
        return
    if recognition.failure is not None:
        code, message = "audio_unintelligible", recognition.failure
        why = wire.TranscriptionError(type="transcription_error", code=code, message=message)
        state.emit(wire.ConversationItemInputAudioTranscriptionFailed(item_id=stored.item_id, error=why))
        return
    text = recognition.text
    stored.set_transcript(text)
    with_logprobs = _LOGPROBS in (state.config.get("include") or ())
    logprobs = _logprobs(recognition) if with_logprobs else None
    for index, delta in enumerate(words_with_spaces(text)):
        one = logprobs[index : index + 1] if logprobs else None
        state.emit(wire.ConversationItemInputAudioTranscriptionDelta(item_id=stored.item_id, delta=delta, logprobs=one))
    usage = _transcription_usage(stored, text, str(transcription.get("model")))
    state.emit(
        wire.ConversationItemInputAudioTranscriptionCompleted(
            item_id=stored.item_id, transcript=text, usage=usage, logprobs=logprobs
        )
    )


def _logprobs(recognition: Recognition) -> list[wire.LogProb]:
    logprob = math.log(min(max(recognition.confidence, 1e-6), 1.0))
    return [wire.LogProb(token=word, bytes=list(word.encode()), logprob=logprob) for word in recognition.text.split()]


def _transcription_usage(stored: StoredItem, text: str, model: str) -> wire.TokenUsage | wire.DurationUsage:
    samples = int(stored.user_sound.size) if stored.user_sound is not None else 0
    if model.startswith("whisper"):
        return wire.DurationUsage(seconds=samples / RATE_HZ)
    given, made = input_audio_tokens(samples), text_tokens(len(text))
    details = {"audio_tokens": given, "text_tokens": 0}
    counts = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    return msgspec.convert({"type": "tokens", **counts, "input_token_details": details}, wire.TokenUsage)
