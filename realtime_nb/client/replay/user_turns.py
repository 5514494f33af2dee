"""The user turns of a replay: utterances, and those that are said into an answer.

Owns how they are read and prepared, and the refusal of turns that could only run into a limit. Must not know sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.frames import append_frames, is_encoded
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.scenario import BargeIn
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.errors import AudioError, ConfigError

UserTurn: TypeAlias = Utterance | BargeIn


def utterance_of(turn: UserTurn) -> Utterance:
    """Return what a turn says."""
    return turn.utterance if isinstance(turn, BargeIn) else turn


def is_typed(turn: UserTurn) -> bool:
    """Whether a turn is typed words."""
    return utterance_of(turn).text is not None


def speech_of(utterance: Utterance) -> SpeechSpan | None:
    """Return where speech is in a recording; None for one of silence or noise, which must get no answer."""
    try:
        return utterance.speech
    except AudioError:
        return None


def unprepared(turns: Sequence[UserTurn]) -> list[Utterance]:
    """Return the recordings that are not encoded yet."""
    return [utterance_of(turn) for turn in turns if not (is_typed(turn) or is_encoded(utterance_of(turn)))]


def prepare(utterances: Sequence[Utterance]) -> None:
    """Encode recordings and find their speech, which both are kept."""
    for utterance in utterances:
        speech_of(utterance)
        append_frames(utterance)


def check_turns(
    turns: Sequence[UserTurn], variant: Variant, options: ReplayOptions, detection: Mapping[str, Any] | None
) -> None:
    """Raise `ConfigError` for a session that could only run into its limit."""
    if options.pacing == "fast" and any(isinstance(turn, BargeIn) for turn in turns):
        raise ConfigError("pacing='fast' has no time in which an answer is heard: say a BargeIn with pacing='realtime'")
    for turn in turns if options.pacing != "fast" else ():
        if (said_s := len(utterance_of(turn).sound) / RATE_HZ) >= options.limit_s:
            raise ConfigError(
                f"{utterance_of(turn).label!r} takes {said_s:.1f} s to say, and limit_s={options.limit_s:g} ends the "
                "turn before: raise limit_s, or say a shorter recording"
            )
    spoken = any(not is_typed(turn) for turn in turns)
    if options.pacing == "realtime" and spoken and detection and detection.get("create_response") is False:
        raise ConfigError(
            f"the variant {variant.name!r} has create_response=False, so that no answer follows the end of speech: "
            "replay it with pacing='manual_commit', or let turn detection create the response"
        )
