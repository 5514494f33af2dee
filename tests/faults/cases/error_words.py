"""An error of any shape reaches the user in the server's own words."""

from __future__ import annotations

from typing import Any

import realtime_nb as rt
from tests.faults.registry import ERROR_WORDS, case
from tests.faults.server import Event, Server, error_of, talk


async def _words_of(error: Event | str) -> str:
    def refuse(events: list[Event], asked: Event) -> list[Any]:
        return [error]

    return str(await error_of(talk(Server(on_update=refuse)), rt.ServerError))


@case(ERROR_WORDS)
async def a_plain_text() -> None:
    assert "overloaded" in await _words_of({"type": "error", "error": "the model is overloaded"})


@case(ERROR_WORDS)
async def a_message_at_the_top_and_a_numeric_code() -> None:
    assert "no capacity" in await _words_of({"type": "error", "code": 503, "message": "no capacity left"})


@case(ERROR_WORDS)
async def a_body_as_http_has_it() -> None:
    assert "Not authenticated" in await _words_of({"error": {"detail": "Not authenticated", "status": 401}})


@case(ERROR_WORDS)
async def words_that_are_json_themselves() -> None:
    words = await _words_of({"type": "error", "error": {"message": [{"loc": ["voice"], "msg": "unknown voice"}]}})
    assert "unknown voice" in words


@case(ERROR_WORDS)
async def a_detail_in_place_of_a_message() -> None:
    assert "busy" in await _words_of({"type": "error", "error": {"detail": "the worker is busy"}})


@case(ERROR_WORDS)
async def no_words_at_all_but_everything_else() -> None:
    assert "quota" in await _words_of({"type": "error", "error": {}, "hint": "your quota is used up"})


@case(ERROR_WORDS)
async def a_response_that_failed_with_an_error_as_text() -> None:
    def fail(events: list[Event], asked: Event) -> list[Event]:
        done = events[-1]
        done["response"].update(status="failed", output=[], status_details={"type": "failed", "error": "out of memory"})
        return [events[0], done]

    result = await talk(Server(on_response=fail), "One")
    assert isinstance(result.answers[0], rt.ServerError), result.answers
    assert "out of memory" in str(result.answers[0]), result.answers


@case(ERROR_WORDS)
async def bodies_without_a_type() -> None:
    bodies: tuple[Event, ...] = (
        {"detail": "no capacity left"},
        {"object": "error", "message": "no capacity left", "code": 400},
        {"code": "InvalidParameter", "message": "no capacity left", "request_id": "1"},
        {"errors": [{"message": "no capacity left"}]},
    )
    for body in bodies:
        assert "no capacity" in await _words_of(body), body


@case(ERROR_WORDS)
async def an_error_that_names_an_event_of_the_servers() -> None:
    def refuse(events: list[Event], asked: Event) -> list[Any]:
        return [{"type": "error", "error": {"message": "no capacity left", "event_id": "event_of_the_server"}}]

    result = await talk(Server(on_response=refuse), "One")
    assert isinstance(result.answers[0], rt.ServerError), result.answers
    assert "no capacity" in str(result.answers[0]), result.answers
