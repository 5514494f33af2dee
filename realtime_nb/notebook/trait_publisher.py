"""The read-only traits: what each of them shows, and when they are written.

Owns their values and their rate: changes are collected and written about 25 times a second at most, on the notifier
thread (docs/notebook.md 7, docs/protocol.md 42). Must not know the widget: it gets a function that writes the
traits. It changes nothing that it shows. Everything but the writing runs on the loop.

An observer is called when the new value of its trait differs from the old one. `turns` stays the same tuple until a
turn settles or is corrected, so that its observers are not called for every delta.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from realtime_nb.client.frozen import frozen
from realtime_nb.client.settings import DEFAULT_MODEL
from realtime_nb.conversation import FREE
from realtime_nb.notebook import runtime
from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.browser.selection import Transports
from realtime_nb.notebook.health import HealthMonitor
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.session_state import SessionState, status_of
from realtime_nb.wire.realtime import VOICES, to_dict

_FLUSH_S = 0.04
_MISSED_S = 2.0
"""After the last sign of lost messages; a page asks for a missing one every second at least."""
_NOTHING: Mapping[str, Any] = frozen({})


class TraitPublisher:
    """Writes the read-only traits soon after something changed.

    Args:
        write: sets the traits; called on the notifier thread.
        state: the session and what it does.
        transports: what carries the conversation.
        pages: those that show the widget.
        sound: the user's and the assistant's.
        monitor: has what was lost.
        transcript: its changed turns go to the pages whenever the traits are written.
    """

    def __init__(
        self,
        write: Callable[[dict[str, Any]], None],
        state: SessionState,
        transports: Transports,
        pages: Pages,
        sound: PageSound,
        monitor: HealthMonitor,
        transcript: Transcript,
    ) -> None:
        self._write = write
        self._state = state
        self._transports = transports
        self._pages = pages
        self._microphone = sound.microphone
        self._speaker = sound.speaker
        self._monitor = monitor
        self._transcript = transcript
        self._waiting: asyncio.TimerHandle | None = None
        self._missing: asyncio.TimerHandle | None = None
        self._missed = False
        self._closed = False
        self._shown: tuple[Mapping[str, Any], str, Mapping[str, Any]] = (_NOTHING, "", _NOTHING)

    def changed(self) -> None:
        """Note that something changed: the traits are written within 40 ms."""
        if self._waiting is None and not self._closed:
            self._waiting = asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        """Hand the values to the notifier thread now; a newer set replaces one that still waits there."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._transcript.flush()
        values = self._values()
        runtime.notifier().post(self, lambda: self._write_values(values))

    def _write_values(self, values: dict[str, Any]) -> None:
        missed, self._missed = self._missed, False
        self._write({**values, "_missed": missed})

    def page_misses_messages(self) -> None:
        """Send all values again once a page misses no more: updates of traits, without numbers, were lost as well."""
        if self._missing is not None:
            self._missing.cancel()
        if not self._closed:
            self._missing = asyncio.get_running_loop().call_later(_MISSED_S, self._send_again)

    def _send_again(self) -> None:
        self._missed = True
        self.changed()

    async def settled(self) -> None:
        """Wait until the traits show the present state, or an observer holds them up for too long."""
        self.flush()
        await runtime.notifier().settled()

    def close(self) -> None:
        """Write the last values, and then no more by itself."""
        self._closed = True
        if self._missing is not None:
            self._missing.cancel()
        self.flush()

    def _values(self) -> dict[str, Any]:
        state = self._state
        conversation = state.conversation
        latest = next((turn for turn in reversed(conversation.turns) if turn.role == "assistant"), None)
        effective = self._effective()
        problem = state.endpoint.problem if state.endpoint is not None else None
        capturing = self._microphone.capturing
        return {
            "status": status_of(
                state.phase,
                hearing=state.hearing,
                sounding=self._speaker.playing or (state.receiving and not len(self._pages)),
                answering=state.answering,
                capturing=capturing,
            ),
            "transport": self._transports.used,
            "turns": conversation.turns,
            "live": conversation.live,
            "level": self._microphone.level if capturing else 0.0,
            "usage": state.limits.usage,
            "latency": latest.latency if latest is not None else None,
            "error": state.error or problem,
            "effective": effective,
            "_info": self._info(effective),
            "_health": self._monitor.losses(),
            "_seen": self._pages.seen,
        }

    def _effective(self) -> Mapping[str, Any]:
        """Return the configuration that the server echoed, and in `backend` the name of what answers."""
        session, endpoint = self._state.session, self._state.endpoint
        if session is None or endpoint is None:
            return _NOTHING
        echo = session.effective
        if self._shown[0] is not echo or self._shown[1] != endpoint.label:  # it is read 25 times a second
            self._shown = (echo, endpoint.label, frozen({**echo, "backend": endpoint.label}))
        return self._shown[2]

    def _info(self, effective: Mapping[str, Any]) -> dict[str, Any]:
        """Return the texts of the card's header and footer (the keys: tests/contract/traits.json)."""
        endpoint = self._state.endpoint
        local = endpoint is None or endpoint.name == "local"
        output = (effective.get("audio") or {}).get("output") or {}
        voice = self._state.config.settings["voice"] or output.get("voice")
        return {
            "backend": endpoint.name if endpoint is not None else None,
            "label": endpoint.label if endpoint is not None else None,
            "notice": endpoint.notice if endpoint is not None else None,
            "whereabouts": endpoint.whereabouts if endpoint is not None else None,
            "hearing": endpoint.hearing if endpoint is not None else None,
            "progress": endpoint.progress if endpoint is not None else None,
            "transport": self._transports.used,
            "transport_notice": self._transports.why,
            "model": effective.get("model") or self._state.options.model or (None if local else DEFAULT_MODEL),
            "voice": voice if isinstance(voice, str) or voice is None else str(voice.get("id")),
            "voices": list(VOICES),
            "vad": _detection_words(self._state.config.settings["turn_detection"]),
            "parked": self._state.parked,
            "cost_usd": self._cost_usd(),
        }

    def _cost_usd(self) -> float | None:
        """Return the cost to show; None where it is unknown, or the backend has no price."""
        limits, endpoint = self._state.limits, self._state.endpoint
        cost = limits.usage.cost_usd
        if cost != 0:
            return cost
        # A sum of nothing is 0, also where no price is known.
        has_price = self._state.session is not None and limits.is_priced
        return cost if has_price and endpoint is not None and endpoint.prices != FREE else None


def _detection_words(value: Any) -> str:
    kind = value if isinstance(value, str) else to_dict(value)["type"] if value is not None else None
    return {"semantic_vad": "semantic VAD", "server_vad": "server VAD"}.get(str(kind), "push to talk")
