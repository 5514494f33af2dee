"""The voices and models of the service by name, as of November 2026.

Owns the two lists. Must not know sessions. The client sends other names, too: a service may know more than this
version. The practice backend refuses them, as the service does, so that a misspelt one is found without a key.
"""

from __future__ import annotations

import re
from typing import Any

from realtime_nb.wire.realtime.validate import nearest

VOICES = ("marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
"""The service's own voices."""

MODELS = (
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-realtime-1.5",
    "gpt-realtime",
    "gpt-realtime-mini",
    "gpt-4o-realtime-preview",
    "gpt-4o-mini-realtime-preview",
)
"""The models of conversations; a dated snapshot of each is one, too."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def unknown_model(name: str, *also: str) -> str | None:
    """Returns why a name is no model's, or None where it is one; `also` are further models of a server."""
    if name in also or _SNAPSHOT.sub("", name) in MODELS:
        return None
    return f"The model {name[:100]!r} does not exist.{nearest(name[:100], [*MODELS, *also])}"


def unknown_voice(voice: Any) -> str | None:
    """Returns why a value is no voice of the service, or None where it is one."""
    if isinstance(voice, str) and voice in VOICES:
        return None
    shown = repr(voice.get("id") if isinstance(voice, dict) else voice)
    near = nearest(voice, list(VOICES)) if isinstance(voice, str) else ""
    return f"Invalid voice: {shown[:100]}.{near} Supported values are: {', '.join(map(repr, VOICES))}."
