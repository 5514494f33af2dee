"""The mind of a simulated backend: it recognises what was said, and decides when and what it answers.

Owns the recordings that it was given, the count of repeats, and the record of what was asked. Must not know sockets or
events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

import numpy as np

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.pcm import Pcm16

from .answers import Answers, Asked, Reply, default_answer
from .known_times import KnownTimes, Settings


class SimulatedModel:
    """Answers, one response at a time. All calls come from one thread.

    Args:
        times: how long answers take.
        answers: what they are; None: what was asked.
        words: of the recordings that it was given, by their `speech_key`.
        lead_ms: the silence with which answers begin, by voice.
    """

    def __init__(
        self, times: KnownTimes, answers: Answers | None, words: Mapping[str, str], lead_ms: float | Mapping[str, float]
    ) -> None:
        self.asked: list[Asked] = []
        self._times = times
        self._answers = default_answer if answers is None else answers
        self._words = words
        self._lead_ms = lead_ms
        self._repeats: Counter[tuple[Settings, str, int]] = Counter()

    def words_of(self, sound: Pcm16) -> str:
        """Return the words of a recording, or an empty string where it is none of those that it was given."""
        return self._words.get(speech_key(sound), "")

    def ask(
        self,
        settings: Settings,
        *,
        text: str | None,
        sound: Pcm16 | None,
        tools: list[str],
        tool_outputs: list[str],
        drift_ms: float,
    ) -> Asked:
        """Return what is asked, with the latency of its answer.

        Args:
            settings: of the session, or of the response.
            text: of the user's last turn where it was typed.
            sound: of the user's last turn where it was spoken.
            tools: the names of the tools in force.
            tool_outputs: since the user's last turn.
            drift_ms: what the server's age adds to the latency.
        """
        utterance = speech_key(sound) if sound is not None else text_key(text or "")
        again = settings, utterance, len(tool_outputs)
        repeat = self._repeats[again]
        self._repeats[again] += 1
        name = f"{repeat}.{len(tool_outputs)}"
        latency_ms, stalled = self._times.trial_ms(settings, utterance, name)
        asked = Asked(
            instructions=settings.instructions,
            voice=settings.voice,
            model=settings.model,
            words=self.words_of(sound) if sound is not None else text or "",
            sound_ms=sound.size * 1000 / RATE_HZ if sound is not None else 0.0,
            utterance=utterance,
            tools=tuple(tools),
            tool_outputs=tuple(tool_outputs),
            repeat=repeat,
            latency_ms=max(latency_ms + drift_ms, 0.0),
            stalled=stalled,
            random=self._times.draw("answer", settings, utterance, name),
        )
        self.asked.append(asked)
        return asked

    def reply(self, asked: Asked) -> Reply:
        """Return the answer; raises what the function that makes it raises."""
        made = self._answers(asked) if callable(self._answers) else self._answers
        if isinstance(made, str):
            made = Reply(text=made)
        if not isinstance(made, Reply):
            raise TypeError(f"answers returned {made!r}: it must be a string or an rt.testing.Reply")
        return made

    def silence_ms(self, voice: str, reply: Reply) -> float:
        """Return the silence with which an answer begins."""
        if reply.silence_ms is not None:
            return reply.silence_ms
        return self._lead_ms.get(voice, 0.0) if isinstance(self._lead_ms, Mapping) else self._lead_ms


def loud_part(samples: Pcm16) -> Pcm16:
    """Return the sound between its first and last sample of at least half the loudest.

    The padding before a turn and the silence that ended it depend on the turn detection: without them the same
    recording is the same sound under any settings, also in noise, whose samples are smaller.
    """
    sizes = np.abs(samples.astype(np.int32))
    loud = np.flatnonzero(sizes * 2 >= max(int(sizes.max(initial=0)), 1))
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples[:0]


def speech_key(samples: Pcm16) -> str:
    """Return what identifies a recording, whatever silence is around it."""
    if not samples.size:
        return text_key("")
    return sha256(loud_part(samples).astype("<i2").tobytes()).hexdigest()


def text_key(text: str) -> str:
    """Return what identifies a typed turn."""
    return sha256(f"typed\x00{text}".encode()).hexdigest()
