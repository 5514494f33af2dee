"""What was set, what the server made of it, and when it may change.

Owns updates of the session's configuration: names and checks (from `settings`), what is fixed from some moment on (the
voice, which then needs a new session; tracing), speed between turns, and turn detection that is put off while recorded
sound is asked. Must not know turns.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from realtime_nb import errors
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.settings import DEFAULTS, check_setting, overlay, session_config
from realtime_nb.client.turns.response_queue import ResponseSequencer
from realtime_nb.errors import ConfigError
from realtime_nb.tools import Tool
from realtime_nb.wire.realtime import AnySessionConfig, RealtimeSessionConfig, check, nearest, to_dict
from realtime_nb.wire.realtime.validate import field_names

__all__ = ["Configuration"]

_WIRE_FIELDS = frozenset(field_names(RealtimeSessionConfig)) | {"type"}
_ANSWER_S = 30.0


class Configuration:
    """The configuration of one session.

    Args:
        connection: where it is sent.
        responses: says when nothing is being said.
        adopt_tools: told of the functions, by name, when `tools` is set.
        renew_with: goes on in a new session that differs in some fields, between turns.

    Attributes:
        has_spoken: whether the assistant has made a sound, which fixes its voice.
    """

    def __init__(
        self,
        connection: RealtimeConnection,
        responses: ResponseSequencer,
        adopt_tools: Callable[[Mapping[str, Tool]], None],
        renew_with: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        self.has_spoken = False
        self._connection = connection
        self._responses = responses
        self._adopt_tools = adopt_tools
        self._renew_with = renew_with
        self._echoed: dict[str, Any] = {}
        self._suspended: dict[str, Any] | None = None
        self._resumed: asyncio.Future[Any] | None = None

    @property
    def effective(self) -> Mapping[str, Any]:
        """The server's own words; turn detection that is put off for a moment counts as on."""
        if self._suspended is None:
            return self._echoed
        audio = self._echoed.get("audio") or {}
        heard = {**(audio.get("input") or {}), "turn_detection": self._suspended}
        return {**self._echoed, "audio": {**audio, "input": heard}}

    @property
    def turn_detection(self) -> Mapping[str, Any] | None:
        """How the server detects turns; None where the user ends them by hand."""
        detection = ((self.effective.get("audio") or {}).get("input") or {}).get("turn_detection")
        return detection if isinstance(detection, Mapping) else None

    @property
    def server_answers(self) -> bool:
        """Whether the server begins a response by itself at the end of a turn."""
        detection = self.turn_detection
        return detection is not None and detection.get("create_response") is not False

    def echoed(self, session: Any) -> None:
        """`session.created` or `session.updated`: the truth."""
        self._echoed = to_dict(session)

    def declares_tool(self, name: str) -> bool:
        """Whether the server was told of a function of this name."""
        return any(isinstance(tool, Mapping) and tool.get("name") == name for tool in self._echoed.get("tools") or ())

    async def update(self, settings: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> None:
        """Check, send, and wait for the server's echo; `extra` is laid over the rest as it is."""
        session = self._checked(settings)
        if extra:
            session = overlay(session, extra)
            _only_pcm(session)
        self._keep_tracing(session)
        if self._is_another_voice(session):
            await self._renew_with(session)  # the service fixes a voice once it has spoken
            return
        if "speed" in _output(session) and self._responses.active:
            await self._responses.idle()  # the service changes it between turns only
        audio_in = (session.get("audio") or {}).get("input") or {}
        if self._suspended is not None and "turn_detection" in audio_in:
            self._suspended = audio_in.pop("turn_detection")
        session = _without_empty_parts(session)
        if len(session) > 1:
            await self._answered(self._send(session))
        if self._resumed is not None:
            await self._answered(self._resumed)

    def _checked(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        raw: dict[str, Any] = {}
        for name, value in settings.items():
            if name in DEFAULTS:
                named[name] = check_setting(name, value)
            elif name in _WIRE_FIELDS:
                raw[name] = value
            else:
                raise ConfigError(f"there is no setting {name!r}.{nearest(name, sorted({*DEFAULTS, *_WIRE_FIELDS}))}")
        session = {**session_config(named, raw), "type": self._connection.session_type}
        if raw:
            session = to_dict(session)
            _only_pcm(session)
            problem = check(session, AnySessionConfig, path="session")
            if problem is not None:
                raise ConfigError(problem.message)
        if "tools" in named:
            self._adopt_tools({tool.name: tool for tool in named["tools"] if isinstance(tool, Tool)})
        return session

    def _is_another_voice(self, session: dict[str, Any]) -> bool:
        """Whether `session` asks for what the service refuses now. A voice that stays the same is taken out of it."""
        output = _output(session)
        if "voice" not in output or not self.has_spoken:
            return False
        if output["voice"] != _output(self._echoed).get("voice"):
            return True
        del output["voice"]
        return False

    def _keep_tracing(self, session: dict[str, Any]) -> None:
        current = self._echoed.get("tracing")
        if "tracing" not in session or current is None:
            return
        if session["tracing"] != current:
            raise ConfigError(
                f"tracing={session['tracing']!r}: the service fixes tracing once it is on (it is {current!r} now). "
                "Start a new session to trace otherwise."
            )
        del session["tracing"]

    def suspend_turn_detection(self) -> Callable[[], None]:
        """Put turn detection off until the function that is returned is called; both are sent at once and in order."""
        current = self.turn_detection
        if current is None:
            return lambda: None
        self._suspended = dict(current)
        self._connection.outbox.put({"type": "session.update", "session": _detection(None)})

        def resume() -> None:
            resumed = self._resumed = self._send(_detection(self._suspended))
            resumed.add_done_callback(self._resumption_over)

        return resume

    def _resumption_over(self, future: asyncio.Future[Any]) -> None:
        self._suspended = self._resumed = None

    def _send(self, session: dict[str, Any]) -> asyncio.Future[Any]:
        return self._connection.post({"type": "session.update", "session": session})

    async def _answered(self, answer: asyncio.Future[Any]) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await asyncio.shield(answer)
        except builtins.TimeoutError:
            raise errors.TimeoutError(f"the server did not answer a session.update within {_ANSWER_S:g} s") from None


def _only_pcm(session: Mapping[str, Any]) -> None:
    """A session counts heard samples at 24 kHz: a telephone's format would be played as noise."""
    for side, audio in (session.get("audio") or {}).items():
        form = ((audio or {}).get("format") or {}).get("type", "audio/pcm")
        if form not in ("audio/pcm", None):
            raise ConfigError(
                f"audio.{side}.format={form!r}: a session speaks 'audio/pcm' at 24000 Hz. "
                "For G.711, use rt.connect() and the events themselves."
            )


def _output(session: Mapping[str, Any]) -> Any:
    return (session.get("audio") or {}).get("output") or {}


def _without_empty_parts(session: dict[str, Any]) -> dict[str, Any]:
    audio = {name: part for name, part in (session.get("audio") or {}).items() if part != {}}
    kept = {name: value for name, value in session.items() if name != "audio"}
    return {**kept, "audio": audio} if audio else kept


def _detection(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": {"turn_detection": value}}}
