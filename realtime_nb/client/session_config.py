"""The configuration of one conversation: what was set and what the server echoed (`settings` holds what may be set).

Owns the user's settings by name, the wire form of every update that the server accepted or has not answered yet
(`wanted`), the server's echo, and the rules about them: a voice and tracing that can no longer change, and turn
detection that is off for a moment. Pure. Must not know connections, asyncio or turns.

One object serves one conversation: a widget hands it to each connection that it opens, and a connection without a
widget makes its own. Only the connection notes what it sends and receives here; all other parts read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_nb.audio.stream_format import is_usual
from realtime_nb.client.caller import warn_caller
from realtime_nb.client.settings import DEFAULTS, check_setting, check_tool_choice, overlay, session_config
from realtime_nb.errors import ConfigError
from realtime_nb.tools import Tool
from realtime_nb.wire.realtime import AnySessionConfig, RealtimeSessionConfig, check, nearest, to_dict
from realtime_nb.wire.realtime.validate import field_names, refuse_half_characters

_WIRE_FIELDS = frozenset(field_names(RealtimeSessionConfig)) | {"type"}


class SessionConfig:
    """The user's settings of one conversation, and the server's echo of them.

    Args:
        settings: checked settings by name, to begin with.
        extra: further fields of the wire's session, which lie over the settings unchecked.

    Raises:
        ConfigError: `extra` asks for sound that is not PCM16.

    Attributes:
        settings: the settings as the user set them last, by name.
        tools: the functions among them that the model may call, by name.
        echo: the session as the server echoed it last; None before that.
        has_spoken: whether the assistant has made a sound in this session, which fixes its voice.
        session_type: `"realtime"` or `"transcription"`.
        input_is_pcm: whether the server takes PCM16; in G.711, a byte is a sample.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None, extra: Mapping[str, Any] | None = None) -> None:
        self.settings: dict[str, Any] = {}
        self.tools: dict[str, Tool] = {}
        self._fields: dict[str, Any] = _checked_extra(extra)
        _only_pcm(self._fields)
        self._keep(settings or {})
        self.on_connecting()

    def on_connecting(self) -> None:
        """Reset the server's side: another connection begins with the user's settings."""
        self.echo: Any = None
        self.has_spoken = False
        self.session_type = "realtime"
        self.input_is_pcm = self.input_is_usual = True
        self.input_format: tuple[str | None, int | None] = (None, None)
        self.output_format: tuple[str | None, int | None] = (None, None)
        self._echoed: dict[str, Any] = {}
        self._accepted: dict[str, Any] = {}
        self._unanswered: dict[str, dict[str, Any]] = {}  # by event id, oldest first
        self._put_off: dict[str, Any] | None = None

    # The user's side

    def set(self, settings: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Check and keep settings by name, or fields of the wire's session; return the session that sets them.

        Args:
            settings: of either kind.
            extra: further fields, which lie over the rest unchecked.

        Raises:
            ConfigError: an unknown or bad one; nothing is kept.
        """
        named: dict[str, Any] = {}
        raw: dict[str, Any] = {}
        for name, value in settings.items():
            if name in DEFAULTS:
                named[name] = check_setting(name, value)
            elif name in _WIRE_FIELDS:
                raw[name] = value
            else:
                raise ConfigError(f"there is no setting {name!r}.{nearest(name, sorted({*DEFAULTS, *_WIRE_FIELDS}))}")
        if "tool_choice" in named or "tools" in named:
            kept = {**self.settings, **named}
            if "tools" in kept:  # without, they may have been declared elsewhere, as for a call
                check_tool_choice(kept.get("tool_choice"), kept["tools"])
        session = {**session_config(named, raw), "type": self.session_type}
        if raw:
            session, raw = to_dict(session), to_dict(raw)
            _only_pcm(session)
            problem = check(session, AnySessionConfig, path="session")
            if problem is not None:
                raise ConfigError(problem.message)
        if extra:
            session = overlay(session, _checked_extra(extra))
            _only_pcm(session)
        self._keep(named)
        self._fields = overlay(overlay(_without(self._fields, session_config(named)), raw), extra or {})
        return session

    def change(self, values: Mapping[str, Any], fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Keep settings that were checked, and further fields; return the session that sets them."""
        self.settings.update(values)
        if "tools" in values:
            self._keep_tools()
        if "instructions" in values and values["instructions"] is None:
            # An absent field would leave the old instructions as they are: only "" clears them (docs/protocol.md 3).
            values = {**values, "instructions": ""}
        session = {**session_config(values), "type": self.session_type}
        if self._fields:
            self._fields = _without(self._fields, session)
        return overlay(session, self.set({}, fields)) if fields else session

    @property
    def further(self) -> dict[str, Any]:
        """The further fields of the wire's session that the user has set, beside the settings."""
        return dict(self._fields)

    def whole(self) -> dict[str, Any]:
        """The session that sets all that the user has set."""
        return {**session_config(self.settings, self._fields), "type": self.session_type}

    def _keep(self, named: Mapping[str, Any]) -> None:
        self.settings.update(named)
        self._keep_tools()

    def _keep_tools(self) -> None:
        self.tools = {tool.name: tool for tool in self.settings.get("tools", ()) if isinstance(tool, Tool)}

    # What was sent

    @property
    def wanted(self) -> dict[str, Any]:
        """All that was sent and not refused, as one session; empty where nothing was sent."""
        merged = self._accepted
        for session in self._unanswered.values():
            merged = overlay(merged, session)
        return merged

    def sent(self, event_id: str, session: dict[str, Any]) -> None:
        """Note a `session.update` that leaves."""
        self._unanswered[event_id] = session

    def refused(self, event_id: str | None) -> None:
        """Drop the update that an error of the server names, if it is one."""
        self._unanswered.pop(event_id or "", None)

    def restored(self, session: dict[str, Any]) -> None:
        """Note that a new session took all of `session`."""
        self._accepted = session
        self._unanswered.clear()

    # The server's side

    def on_transport_lost(self) -> None:
        """Allow any voice again: the next session has not spoken."""
        self.has_spoken = False

    def created(self, session: Any) -> None:
        """Note the echo in `session.created`."""
        self.has_spoken = False
        self._keep_echo(session)

    def updated(self, session: Any) -> None:
        """Note the echo in `session.updated`, which answers the oldest update (docs/protocol.md 1)."""
        if self._unanswered:
            self._accepted = overlay(self._accepted, self._unanswered.pop(next(iter(self._unanswered))))
        self._keep_echo(session)

    def _keep_echo(self, session: Any) -> None:
        self.echo, self._echoed = session, to_dict(session)
        self.session_type = self._echoed.get("type") or "realtime"
        # Kept, not derived: it is read for every microphone frame.
        kind = (_part(self._echoed, "input").get("format") or {}).get("type")
        self.input_is_pcm = kind not in ("audio/pcmu", "audio/pcma")
        self.input_format, self.output_format = (_format(self._echoed, side) for side in ("input", "output"))
        self.input_is_usual = is_usual(*self.input_format)

    @property
    def effective(self) -> Mapping[str, Any]:
        """The echo as builtins; turn detection that is off for a moment counts as on."""
        if self._put_off is None:
            return self._echoed
        heard = {**_part(self._echoed, "input"), "turn_detection": self._put_off}
        return {**self._echoed, "audio": {**(self._echoed.get("audio") or {}), "input": heard}}

    @property
    def turn_detection(self) -> Mapping[str, Any] | None:
        """How the server detects turns; None where the user ends them by hand."""
        detection = _part(self.effective, "input").get("turn_detection")
        return detection if isinstance(detection, Mapping) else None

    @property
    def server_answers(self) -> bool:
        """Whether the server begins a response by itself at the end of a turn."""
        detection = self.turn_detection
        return detection is not None and detection.get("create_response") is not False

    @property
    def answers_only_requests(self) -> bool:
        """Whether the server begins no response by itself just now; False where the echo does not say."""
        detection = _part(self._echoed, "input").get("turn_detection", False)
        return detection is None or (isinstance(detection, Mapping) and detection.get("create_response") is False)

    def declares_tool(self, name: str) -> bool:
        """Whether the server has a function of this name."""
        return any(isinstance(tool, Mapping) and tool.get("name") == name for tool in self._echoed.get("tools") or ())

    # What can no longer change

    def is_another_voice(self, session: Mapping[str, Any]) -> bool:
        """Whether `session` asks for another voice than the one that has spoken (docs/protocol.md 9).

        Some servers echo a voice in a spelling of their own: the voice that they were asked for is the same one.
        """
        if not self.has_spoken:
            return False
        output = _part(session, "output")
        if "voice" not in output:
            return False
        spoken = (_part(self._echoed, "output").get("voice"), _part(self.wanted, "output").get("voice"))
        return _spelled(output["voice"]) not in [_spelled(voice) for voice in spoken if voice is not None]

    def keep_voice(self, session: dict[str, Any]) -> None:
        """Remove the voice that has spoken from `session`: the service refuses it even where it stays the same.

        Raises:
            ConfigError: another voice, which the service would answer with `cannot_update_voice`.
        """
        if not self.has_spoken:
            return
        if self.is_another_voice(session):
            voice, current = _part(session, "output")["voice"], _part(self._echoed, "output").get("voice")
            raise ConfigError(
                f"voice={voice!r}: the service fixes the voice once it has spoken (it is {current!r} now). Open "
                "another connection; or let an rt.RealtimeSession go on in a new one by itself, with the conversation."
            )
        if "voice" in _part(session, "output"):
            _remove(session, "output", "voice")

    def keep_tracing(self, session: dict[str, Any]) -> None:
        """Remove tracing from `session` where it is on and stays the same (docs/protocol.md 10).

        Raises:
            ConfigError: other tracing, which the service would refuse.
        """
        current = self._echoed.get("tracing")
        if "tracing" not in session or current is None:
            return
        if session["tracing"] != current:
            raise ConfigError(
                f"tracing={session['tracing']!r}: the service fixes tracing once it is on (it is {current!r} now). "
                "Start a new session to trace otherwise."
            )
        del session["tracing"]

    # Turn detection that is off for a moment

    def put_off_turn_detection(self) -> dict[str, Any] | None:
        """The session that turns detection off until `resumed_turn_detection`; None where it is off already."""
        current = self.turn_detection
        if current is None:
            return None
        self._put_off = dict(current)
        return _detection(None)

    def resumed_turn_detection(self) -> dict[str, Any] | None:
        """The session that turns it on again; None where it was not put off."""
        return _detection(self._put_off) if self._put_off is not None else None

    def turn_detection_is_back(self) -> None:
        """Let the echo count again: the server has answered the resumption."""
        self._put_off = None

    def hold_back_turn_detection(self, session: dict[str, Any]) -> None:
        """Move turn detection from `session` into the session that turns it on again, while it is off for a moment."""
        if self._put_off is not None and "turn_detection" in _part(session, "input"):
            self._put_off = _remove(session, "input", "turn_detection")


def check_further_fields(fields: Any, *, of_another_server: bool) -> None:
    """Check the names of `session=` at the call, which are sent as they are.

    Args:
        fields: the option's value.
        of_another_server: the server may have fields of its own: an unknown one is only warned about.

    Raises:
        ConfigError: no dict, or a field that the service does not have; names it and the nearest.
    """
    if fields is None:
        return
    if not isinstance(fields, Mapping):
        raise ConfigError(f"session={fields!r} must be a dict of fields of the wire's session, or None.")
    problem = check({"type": "realtime", **to_dict(fields)}, RealtimeSessionConfig, path="session")
    if problem is None or problem.code != "unknown_parameter":
        return  # a value that this version does not know goes to the server, too
    if of_another_server:
        warn_caller(
            f"session= has a field that the Realtime API does not have: {problem.message} It is sent all the same."
        )
        return
    raise ConfigError(f"session=: {problem.message} A server of your own may have it: backend=rt.Backend(url=...).")


def _checked_extra(extra: Any) -> dict[str, Any]:
    """Return further fields of the session, which may be unknown here, but must have a form on the wire."""
    if extra is None:
        return {}
    if not isinstance(extra, Mapping):
        raise ConfigError(f"session={extra!r} must be a dict of further fields of the session, or None")
    refuse_half_characters("session", extra)
    return dict(extra)


def _only_pcm(session: Mapping[str, Any]) -> None:
    """Refuse a telephone's format: a session counts heard samples at 24 kHz, and would play it as noise."""
    for side, audio in (session.get("audio") or {}).items():
        form = ((audio or {}).get("format") or {}).get("type", "audio/pcm")
        if form not in ("audio/pcm", None):
            raise ConfigError(
                f"audio.{side}.format={form!r}: a session speaks 'audio/pcm' at 24000 Hz. "
                "For G.711, use rt.connect() and the events themselves."
            )


def _part(session: Mapping[str, Any], side: str) -> Any:
    """`session.audio.input` or `.output`; empty where it is absent or null."""
    return (session.get("audio") or {}).get(side) or {}


def _format(session: Mapping[str, Any], side: str) -> tuple[str | None, int | None]:
    """Type and rate of a side's sound, as the server said them."""
    form = _part(session, side).get("format")
    if isinstance(form, str):
        return form, None
    form = form if isinstance(form, Mapping) else {}
    return form.get("type"), form.get("rate")


def _spelled(voice: Any) -> str:
    """A voice for comparison: its name or id, whatever its case and whether it stands alone or in an object."""
    if isinstance(voice, Mapping):
        voice = voice.get("id") or voice.get("name") or voice.get("voice")
    return str(voice).casefold()


def _without(fields: dict[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` without those that a setting has set later, at every depth: the last word counts in a new session."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping) and isinstance(later.get(name), Mapping):
            if inner := _without(dict(value), later[name]):
                kept[name] = inner
        elif name not in later or name == "type":
            kept[name] = value
    return kept


def _remove(session: dict[str, Any], side: str, name: str) -> Any:
    """Remove a field of `session.audio`, and what is empty without it."""
    part = dict(_part(session, side))
    value = part.pop(name, None)
    audio = {**(session.get("audio") or {}), side: part}
    session["audio"] = audio = {key: inner for key, inner in audio.items() if inner != {}}
    if not audio:
        del session["audio"]
    return value


def _detection(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": {"turn_detection": value}}}
