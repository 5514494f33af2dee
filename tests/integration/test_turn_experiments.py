"""`w.ask_again` and `w.compare` over a real socket: what a server gets, what comes back, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.notebook.page.messages import ExperimentMessage
from realtime_nb.testing import Asked, Call, Reply, ScriptedServer, SimulatedBackend, expect, send
from tests.contract.kernel_messages import PageNumbers, decode_kernel
from tests.integration.scripted import answers, created, item_added, updated

TONE = (9000 * np.sin(np.arange(12_000) / 20)).astype(np.int16)
SAID = rt.Utterance(samples=TONE, said="what is the time")
PRICES = rt.Prices(text_in=4, text_out=16, audio_in=32, audio_out=64, transcription_in=1, transcription_out=1)
DETECTION = rt.ServerVad(silence_duration_ms=200)


@asynccontextmanager
async def conversation(**options: Any) -> AsyncIterator[tuple[rt.RealtimeWidget, SimulatedBackend]]:
    """A widget that talks with a simulated backend, with one typed and one spoken turn said."""
    given = {name: options.pop(name) for name in ("answers", "faults") if name in options}
    with SimulatedBackend(base_ms=20, utterances=[SAID], **given) as backend:
        w = rt.RealtimeWidget(
            backend=rt.Backend(url=backend.url, prices=PRICES), turn_detection=DETECTION, instructions="A", **options
        )
        try:
            await w.ask("Hello")
            await w.ask(SAID)
            yield w, backend
        finally:
            w.close()


async def test_recording_is_said_again_under_other_settings_and_the_conversation_stays() -> None:
    async with conversation() as (w, backend):
        turns, cost = w.turns, w.usage.cost_usd
        retake = await w.ask_again(w.turns[-1], instructions="B", voice="cedar")
        asked = backend.asked[-1]
        assert (asked.instructions, asked.voice, asked.words) == ("B", "cedar", "what is the time")
        assert asked.utterance == backend.asked[-2].utterance, "another sound was said"
        assert (retake.text, retake.heard) == ("You said: what is the time", "what is the time")
        assert retake.settings == {"instructions": "B", "voice": "cedar"}
        assert retake.audio is not None
        assert retake.latency.total is not None
        assert (retake.latency.speech_end_to_committed or 0) >= 100, "the silence that ends a turn is waited for"
        assert w.turns == turns
        assert (w.instructions, w.voice) == ("A", None)
        assert w.retakes == (retake,), "a card or an observer would not see it"
        assert retake.cost_usd
        assert w.usage.cost_usd == pytest.approx((cost or 0) + retake.cost_usd)


async def test_typed_turn_has_no_transcript_of_speech() -> None:
    async with conversation() as (w, _):
        retake = await w.ask_again(w.turns[0], instructions="B")
        assert (retake.utterance.text, retake.heard) == ("Hello", "")
        assert "heard" not in retake._repr_html_()


async def test_turns_before_it_are_restored_and_those_after_it_are_not() -> None:
    def words(expected: str) -> Callable[[dict[str, Any]], bool]:
        return lambda item: expected in str(item["content"])

    steps = [created(), expect("session.update"), send(updated)]
    for said in ("one", "first", "two"):
        steps += [expect("conversation.item.create", item=words(said)), send(item_added)]
    steps += [expect("response.create"), *answers("resp_1", "item_1", "again")]
    history = [("user", "one"), ("assistant", "first"), ("user", "two"), ("assistant", "second"), ("user", "three")]
    async with ScriptedServer(steps) as server:
        w = rt.RealtimeWidget(backend=rt.Backend(url=server.url), output="text", history=history)
        retake = await w.ask_again(w.turns[3])  # the answer stands for its question
        assert retake.text == "again"
        assert [turn.role for turn in retake.turns] == ["user", "assistant"]
        w.close()


async def test_history_can_be_left_out_or_replaced() -> None:
    async with conversation() as (w, backend):
        before = w.usage.input_tokens
        assert (await w.ask_again(-1, history=())).text
        alone = w.usage.input_tokens - before
        assert (await w.ask_again(-1)).text
        assert w.usage.input_tokens - before - alone > alone
        with pytest.raises(rt.ConfigError, match=r"history\[0\]"):
            await w.ask_again(-1, history=[3])
        assert len(backend.asked) == 4


async def test_two_instructions_are_answered_side_by_side_in_their_order() -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(text=f"{asked.instructions}: {asked.words}", audio_ms=200)

    async with conversation(answers=answer) as (w, _):
        both = await w.compare(w.turns[2], "B <img src=x onerror=alert(1)>", None, {"speed": 1.2})
        assert [each.name for each in both] == ["B <img src=x onerror=alert(1)>", "the same settings", "speed=1.2"]
        assert [each.text[:1] for each in both] == ["B", "A", "A"]
        page = both._repr_html_()
        assert page.count("<audio") == 3
        assert "<img" not in page
        assert "what is the time" in page


async def test_failure_of_one_side_does_not_lose_the_other() -> None:
    async with conversation(faults=lambda session: "close" if session == 1 else None) as (w, _):
        both = await w.compare(0, "B", "C")
        assert [bool(each.error) for each in both] == [True, False]
        assert both[1].text


async def test_answer_that_fails_raises_and_says_why() -> None:
    async with conversation(faults=lambda session: "fail" if session else None) as (w, _):
        with pytest.raises(rt.RealtimeError, match="got no"):
            await w.ask_again(0)
        assert w.retakes[-1].error
        assert w.status != "error", "the conversation itself goes on"


async def test_answer_that_does_not_end_is_given_up_after_the_timeout() -> None:
    async with conversation(faults=lambda session: "never" if session else None) as (w, _):
        with pytest.raises(TimeoutError, match=r"within 0\.3 s after the end of speech"):
            await w.ask_again(0, timeout=0.3)


async def test_tools_run_again_unless_they_are_left_out() -> None:
    ran: list[str] = []

    def look_up(city: str) -> str:
        """Look a city up."""
        ran.append(city)
        return "sunny"

    def answer(asked: Asked) -> Reply:
        if "look_up" in asked.tools and not asked.tool_outputs:
            return Reply(calls=[Call("look_up", {"city": asked.instructions})])
        return Reply(text=f"It is {asked.tool_outputs}")

    async with conversation(answers=answer, tools=[look_up]) as (w, _):
        ran.clear()
        retake = await w.ask_again(0, instructions="Bern")
        assert ran == ["Bern"]
        assert [call.output for call in retake.tool_calls] == ["sunny"]
        assert (await w.ask_again(0, tools=(), instructions="Rome")).tool_calls == ()
        assert ran == ["Bern"]


async def test_limit_that_is_reached_ends_it_and_costs_no_more() -> None:
    async with conversation() as (w, backend):
        cost = (await w.ask_again(0)).cost_usd
        assert cost
        w.max_cost_usd = (w.usage.cost_usd or 0) + cost / 2
        both = await w.compare(0, "B", "C")
        assert both[0].text
        assert "max_cost_usd" in str(both[1].error)
        asked = len(backend.asked)
        with pytest.raises(rt.BudgetError, match="max_cost_usd"):
            await w.ask_again(0)
        assert len(backend.asked) == asked
        w.max_cost_usd = None
        assert (await w.ask_again(0)).text


async def test_cancelling_or_closing_ends_the_sessions() -> None:
    async with conversation(faults=lambda session: "never" if session else None) as (w, backend):
        waiting = asyncio.ensure_future(w.ask_again(0))
        while len(backend.asked) < 3:  # noqa: ASYNC110 - the backend announces nothing
            await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        while not w.retakes:  # noqa: ASYNC110 - the trait follows
            await asyncio.sleep(0.02)
        assert w.retakes[-1].error == "cancelled"
        asking = asyncio.ensure_future(w.compare(0, "B", "C"))
        while len(backend.asked) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        w.close()
        with pytest.raises(rt.RealtimeError, match="closed"):
            await asking


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"instrutions": "B"}, "Did you mean 'instructions'"),
        ({"speed": 9}, "speed"),
        ({"tool_choice": "look"}, "no tool"),
        ({"timeout": 0}, "timeout"),
        ({"model": 3}, "model"),
        ({"variant": rt.Variant("x", backend="ws://127.0.0.1:9/")}, "make a widget with that backend"),
    ],
)
async def test_bad_setting_is_refused_before_anything_is_opened(settings: dict[str, Any], words: str) -> None:
    w = rt.RealtimeWidget(backend="ws://127.0.0.1:9/v1/realtime", history=[("user", "Hello")])
    with pytest.raises(rt.ConfigError, match=words):
        await w.ask_again(0, **settings)
    assert w.retakes == ()
    w.close()


async def test_page_asks_again_keeps_and_hears_it() -> None:
    async with conversation() as (w, backend):
        got: list[Any] = []
        controller = w._live_controller
        controller.channel._send = lambda content, buffers: got.append(decode_kernel(content, buffers))
        numbers = PageNumbers()

        def say(kind: str, **fields: Any) -> None:
            controller.receive({"v": 1, "seq": numbers.next(kind), "page": "p", "kind": kind, **fields}, None)

        async def until(condition: Callable[[], object]) -> None:
            async with asyncio.timeout(20):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

        def last(kind: str) -> Any:
            return next((each for each in reversed(got) if type(each).__struct_config__.tag == kind), None)

        await w.ask_again(0)
        say("hello", version=1)
        item_id = w.turns[2].item_id
        say("keep", item_id=item_id, on=True)
        await until(lambda: len(w.kept) == 1 and last("turn") and last("turn").turn.kept)
        assert w.kept[0].label == "what is the time"
        say(
            "ask.again", item_id=item_id, sides=[{"changes": [{"name": "instructions", "value": "B"}]}, {"changes": []}]
        )
        await until(lambda: last("experiment") and [each.state for each in last("experiment").sides] == ["done"] * 2)
        first, second = last("experiment").sides
        assert (first.name, second.name) == ("B", "the same settings")
        assert first.text == "You said: what is the time"
        assert first.latency.total
        assert [asked.instructions for asked in backend.asked[3:]] == ["B", "A"]
        await until(lambda: [each.text for each in w.retakes[1:]] == [first.text, second.text])
        got.clear()
        controller.receive({"v": 1, "seq": 1, "page": "another", "kind": "hello", "version": 1}, None)
        await until(lambda: last("experiment"))
        # A card shows what was asked from the card; what a cell asks is shown below that cell.
        assert len([each for each in got if isinstance(each, ExperimentMessage)]) == 1
        assert [each.text for each in last("experiment").sides] == [first.text, second.text]
        say("clip", item_id=first.id)
        await until(lambda: last("clip") and last("clip").item_id == first.id)
        for bad, why in (
            ({"name": "speed", "value": 99}, "speed"),
            ({"name": "instructions", "value": "x" * 100_001}, "100000"),
            ({"name": "turn_detection", "value": {"type": "odd"}}, "turn_detection"),
        ):
            got.clear()
            say("ask.again", item_id=item_id, sides=[{"changes": [bad]}])
            await until(lambda: last("refused"))
            assert why in last("refused").why
        got.clear()
        say("ask.again", item_id="gone", sides=[{"changes": []}])
        await until(lambda: last("refused"))
        say("clip", item_id="retake_9_9")
        say("ask.cancel", experiment="experiment_9")
        await until(lambda: sum(type(each).__struct_config__.tag == "refused" for each in got) == 3)
        assert len(backend.asked) == 5
