"""A budget holds: at most the response under way exceeds it."""

from __future__ import annotations

from typing import Any

import realtime_nb as rt
from tests.faults.registry import BUDGETS, case
from tests.faults.server import Event, Server, add, error_of, of_type


def _dear(events: list[Event], asked: Event) -> list[Event]:
    """One answer costs about 0.064 dollars with the flagship's prices."""
    events[-1]["response"]["usage"] = {
        "total_tokens": 1000,
        "input_tokens": 0,
        "output_tokens": 1000,
        "output_token_details": {"audio_tokens": 1000, "text_tokens": 0},
    }
    return events


async def _asks(script: Any, options: dict[str, Any], *, widgets: bool) -> list[Any]:
    answers: list[Any] = []
    if widgets:
        widget = rt.RealtimeWidget(backend=script.url, model="gpt-realtime-2.1", **options)
        try:
            for number in range(6):
                try:
                    answers.append(await widget.ask(f"Question {number}", timeout=4))
                except Exception as error:
                    answers.append(error)
        finally:
            widget.close()
        return answers
    async with (
        rt.connect(url=script.url) as conn,
        rt.RealtimeSession(conn, {"turn_detection": None}, **options) as session,
    ):
        for number in range(6):
            try:
                answers.append(await session.ask(f"Question {number}", timeout=4))
            except Exception as error:
                answers.append(error)
    return answers


@case(BUDGETS, limit_s=20)
async def a_session_stops_asking() -> None:
    with Server(on_response=_dear).start() as script:
        answers = await _asks(script, {"max_cost_usd": 0.1}, widgets=False)
        asked = len(of_type(script.received, "response.create"))
    assert asked == 2, f"{asked} responses of 0.064 dollars each, with 0.1 allowed"
    assert all(type(answer).__name__ == "BudgetError" for answer in answers[2:]), answers


@case(BUDGETS, limit_s=20)
async def a_widget_stops_asking() -> None:
    with Server(on_response=_dear).start() as script:
        answers = await _asks(script, {"max_cost_usd": 0.1}, widgets=True)
        asked = len(of_type(script.received, "response.create"))
    assert asked == 2, f"{asked} responses of 0.064 dollars each, with 0.1 allowed"
    assert all(type(answer).__name__ == "BudgetError" for answer in answers[2:]), answers


@case(BUDGETS, limit_s=20)
async def a_model_of_unknown_price_is_refused_before_it_costs() -> None:
    with Server(on_response=_dear).start() as script:
        widget = rt.RealtimeWidget(backend=script.url, model="a-model-without-a-price", max_cost_usd=1.0)
        try:
            error = await error_of(widget.ask("Question", timeout=4), rt.ConfigError)
        finally:
            widget.close()
        assert "price" in str(error).lower(), error
        assert not of_type(script.received, "response.create")


def _tokens(count: object) -> dict[str, Any]:
    return {"output_tokens": count, "output_token_details": {"audio_tokens": count}}


async def _spends(usage: Any, *, limit: float) -> tuple[list[Any], int]:
    def report(events: list[Event], asked: Event) -> list[Event]:
        events[-1]["response"]["usage"] = usage
        return events

    with Server(on_response=report).start() as script:
        answers = await _asks(script, {"max_cost_usd": limit}, widgets=False)
        return answers, len(of_type(script.received, "response.create"))


@case(BUDGETS, limit_s=20)
async def usage_in_floats_and_without_totals_counts() -> None:
    answers, asked = await _spends(_tokens(1000.0), limit=0.1)
    assert asked == 2, answers


@case(BUDGETS, limit_s=20)
async def a_server_that_reports_no_usage_cannot_spend_without_a_limit() -> None:
    answers, asked = await _spends(None, limit=0.1)
    assert asked == 1, f"{asked} responses of unknown cost, with 0.1 allowed"
    assert "usage" in str(answers[-1]), answers


@case(BUDGETS, limit_s=20)
async def another_session_of_a_widget_does_not_begin_at_nothing() -> None:
    server = Server(on_response=_dear)
    with server.start() as script:
        widget = rt.RealtimeWidget(backend=script.url, model="gpt-realtime-2.1", max_cost_usd=0.1)
        try:
            for number in range(2):
                await widget.ask(f"Question {number}", timeout=4)
                await widget.stop()
            await error_of(widget.ask("One more", timeout=4), rt.BudgetError)
            await error_of(widget.start(), rt.BudgetError)
            assert server.connections == 2, server.connections
        finally:
            widget.close()


@case(BUDGETS, limit_s=20)
async def a_tool_is_not_followed_by_another_response() -> None:
    with Server(plan=["call"], on_response=_dear).start() as script:
        async with (
            rt.connect(url=script.url) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}, tools=[add], max_cost_usd=0.05) as session,
        ):
            await error_of(session.ask("What is 2 + 3?", timeout=4), rt.BudgetError)
        asked = len(of_type(script.received, "response.create"))
    assert asked == 1, f"{asked} responses, after the first reached the limit"


@case(BUDGETS, limit_s=20)
async def a_limit_that_is_raised_lets_the_conversation_go_on() -> None:
    with Server(on_response=_dear).start() as script:
        async with (
            rt.connect(url=script.url) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}, max_cost_usd=0.05) as session,
        ):
            await session.ask("One", timeout=4)
            await error_of(session.ask("Two", timeout=4), rt.BudgetError)
            session.max_cost_usd = 1
            assert (await session.ask("Two", timeout=4)).status == "completed"


@case(BUDGETS, limit_s=20)
async def an_address_on_this_machine_has_the_prices_that_it_is_given() -> None:
    prices = rt.Prices(text_in=1, text_out=2, audio_in=3, audio_out=50)
    with Server(on_response=_dear).start() as script:
        backend = rt.Backend(url=script.url, prices=prices)
        async with (
            rt.connect(backend=backend, model="a-model-without-a-price") as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}, max_cost_usd=0.08) as session,
        ):
            await session.ask("One", timeout=4)
            await session.ask("Two", timeout=4)
            await error_of(session.ask("Three", timeout=4), rt.BudgetError)
            assert abs((session.conversation.usage.cost_usd or 0) - 0.1) < 1e-9
