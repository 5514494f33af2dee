"""`SimulatedBackend`: a Realtime server on a real socket whose latencies, answers and faults are known.

Owns its thread, its address and its options. Must not know the client, or how a session is served.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from realtime_nb.errors import ConfigError
from realtime_nb.local import free_addresses

from .answers import Answers, Asked
from .faults import Fault, FaultPlan, Faults
from .known_times import KnownTimes, Settings, TrialNoise, check_number
from .server_thread import ServerThread
from .source import source_of

if TYPE_CHECKING:
    from .simulated_model import SimulatedModel
    from .simulated_session import HeardInput


@dataclass(frozen=True)
class SimulatedInput:
    """What one session of a simulated backend received.

    Attributes:
        session: its number, from 0.
        fault: that it had, or None.
        appends: how many appends of sound it received.
        samples: how much sound, at 24 kHz.
        sound_hash: the SHA-256 of its PCM16 bytes up to the last one that is not 0: sessions that were sent the same
            recording have the same, however long each then sent silence.
    """

    session: int
    fault: str | None
    appends: int
    samples: int
    sound_hash: str


class SimulatedBackend(ServerThread):
    """A Realtime server on this machine whose latencies are known exactly: for tests, and to teach measuring.

    It speaks the protocol in full (turn detection by the level above a running noise floor, push to talk, typed turns,
    tools, interruption, limits of tokens, usage), and costs nothing; `rt.Backend(url=backend.url,
    prices=rt.Prices(...))` gives it prices. It runs on a thread of its own, as a context manager or from `start()` to
    `stop()`.

    Example:
        >>> import realtime_nb as rt
        >>> with rt.testing.SimulatedBackend(shifts_ms={"Be brief.": 0, "Think first.": 50}) as backend:
        ...     brief = backend.latency_ms("Be brief.", "Hello!")
        ...     backend.latency_ms("Think first.", "Hello!") - brief
        50.0

    A latency is counted from the end of the turn as the server sees it (its commit, or the `response.create` of a typed
    turn) to the first sound or text of the answer. Under turn detection a listener waits longer: by the silence that
    ends a turn, and up to one frame of sound.

    Args:
        base_ms: the latency of every answer.
        shifts_ms: added to it where the key is the instructions, the voice or the model of the session, word for word.
        utterance_sd_ms: how much utterances differ, as a standard deviation: the same for all settings.
        effect_sd_ms: how much a shift differs from utterance to utterance.
        trial_sd_ms: how much trials of the same differ.
        noise: of trials: `"gaussian"`, or `"lognormal"` with the median 0.
        stalls: the share of trials that stall.
        stall_ms: how long, at least and at most.
        drift_ms_per_minute: added for each minute since the server was started, or since `restart_drift()`.
        drift_ms_per_answer: added for each answer that was asked for before: a drift that does not depend on the
            clock, such as 3.3 for 10 ms a minute where a trial takes 20 s.
        answers: a text, an `rt.testing.Reply`, or a function from `rt.testing.Asked` to one of these, called on the
            server's thread; None: answers that say what was asked. An exception in it fails the response.
        lead_ms: the silence with which the sound of answers begins; a dict gives it by voice.
        sound_pace: how many times faster than it is played the sound is sent; None: all of it at once.
        append_work_ms: how long the server works on one append before it reads on.
        utterances: recordings that it recognises, such as `rt.Utterance(..., said="the words")`: it transcribes them
            right, and finds nothing in any other sound.
        faults: what goes wrong, by session: a function from the session's number, counted from 0, to the fault or None;
            or a dict of faults and their shares. `"refuse"` answers the handshake with 429 and `Retry-After`; `"hang"`
            never answers it; `"deaf"` answers no event; `"never"` begins answers without an end; `"drip"` sends a
            little of them for ever; `"close"` and `"abort"` end the connection in mid-answer, with and without a close
            frame; `"fail"` fails the response.
        retry_after_s: how long a refused client is asked to wait.
        seed: of all draws. The same seed, settings and utterance give the same latencies, in any order of sessions.

    Attributes:
        url: `ws://127.0.0.1:PORT/v1/realtime`; empty before the start.
        times: the latencies, as one value; `times.typical_ms` and `times.trial_ms` are the truth in full.

    Raises:
        ConfigError: an option out of its range.
    """

    _thread_name = "simulated backend"

    def __init__(
        self,
        *,
        base_ms: float = 300.0,
        shifts_ms: Mapping[str, float] | None = None,
        utterance_sd_ms: float = 0.0,
        effect_sd_ms: float = 0.0,
        trial_sd_ms: float = 0.0,
        noise: TrialNoise = "gaussian",
        stalls: float = 0.0,
        stall_ms: tuple[float, float] = (500.0, 2000.0),
        drift_ms_per_minute: float = 0.0,
        drift_ms_per_answer: float = 0.0,
        answers: Answers | None = None,
        lead_ms: float | Mapping[str, float] = 0.0,
        sound_pace: float | None = None,
        append_work_ms: float = 0.0,
        utterances: Sequence[Any] = (),
        faults: Faults | None = None,
        retry_after_s: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.times = KnownTimes(
            base_ms=base_ms,
            shifts_ms=shifts_ms or {},
            utterance_sd_ms=utterance_sd_ms,
            effect_sd_ms=effect_sd_ms,
            trial_sd_ms=trial_sd_ms,
            noise=noise,
            stalls=stalls,
            stall_ms=stall_ms,
            seed=seed,
        )
        self.url = ""
        check_number("drift_ms_per_minute", drift_ms_per_minute, least=None)
        check_number("drift_ms_per_answer", drift_ms_per_answer, least=None)
        for silence in lead_ms.values() if isinstance(lead_ms, Mapping) else [lead_ms]:
            check_number("lead_ms", silence)
        check_number("append_work_ms", append_work_ms)
        check_number("retry_after_s", retry_after_s)
        if sound_pace is not None and check_number("sound_pace", sound_pace) == 0:
            raise ConfigError("sound_pace=0 sends no sound: it must be above 0, or None for all of it at once")
        self._drift_ms_per_minute, self._drift_ms_per_answer = drift_ms_per_minute, drift_ms_per_answer
        self._answers, self._lead_ms = answers, lead_ms
        self._sound_pace, self._append_work_ms = sound_pace, append_work_ms
        self._utterances = tuple(utterances)
        self._faults = FaultPlan(faults, seed)
        self._retry_after_s = retry_after_s
        self._model: SimulatedModel | None = None
        self._inputs: list[tuple[int, Fault | None, HeardInput]] = []
        self._opened = 0
        self._drift_began = time.monotonic()

    def __repr__(self) -> str:
        return f"SimulatedBackend({self.url or 'not started'})"

    def _identity(self) -> str | None:
        """Return what is the same for backends that answer alike; None where the function of answers has no source."""
        answers: Any = self._answers
        if callable(answers):
            answers = source_of(answers)
            if answers is None:
                return None
        faults: Any = self._faults.given
        if callable(faults) and (faults := source_of(faults)) is None:
            return None
        said = [(_key(each), getattr(each, "said", None)) for each in self._utterances]
        pace = self._sound_pace, self._append_work_ms, self._drift_ms_per_minute, self._drift_ms_per_answer
        parts = (self.times, self._lead_ms, answers, faults, self._retry_after_s, pace, said)
        return f"simulated {hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"

    # -- the truth

    def latency_ms(
        self, instructions: str, utterance: Any = "", *, voice: str = "marin", model: str = "simulated"
    ) -> float:
        """Return the true typical latency: without the noise of a trial, without stalls and without drift.

        Args:
            instructions: of the session.
            utterance: what is said: a text, samples, or an `rt.Utterance`.
            voice: of the session.
            model: that the client asks for.
        """
        return self.times.typical_ms(Settings(instructions, voice, model), _key(utterance))

    def difference_ms(self, one: str, other: str, utterances: Sequence[Any], *, by: str = "instructions") -> float:
        """Return by how much `other` is slower than `one`, as the mean over utterances.

        Args:
            one: a value of a setting.
            other: another value of it.
            utterances: what is said.
            by: the setting: `"instructions"`, `"voice"` or `"model"`.
        """
        if by not in ("instructions", "voice", "model"):
            raise ConfigError(f"by={by!r} must be 'instructions', 'voice' or 'model'")
        if not utterances:
            raise ConfigError("utterances= is empty: a difference is a mean over what is said")

        def latency(value: str, key: str) -> float:
            return self.times.typical_ms(Settings(**{"instructions": "", "voice": "", "model": "", by: value}), key)

        keys = [_key(each) for each in utterances]
        return sum(latency(other, key) - latency(one, key) for key in keys) / len(keys)

    # -- what happened

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The responses that were made, in order, each with the true latency of its trial."""
        return tuple(self._model.asked) if self._model is not None else ()

    @property
    def inputs(self) -> tuple[SimulatedInput, ...]:
        """What each session received, in the order in which they were opened."""
        return tuple(
            SimulatedInput(number, fault, heard.appends, heard.samples, heard.sound_hash)
            for number, fault, heard in list(self._inputs)
        )

    def restart_drift(self) -> None:
        """Count the minutes of `drift_ms_per_minute` from now."""
        self._drift_began = time.monotonic()

    # -- life

    def start(self) -> Self:
        """Start the server; returns when it listens."""
        if self._thread is not None:
            raise ConfigError("this SimulatedBackend was started before: make a new one")
        super().start()
        free_addresses.add(self, self.url, self._identity())
        self.restart_drift()
        return self

    def stop(self) -> None:
        """Close all sessions and end the thread; may be called twice."""
        free_addresses.discard(self)
        super().stop()

    async def _serve(self, stop: asyncio.Event) -> None:
        from websockets.asyncio.server import serve

        from .simulated_model import SimulatedModel, speech_key
        from .simulated_session import HeardInput, SessionOptions, SimulatedSession

        words = {
            speech_key(each.sound): str(each.said)
            for each in self._utterances
            if getattr(each, "said", None) and each.sound.size
        }
        model = self._model = SimulatedModel(self.times, self._answers, words, self._lead_ms)
        options = SessionOptions(
            append_work_s=self._append_work_ms / 1000, sound_pace=self._sound_pace, drift_ms=self._drift_ms
        )
        admitted: dict[Any, tuple[int, Fault | None]] = {}

        async def admit(connection: Any, request: Any) -> Any:
            number, self._opened = self._opened, self._opened + 1
            fault = self._faults.of(number)
            if fault in ("hang", "refuse"):
                self._inputs.append((number, fault, HeardInput()))
            if fault == "hang":
                await stop.wait()
                raise asyncio.CancelledError  # websockets then drops the connection without a word
            if fault == "refuse":
                response = connection.respond(429, '{"error": {"code": "rate_limit_exceeded"}}')
                response.headers["Retry-After"] = f"{self._retry_after_s:g}"
                return response
            admitted[connection.id] = number, fault
            return None

        async def session(socket: Any) -> None:
            number, fault = admitted.pop(socket.id)
            heard = HeardInput()
            self._inputs.append((number, fault, heard))
            asked_for = parse_qs(urlsplit(socket.request.path).query).get("model", [None])[0]
            await SimulatedSession(socket, model, asked_for, fault, options, heard).run()

        async with serve(
            session,
            "127.0.0.1",
            0,
            process_request=admit,
            select_subprotocol=_select_subprotocol,
            compression=None,
            max_size=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=1,
        ) as server:
            self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime"
            self._listening.set()
            await stop.wait()

    def _drift_ms(self) -> float:
        minutes = (time.monotonic() - self._drift_began) / 60
        return self._drift_ms_per_minute * minutes + self._drift_ms_per_answer * (
            len(self._model.asked) if self._model else 0
        )


def _select_subprotocol(connection: Any, offered: Sequence[str]) -> Any:
    return "realtime" if "realtime" in offered else None


def _key(utterance: Any) -> str:
    from .simulated_model import speech_key, text_key

    if isinstance(utterance, str):
        return text_key(utterance)
    if getattr(utterance, "text", None) is not None:
        return text_key(utterance.text)
    from realtime_nb.audio.pcm import as_pcm16

    return speech_key(as_pcm16(getattr(utterance, "sound", utterance)))
