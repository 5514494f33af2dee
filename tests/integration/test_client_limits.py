"""A limit that is reached stops everything that costs, until it is raised, over all sessions of its owner.

The server reports 1400 tokens of sound for each response: 0.0896 dollars with the prices of the model that it names.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.notebook import runtime
from realtime_nb.testing import ScriptedServer
from tests.faults.server import Event, Server, add, default_session, of_type, spoken
from tests.integration.test_widget_conversation import Page
from tests.integration.test_widget_conversation import _until as until

COST = 0.0896
TOKENS = {
    "total_tokens": 1400,
    "input_tokens": 0,
    "output_tokens": 1400,
    "output_token_details": {"audio_tokens": 1400, "text_tokens": 0},
}
PUSH_TO_TALK = {"turn_detection": None}


def using(usage: Any) -> Callable[[list[Event], Event], list[Event]]:
    """A server that reports this usage for each response."""

    def report(events: list[Event], asked: Event) -> list[Event]:
        events[-1]["response"]["usage"] = usage
        return events

    return report


@asynccontextmanager
async def served(server: Server | None = None) -> AsyncIterator[tuple[Server, ScriptedServer]]:
    server = server or Server(on_response=using(TOKENS))
    with server.start() as script:
        yield server, script


@asynccontextmanager
async def session_of(
    script: ScriptedServer, *, config: Any = None, tools: Any = (), reconnect: bool = False, **limits: Any
) -> AsyncIterator[rt.RealtimeSession]:
    async with (
        rt.connect(url=script.url, reconnect=reconnect) as conn,
        rt.RealtimeSession(conn, config or PUSH_TO_TALK, tools=tools, **limits) as session,
    ):
        yield session


@asynccontextmanager
async def widget_of(script: ScriptedServer, **options: Any) -> AsyncIterator[rt.RealtimeWidget]:
    widget = rt.RealtimeWidget(backend=script.url, **{"model": "gpt-realtime-2.1", **options})
    try:
        yield widget
    finally:
        await widget.stop()
        widget.close()


async def eight(ask: Callable[[str], Awaitable[rt.Turn]]) -> list[str]:
    """Ask eight questions; the text of each answer, or the name of the error."""
    came = []
    for number in range(8):
        try:
            came.append((await ask(f"Question {number}")).text)
        except rt.RealtimeError as error:
            came.append(type(error).__name__)
    return came


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - of a server on another thread
            await asyncio.sleep(0.02)


def asked(script: ScriptedServer) -> int:
    return len(of_type(script.received, "response.create"))


# The cost


async def test_session_asks_no_more_than_its_cost_limit_allows_and_goes_on_once_it_is_raised() -> None:
    async with served() as (server, script), session_of(script, max_cost_usd=0.15) as session:
        assert await eight(session.ask) == ["Answer 1.", "Answer 2."] + ["BudgetError"] * 6
        assert asked(script) == 2
        said = len(of_type(script.received, "conversation.item.create"))
        assert said == 2, "a question that gets no answer is not said either"
        with pytest.raises(rt.BudgetError, match=r"max_cost_usd=0\.15 is reached: \$0\.18 used") as error:
            await session.send_text("Hello")
        assert "`session.max_cost_usd = 0.3`" in str(error.value)
        assert (error.value.limit, error.value.value) == ("max_cost_usd", 0.15)
        assert error.value.used == pytest.approx(2 * COST)
        with pytest.raises(rt.BudgetError):
            await session.commit()
        session.max_cost_usd = 0.25
        assert session.limit_reached is None
        assert await eight(session.ask) == ["Answer 3."] + ["BudgetError"] * 7
        session.max_cost_usd = None
        assert (await session.ask("And now?")).text == "Answer 4."
        assert server.connections == 1


async def test_widget_asks_no_more_than_its_cost_limit_allows_and_goes_on_once_it_is_raised() -> None:
    async with served() as (server, script), widget_of(script, max_cost_usd=0.15) as widget:
        assert await eight(widget.ask) == ["Answer 1.", "Answer 2."] + ["BudgetError"] * 6
        assert asked(script) == 2
        assert "`w.max_cost_usd = 0.3`" in str(widget.error)
        await until(widget, "status", lambda status: status == "closed")
        await until(widget, "error", lambda error: error and "max_cost_usd=0.15 is reached" in error)
        with pytest.raises(rt.BudgetError):
            await widget.start()
        assert server.connections == 1, "no session opens for a question that is not sent"
        widget.max_cost_usd = 0.25
        assert await eight(widget.ask) == ["Answer 3."] + ["BudgetError"] * 7
        assert widget.usage.cost_usd == pytest.approx(3 * COST)
        widget.max_cost_usd = None
        assert (await widget.ask("And now?")).text == "Answer 4."
        assert widget.error is None


async def test_limit_that_is_raised_before_the_session_has_closed_keeps_it_or_opens_another() -> None:
    async with served() as (_, script), widget_of(script, max_cost_usd=0.05) as widget:
        for number in range(1, 6):
            assert (await widget.ask("Next")).text == f"Answer {number}."
            assert widget.max_cost_usd is not None
            widget.max_cost_usd += COST


async def test_new_session_of_a_widget_goes_on_with_what_was_spent() -> None:
    async with served() as (server, script), widget_of(script, max_cost_usd=0.15) as widget:
        await widget.ask("One")
        await widget.stop()
        await widget.ask("Two")
        assert server.connections == 2
        assert widget.usage.cost_usd == pytest.approx(2 * COST)
        await widget.stop()
        with pytest.raises(rt.BudgetError):
            await widget.ask("Three")
        with pytest.raises(rt.BudgetError):
            await widget.start()
        assert server.connections == 2


async def test_questions_that_wait_when_the_limit_is_reached_are_refused_and_the_one_under_way_is_answered() -> None:
    async with served() as (_, script), session_of(script, max_cost_usd=0.05) as session:
        came = await asyncio.gather(*(session.ask(f"Question {n}") for n in range(4)), return_exceptions=True)
        assert isinstance(came[0], rt.Turn)
        assert [type(answer).__name__ for answer in came[1:]] == ["BudgetError"] * 3
        assert asked(script) == 1


async def test_tools_run_but_the_model_does_not_continue_after_the_limit() -> None:
    server = Server(plan=["call"], on_response=using(TOKENS))
    async with served(server) as (_, script), session_of(script, tools=[add], max_cost_usd=0.05) as session:
        with pytest.raises(rt.BudgetError):
            await session.ask("What is 2 + 3?")
        assert asked(script) == 1
        session.max_cost_usd = 1
        assert (await session.ask("Well?")).text == "Answer 2."
        outputs = [event["item"].get("output") for event in of_type(script.received, "conversation.item.create")]
        assert outputs == [None, "5", None], "the call is answered all the same"


async def test_question_that_was_lost_with_its_connection_is_not_asked_again_after_the_limit() -> None:
    async def cut(script: Any) -> None:
        await script.socket.close(1011, "")

    def lose_second(events: list[Event], asked: Event) -> list[Any]:
        events = using(TOKENS)(events, asked)
        return events if server.responses != 2 else [*events[:3], cut]

    server = Server(on_response=lose_second)
    async with served(server) as (_, script), session_of(script, reconnect=True, max_cost_usd=0.15) as session:
        await session.ask("One")
        with pytest.raises(rt.BudgetError):
            await session.ask("Two")  # counts like the dearest so far, which reaches the limit
        assert asked(script) == 2


async def test_renewal_of_a_session_is_refused_after_the_limit() -> None:
    async with served() as (server, script), session_of(script, reconnect=True, max_cost_usd=0.05) as session:
        await session.ask("One")
        with pytest.raises(rt.BudgetError):
            await session.renew()
        assert server.connections == 1


async def test_connection_that_is_lost_after_the_limit_is_not_opened_again() -> None:
    async def cut(script: Any) -> None:
        await asyncio.sleep(0.3)
        await script.socket.close(1011, "")

    server = Server(on_response=lambda events, asked: [*using(TOKENS)(events, asked), cut])
    async with served(server) as (_, script), session_of(script, reconnect=True, max_cost_usd=0.05) as session:
        closed = session.connection.wait_for("close", timeout=30)
        await session.ask("One")
        await closed
        assert server.connections == 1


# Speech


def loud(ms: int) -> bytes:
    return bytes((8000 * np.sin(np.arange(24 * ms) * 0.1)).astype("<i2").tobytes())


async def test_microphone_of_a_session_is_refused_and_the_servers_own_answers_are_cancelled_after_the_limit() -> None:
    vad = {"type": "server_vad", "create_response": True, "interrupt_response": True}
    session_config = default_session()
    session_config["audio"]["input"]["turn_detection"] = vad

    def speak_again(events: list[Event], asked: Event) -> list[Event]:
        own = [event for event in spoken(99, {"response": {}}) if event["type"] == "response.created"]
        return [*using(TOKENS)(events, asked), *own]

    def detection() -> Any:
        return of_type(script.received, "session.update")[-1]["session"]["audio"]["input"]["turn_detection"]

    server = Server(on_response=speak_again, session=session_config)
    async with served(server) as (_, script):
        config = {"turn_detection": "server_vad"}
        async with session_of(script, config=config, max_cost_usd=0.05) as session:
            await session.append(loud(200))
            assert (await session.ask("One")).text == "Answer 1."
            with pytest.raises(rt.BudgetError):
                await session.append(loud(200))
            await eventually(lambda: of_type(script.received, "response.cancel"))
            assert [event["response_id"] for event in of_type(script.received, "response.cancel")] == ["resp_99"]
            await eventually(lambda: detection() is None)
            assert len(of_type(script.received, "input_audio_buffer.clear")) == 1
            session.max_cost_usd = 1
            await session.append(loud(200))
            await eventually(lambda: detection() is not None)


async def test_typing_and_talk_of_a_page_say_the_limit_in_the_card_and_send_nothing() -> None:
    async with served() as (server, script), widget_of(script, max_cost_usd=0.05) as widget:
        page = Page(widget)
        page.hello()
        page.send("send", text="Hello")
        await until(widget, "turns", lambda turns: len(turns) == 2)
        # The page plays the answer, and reports that it has.
        await until(widget, "error", lambda error: error and "max_cost_usd=0.05 is reached" in error)
        heard = [{"item_id": "item_1", "content_index": 0, "played": 2400}]
        page.send("play.state", epoch=0, state="idle", items=heard, underruns=0)
        await until(widget, "status", lambda status: status == "closed")
        gestures: list[tuple[str, dict[str, Any]]] = [("mic.open", {}), ("commit", {}), ("retry", {})]
        for kind, fields in [("send", {"text": "And?"}), *gestures]:
            widget._live_controller.soon(widget._live_controller.lifecycle.clear_error)
            page.send(kind, **fields)
            error = await until(widget, "error", lambda error: error is not None)
            assert "max_cost_usd=0.05 is reached" in error, kind
            assert "`w.max_cost_usd = 0.1`" in error, kind
            page.send("mic.frame", loud(40), frame=0, level=0.5)
        await runtime.bring(widget._live_controller.traits.settled())
        assert page.kinds().count("mic.stop") == 1
        assert not widget._live_controller.sound.microphone.capturing
        assert (server.connections, asked(script)) == (1, 1)
        widget.max_cost_usd = 1
        page.send("send", text="And now?")
        await until(widget, "turns", lambda turns: len(turns) == 4)
        assert widget.turns[-1].text == "Answer 2."
        assert not of_type(script.received, "input_audio_buffer.append")


async def test_open_microphone_of_a_page_is_stopped_when_the_limit_is_reached() -> None:
    async with served() as (_, script), widget_of(script, max_cost_usd=0.05) as widget:
        page = Page(widget)
        page.hello()
        await widget.start()
        page.send("mic.open")
        page.send("mic.frame", loud(40), frame=0, level=0.5)
        await until(widget, "status", lambda status: status == "listening")
        page.send("send", text="Hello")
        await until(widget, "error", lambda error: error and "is reached" in error)
        assert not widget._live_controller.sound.microphone.capturing
        assert "mic.stop" in page.kinds(), "the page switches its microphone off"
        before = len(of_type(script.received, "input_audio_buffer.append"))
        page.send("mic.frame", loud(40), frame=1, level=0.5)
        await runtime.bring(widget._live_controller.traits.settled())
        assert len(of_type(script.received, "input_audio_buffer.append")) == before


# What the server reports


@pytest.mark.parametrize(
    "usage",
    [
        {"output_tokens": 1400.0, "output_token_details": {"audio_tokens": 1400.0}},
        {"output_tokens": "1400", "output_token_details": {"audio_tokens": "1400"}},
        {"output_token_details": {"audio_tokens": 1400}},
        {"total_tokens": 1400, "input_tokens": 0, "output_token_details": {"audio_tokens": 1400}},
        {**TOKENS, "input_token_details": None, "of_next_month": {"kind": []}},
    ],
    ids=str,
)
async def test_usage_of_another_shape_counts(usage: Any) -> None:
    server = Server(on_response=using(usage))
    async with served(server) as (_, script), session_of(script, max_cost_usd=0.15) as session:
        assert await eight(session.ask) == ["Answer 1.", "Answer 2."] + ["BudgetError"] * 6
        assert session.conversation.usage.cost_usd == pytest.approx(2 * COST)


async def test_response_without_usage_counts_like_the_dearest_so_far_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    server = Server()
    server.on_response = lambda events, asked: using(TOKENS if server.responses == 1 else None)(events, asked)
    async with served(server) as (_, script), session_of(script, max_cost_usd=0.25) as session:
        assert await eight(session.ask) == ["Answer 1.", "Answer 2.", "Answer 3."] + ["BudgetError"] * 5
        assert session.conversation.usage.cost_usd is None, "a sum without the unknown would look complete"
        assert session.conversation.usage.unreported == 2
    assert caplog.text.count("the server reported no usage for a response") == 1


@pytest.mark.parametrize("usage", [None, {}, {"tokens": 3}, "free of charge"], ids=str)
async def test_limit_counts_as_reached_where_the_server_reports_no_usage_at_all(usage: Any) -> None:
    server = Server(on_response=using(usage))
    async with served(server) as (_, script), session_of(script, max_cost_usd=0.25) as session:
        assert await eight(session.ask) == ["Answer 1."] + ["BudgetError"] * 7
        with pytest.raises(rt.BudgetError, match=r"max_cost_usd=0\.25 cannot hold: .* reports no usage"):
            await session.ask("And?")
        session.max_cost_usd = None
        assert await eight(session.ask) == [f"Answer {n}." for n in range(2, 10)]


# Prices

UNKNOWN = "a-model-without-a-price"


async def test_widget_refuses_a_cost_limit_for_a_model_of_unknown_price_before_it_connects() -> None:
    async with served() as (server, script), widget_of(script, model=UNKNOWN, max_cost_usd=1) as widget:
        with pytest.raises(rt.ConfigError, match=rf"{UNKNOWN}.*rt\.Backend\(url=\.\.\., prices=rt\.Prices\("):
            await widget.ask("Hello")
        assert server.connections == 0
        assert "rt.Prices(" in str(widget.error)
        with pytest.raises(rt.ConfigError, match=r"rt\.Prices\("):
            widget.max_cost_usd = 2
        widget.max_cost_usd = None
        assert (await widget.ask("Hello")).text == "Answer 1."


async def test_session_refuses_a_cost_limit_for_a_model_of_unknown_price_before_anything_is_sent() -> None:
    server = Server(session={**default_session(), "model": UNKNOWN})
    async with served(server) as (_, script), rt.connect(url=script.url) as conn:
        with pytest.raises(rt.ConfigError, match=r"rt\.Prices\("):
            rt.RealtimeSession(conn, PUSH_TO_TALK, max_cost_usd=1)
        session = rt.RealtimeSession(conn, PUSH_TO_TALK)
        with pytest.raises(rt.ConfigError, match=r"rt\.Prices\("):
            session.max_cost_usd = 1
        assert script.received == []


async def test_widget_checks_the_price_of_the_model_that_the_server_names() -> None:
    server = Server(session={**default_session(), "model": UNKNOWN})
    async with served(server) as (_, script), widget_of(script, model=None, max_cost_usd=1) as widget:
        with pytest.raises(rt.ConfigError, match=UNKNOWN):
            await widget.ask("Hello")
        assert script.received == []


async def test_model_that_the_server_does_not_name_has_the_price_of_the_one_that_was_asked_for() -> None:
    nameless = {key: value for key, value in default_session().items() if key != "model"}
    server = Server(session=nameless, on_response=using(TOKENS))
    async with served(server) as (_, script), widget_of(script, max_cost_usd=0.15) as widget:
        assert await eight(widget.ask) == ["Answer 1.", "Answer 2."] + ["BudgetError"] * 6


async def test_prices_of_a_backend_are_used_for_any_model() -> None:
    server = Server(session={**default_session(), "model": UNKNOWN}, on_response=using(TOKENS))
    prices = rt.Prices(text_in=1, text_out=2, audio_in=10, audio_out=100)
    async with served(server) as (_, script):
        backend = rt.Backend(url=script.url, prices=prices)
        widget = rt.RealtimeWidget(backend=backend, model=UNKNOWN, max_cost_usd=0.2)
        assert await eight(widget.ask) == ["Answer 1.", "Answer 2."] + ["BudgetError"] * 6
        assert widget.usage.cost_usd == pytest.approx(0.28)
        await widget.stop()
        widget.close()
        async with (
            rt.connect(backend=backend) as conn,
            rt.RealtimeSession(conn, PUSH_TO_TALK, max_cost_usd=0.1) as session,
        ):
            assert (await eight(session.ask))[1:] == ["BudgetError"] * 7
            assert session.conversation.usage.cost_usd == pytest.approx(0.14)


async def test_kind_of_token_without_a_price_makes_the_limit_count_as_reached() -> None:
    async with served() as (_, script):
        backend = rt.Backend(url=script.url, prices=rt.Prices(text_in=1, text_out=2))
        async with (
            rt.connect(backend=backend) as conn,
            rt.RealtimeSession(conn, PUSH_TO_TALK, max_cost_usd=1) as session,
        ):
            await session.ask("Hello")
            with pytest.raises(rt.BudgetError, match=r"kind of token, of unknown price.*rt\.Prices"):
                await session.ask("And?")


def test_prices_of_a_backend_must_be_prices() -> None:
    with pytest.raises(rt.ConfigError, match=r"prices=\{'text_in': 1\} must be an rt\.Prices"):
        rt.Backend(url="ws://127.0.0.1:1", prices=cast("Any", {"text_in": 1}))


async def test_practice_backend_costs_nothing_by_name_or_address() -> None:
    with rt.LocalServer(pace=0) as local:
        for backend in (local.url, "local"):
            widget = rt.RealtimeWidget(backend=backend, model="gpt-realtime-2.1", max_cost_usd=1e-9)
            await widget.ask("What is two plus two?")
            await widget.ask("And three?")
            assert widget.usage.cost_usd == 0
            assert widget.usage.responses == 2
            await widget.stop()
            widget.close()
        async with (
            rt.connect(url=local.url) as conn,
            rt.RealtimeSession(conn, {"output": "text"}, max_cost_usd=1e-9) as session,
        ):
            await session.ask("What is two plus two?")
            assert session.conversation.usage.cost_usd == 0


# The time, which these tests do not wait for: they set a limit that is over already

OVER = 1e-6


async def test_session_whose_time_is_over_is_refused_until_the_limit_is_raised() -> None:
    async with served() as (_, script), session_of(script) as session:
        told: list[Exception] = []
        session.on_error = told.append
        assert (await session.ask("One")).text == "Answer 1."
        session.max_session_minutes = OVER
        await eventually(lambda: told)
        assert [type(error).__name__ for error in told] == ["BudgetError"]
        assert "max_session_minutes=1e-06 is reached" in str(session.limit_reached)
        with pytest.raises(rt.BudgetError):
            await session.ask("Two")
        session.max_session_minutes = 60
        assert (await session.ask("Two")).text == "Answer 2."


async def test_error_names_the_limit_that_is_still_reached_after_another_was_raised() -> None:
    async with served() as (_, script), session_of(script, max_cost_usd=0.05) as session:
        await session.ask("One")
        session.max_session_minutes = OVER
        with pytest.raises(rt.BudgetError, match="max_cost_usd"):
            await session.ask("Two")
        session.max_cost_usd = 5
        await eventually(lambda: "max_session_minutes" in str(session.limit_reached))
        with pytest.raises(rt.BudgetError, match="max_session_minutes"):
            await session.ask("Two")
        assert asked(script) == 1


async def test_answer_under_way_when_the_time_is_over_is_returned() -> None:
    begun, gate = threading.Event(), threading.Event()

    async def wait(script: Any) -> None:
        begun.set()
        await asyncio.to_thread(gate.wait, 20)

    server = Server(on_response=lambda events, asked: [*events[:4], wait, *events[4:]])
    async with served(server) as (_, script), session_of(script) as session:
        session.on_error = lambda _: gate.set()
        answer = asyncio.ensure_future(session.ask("One", timeout=30))
        await eventually(begun.is_set)
        session.max_session_minutes = OVER
        assert (await answer).text == "Answer 1."
        with pytest.raises(rt.BudgetError):
            await session.ask("Two")


async def test_widget_whose_time_is_over_closes_and_goes_on_once_it_is_raised() -> None:
    async with served() as (server, script), widget_of(script) as widget:
        await widget.ask("One")
        widget.max_session_minutes = OVER
        await until(widget, "status", lambda status: status == "closed")
        await until(widget, "error", lambda error: error and "max_session_minutes=1e-06 is reached" in error)
        with pytest.raises(rt.BudgetError, match=r"`w\.max_session_minutes = "):
            await widget.ask("Two")
        assert server.connections == 1
        widget.max_session_minutes = 30
        assert (await widget.ask("Two")).text == "Answer 2."
        assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 2


# The values


@pytest.mark.parametrize("value", [0, -1, True, "1", float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("name", ["max_session_minutes", "max_cost_usd"])
async def test_a_limit_is_a_number_above_zero(name: str, value: Any) -> None:
    async with served() as (_, script), session_of(script) as session, rt.connect(url=script.url) as another:
        with pytest.raises(errors.ConfigError, match=rf"{name}=.* must be a number above 0, or None"):
            rt.RealtimeSession(another, **cast("dict[str, Any]", {name: value}))
        with pytest.raises(errors.ConfigError, match=rf"{name}=.* must be a number above 0, or None"):
            setattr(session, name, value)
        with pytest.raises(errors.ConfigError, match=rf"{name}=.* must be a number above 0, or None"):
            rt.RealtimeWidget(**cast("dict[str, Any]", {name: value}))
        widget = rt.RealtimeWidget()
        with pytest.raises(errors.ConfigError, match=rf"{name}=.* must be a number above 0, or None"):
            setattr(widget, name, value)
        widget.close()
