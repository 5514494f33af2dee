"""An odd event, or a listener that raises, stops nothing else."""

from __future__ import annotations

from typing import Any

import realtime_nb as rt
from tests.faults.registry import LISTENERS, case
from tests.faults.server import Event, Server, talk


@case(LISTENERS)
async def events_of_unknown_types() -> None:
    def change(events: list[Event], asked: Event) -> list[Any]:
        odd: list[Any] = [
            {"type": "heartbeat"},
            {"type": "response.dance", "response_id": 7},
            {"type": ""},
            {"type": 7},
        ]
        return [part for event in events for part in (*odd, event)]

    (await talk(Server(on_response=change), "One")).assert_answers("Answer 1.")


@case(LISTENERS)
async def frames_that_are_no_events() -> None:
    def change(events: list[Event], asked: Event) -> list[Any]:
        odd: list[Any] = ["", "{", "[1]", "null", b"\xff\xfe", b"{}", "[" * 5000]
        return [*odd, *events]

    (await talk(Server(on_response=change), "One")).assert_answers("Answer 1.")


@case(LISTENERS)
async def an_error_of_no_known_form_between() -> None:
    def change(events: list[Event], asked: Event) -> list[Any]:
        return [events[0], {"type": "error", "error": 5}, {"type": "error", "error": {"event_id": 7}}, *events[1:]]

    (await talk(Server(on_response=change), "One", "Two")).assert_answers("Answer 1.", "Answer 2.")


@case(LISTENERS)
async def handlers_that_raise_on_every_event() -> None:
    with Server().start() as script:
        async with (
            rt.connect(url=script.url, on_handler_error=lambda *_: None) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}) as session,
        ):

            def fail(*_: Any) -> None:
                raise RuntimeError("on purpose")

            conn.on("*", fail)
            conn.on("response.done", fail)
            session.subscribe(fail)
            assert [(await session.ask(text, timeout=4)).text for text in ("One", "Two")] == ["Answer 1.", "Answer 2."]


@case(LISTENERS)
async def items_of_every_shape() -> None:
    shapes: list[Any] = [None, {}, 5, {"type": "message"}, {"id": "x", "type": "function_call_output"}, {"id": 5}]

    def change(events: list[Event], asked: Event) -> list[Any]:
        kinds = ("added", "done", "created", "retrieved")
        odd = [{"type": f"conversation.item.{kind}", "item": shape} for kind in kinds for shape in shapes]
        return [*odd, *events]

    result = await talk(Server(on_response=change), "One", "Two")
    assert result.texts == ["Answer 1.", "Answer 2."], result.texts
    assert not result.live, result.live
