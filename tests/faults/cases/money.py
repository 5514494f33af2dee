"""A budget holds: at most the response under way exceeds it."""

from __future__ import annotations

from typing import Any

import realtime_nb as rt
from tests.faults.registry import BUDGETS, case
from tests.faults.server import Event, Server, error_of, of_type


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
