"""What the read-only traits show of a conversation.

Owns the values. Must not know when they are written, or change anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_nb.client.settings import DEFAULT_MODEL, VOICES
from realtime_nb.notebook.status import status_of
from realtime_nb.wire.realtime import to_dict

if TYPE_CHECKING:
    from realtime_nb.notebook.controller import Controller

__all__ = ["trait_values"]


def trait_values(controller: Controller) -> dict[str, Any]:
    """The value of each trait, by its name."""
    state, session = controller.conversation, controller.session
    answers = (turn for turn in reversed(state.turns) if turn.role == "assistant")
    latest = next(answers, None)
    return {
        "status": status_of(controller.gauges.facts),
        "transport": controller.transports.used,
        "turns": state.turns,
        "live": state.live,
        "level": controller.microphone.level if controller.microphone.capturing else 0.0,
        "usage": state.usage,
        "latency": latest.latency if latest is not None else None,
        "error": controller.gauges.error,
        "effective": dict(session.effective) if session is not None else {},
        "_info": _info(controller),
    }


def _info(controller: Controller) -> dict[str, Any]:
    """The card's header and footer."""
    endpoint, settings = controller.endpoint, controller.settings
    local = endpoint is None or endpoint.name == "local"
    effective = controller.session.effective if controller.session is not None else {}
    output = (effective.get("audio") or {}).get("output") or {}
    voice = settings["voice"] or output.get("voice")
    return {
        "backend": endpoint.name if endpoint is not None else None,
        "label": endpoint.label if endpoint is not None else None,
        "notice": endpoint.notice if endpoint is not None else None,
        "transport": controller.transports.used,
        "transport_notice": controller.transports.why,
        "model": effective.get("model") or controller.options.model or (None if local else DEFAULT_MODEL),
        "voice": voice if isinstance(voice, str) or voice is None else str(voice.get("id")),
        "voices": list(VOICES),
        "vad": _detection_words(settings["turn_detection"]),
        "cost_usd": controller.conversation.usage.cost_usd,
    }


def _detection_words(value: Any) -> str:
    kind = value if isinstance(value, str) else to_dict(value)["type"] if value is not None else None
    return {"semantic_vad": "semantic VAD", "server_vad": "server VAD"}.get(str(kind), "push to talk")
