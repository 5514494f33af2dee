"""`w.apply(variant)`: the settings of a variant on a live widget, as a server sees them over a socket."""

from __future__ import annotations

from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.testing import ScriptedServer, expect, never, send
from tests.integration.scripted import created, updated


def lookup(city: str) -> str:
    """Look a city up."""
    return city


def _only_changes(session: dict[str, Any]) -> bool:
    audio = session["audio"]
    return (
        session["instructions"] == "Answer in one sentence."
        and audio["output"] == {"voice": "cedar"}
        and audio["input"] == {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}
        and [tool["name"] for tool in session["tools"]] == ["lookup"]
        and session["tool_choice"] == {"type": "function", "name": "lookup"}
        and session["tracing"] == "auto"
        and "max_output_tokens" not in session
    )


async def test_variant_reaches_the_server_in_one_update_and_leaves_the_rest() -> None:
    variant = Variant(
        "brief",
        {
            "tool_choice": "lookup",  # before the tools that it names: the server must get both at once
            "tools": [lookup],
            "instructions": "Answer in one sentence.",
            "voice": "cedar",
            "turn_detection": rt.ServerVad(silence_duration_ms=300),
        },
        session={"tracing": "auto"},
    )
    steps = [created(), expect("session.update"), send(updated)]
    steps += [expect("session.update", session=_only_changes), send(updated), never()]
    async with ScriptedServer(steps) as server:
        widget = rt.RealtimeWidget(backend=rt.Backend(url=server.url), max_output_tokens=300, speed=1.1)
        await widget.start()
        widget.apply(variant)
        await server.heard("session.update", times=2)
        assert (widget.instructions, widget.voice, widget.speed) == ("Answer in one sentence.", "cedar", 1.1)
        assert widget.max_output_tokens == 300
        widget.apply(variant)  # nothing has changed, but the fields that no trait shows
        await widget.stop()
        widget.close()


async def test_variant_on_a_real_session_is_echoed_and_answers() -> None:
    widget = rt.RealtimeWidget(backend="local", output="text")
    await widget.ask("Hello!")
    widget.apply(
        Variant("other", {"turn_detection": rt.ServerVad(silence_duration_ms=250), "instructions": "Be brief."})
    )
    await widget.ask("Hello again!")
    effective = dict(widget.effective)
    assert effective["instructions"] == "Be brief."
    assert effective["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 250
    assert widget.output == "text"
    assert len(widget.turns) == 4
    await widget.stop()
    widget.close()


def test_what_cannot_be_applied_is_refused_before_anything_changes() -> None:
    widget = rt.RealtimeWidget(backend="local", voice="marin", tools=[lookup], tool_choice="lookup")
    with pytest.raises(ConfigError, match=r"apply\(\) takes an rt.Variant"):
        widget.apply({"voice": "cedar"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="make a widget with that backend"):
        widget.apply(Variant("elsewhere", {"voice": "cedar"}, backend="ws://127.0.0.1:9/v1/realtime"))
    with pytest.raises(ConfigError, match="tool_choice='lookup' is no tool"):
        widget.apply(Variant("toolless", {"voice": "cedar", "tools": []}))
    assert widget.voice == "marin"
    widget.apply(Variant("same", {"voice": "cedar"}, backend="local"))
    assert widget.voice == "cedar"
    widget.close()
    with pytest.raises(rt.RealtimeError, match="closed"):
        widget.apply(Variant("late", {"voice": "marin"}))
