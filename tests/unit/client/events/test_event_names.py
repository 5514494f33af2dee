from __future__ import annotations

import warnings
from collections.abc import Coroutine
from typing import Any, cast

import pytest

import realtime_nb as rt
from realtime_nb.client.events.event_names import warn_of_misspelt
from realtime_nb.wire.realtime import SERVER_TYPES
from tests.unit.client.fakes import Address


@pytest.mark.parametrize(
    ("kind", "near"),
    [
        ("respons.done", "response.done"),
        ("response.audio.delta", "response.output_audio.delta"),
        ("response.create", "response.created"),
        ("conversation.item.add", "conversation.item.added"),
        ("closed", "close"),
        ("reconected", "reconnected"),
    ],
)
def test_a_type_near_a_known_one_is_warned_about(kind: str, near: str) -> None:
    with pytest.warns(UserWarning, match=f"'{kind}'.*Did you mean '{near}'"):
        warn_of_misspelt(kind)


@pytest.mark.parametrize("kind", [*SERVER_TYPES, "event", "error", "close", "vendor.cheered", "x"])
def test_known_types_and_those_of_other_servers_are_not(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_misspelt(kind)


def test_handling_and_awaiting_warn_at_the_callers_line() -> None:
    connection = rt.RealtimeConnection(Address())
    with pytest.warns(UserWarning, match="Did you mean 'response.done'") as warned:
        connection.on("respons.done", print)
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match="Did you mean 'response.done'") as warned:
        waiting: Any = connection.wait_for("respons.done")
    assert warned[0].filename == __file__
    cast(Coroutine[Any, Any, Any], waiting).close()
