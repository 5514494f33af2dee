"""`w.fork(...)` over a real socket: what the server of a fork gets, and how forks end, wait and count."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.testing import ScriptedServer
from tests.contract.kernel_messages import PageNumbers
from tests.faults.server import Server, add, of_type

SPEECH = (8000 * np.sin(np.arange(12_000) / 20)).astype(np.int16)
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


@pytest.fixture
async def widget(listening: ScriptedServer) -> AsyncIterator[rt.RealtimeWidget]:
    made = _made(listening)
    yield made
    for fork in made.branches:
        fork.close()
    made.close()


def _made(listening: ScriptedServer, **options: Any) -> rt.RealtimeWidget:
    return rt.RealtimeWidget(
        backend=listening.url, turn_detection=None, transcription=False, instructions="Be kind.", **options
    )


class Page:
    """A simulated page: sends comm messages."""

    def __init__(self, widget: rt.RealtimeWidget, name: str = "p") -> None:
        self._name = name
        self._receive = widget._live_controller.receive
        self._numbers = PageNumbers()
        self.send("hello", version=1)
        self.send("play.state", epoch=0, state="blocked", items=[], underruns=0)  # no gesture yet: nothing sounds
        self.send("views", count=1)

    def send(self, kind: str, **fields: Any) -> None:
        self._receive({"v": 1, "seq": self._numbers.next(kind), "page": self._name, "kind": kind, **fields}, None)


def _items(events: list[Any]) -> list[tuple[str, Any]]:
    """Role and first content of the items that a server got, or type and name or output."""
    items = [event["item"] for event in of_type(events, "conversation.item.create")]
    return [
        (item["role"], item["content"][0].get("text", item["content"][0]["type"]))
        if item["type"] == "message"
        else (item["type"], item.get("name", item.get("output")))
        for item in items
    ]


def _sound(events: list[Any]) -> bytes:
    return b"".join(base64.b64decode(event["audio"]) for event in of_type(events, "input_audio_buffer.append"))


async def _until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - traits are written on another thread
            await asyncio.sleep(0.02)


async def test_spoken_turn_is_said_again_under_other_settings_after_what_was_said_before(
    widget: rt.RealtimeWidget, listening: ScriptedServer
) -> None:
    await widget.ask("Hello")
    await widget.ask(SPEECH)
    await widget.ask("Later")
    fork = widget.fork(2, instructions="Be brief.", voice="cedar")
    answer = await fork.first_answer()
    got = listening.scripts[1].received
    updates = [event["session"] for event in of_type(got, "session.update")]
    assert updates[0]["instructions"] == "Be brief."
    assert updates[0]["audio"]["output"]["voice"] == "cedar"
    assert _items(got) == [("user", "Hello"), ("assistant", "Answer 1.")]
    assert _sound(got) == SPEECH.tobytes()
    assert answer == fork.turns[-1]
    assert [turn.role for turn in fork.turns] == ["user", "assistant"] * 2
    assert len(widget.turns) == 6, "the original goes on unchanged"
    await widget.ask("Still here?")


async def test_calls_and_pictures_of_earlier_turns_reach_the_fork_and_its_tools_run(server: Server) -> None:
    server.plan = ("call", "say", "say", "call", "say")
    with server.start() as listening:
        widget = _made(listening, tools=[add])
        await widget.ask("What is 2 + 3?")
        await widget.ask(rt.Utterance("And this?", images=[PICTURE]))
        fork = widget.fork(turn=widget.turns[2])
        answer = await fork.first_answer()
        got = listening.scripts[1].received
        assert _items(got)[:4] == [
            ("user", "What is 2 + 3?"),
            ("function_call", "add"),
            ("function_call_output", "5"),
            ("assistant", widget.turns[1].text),
        ]
        asked = of_type(got, "conversation.item.create")[4]["item"]["content"]
        assert {part["type"] for part in asked} == {"input_text", "input_image"}
        assert [part["image_url"] for part in asked if "image_url" in part] == [PICTURE]
        assert [(call.name, call.output) for call in answer.tool_calls] == [("add", "5")]
        fork.close()
        widget.close()


async def test_fork_of_a_fork_has_the_history_of_both(widget: rt.RealtimeWidget, listening: ScriptedServer) -> None:
    await widget.ask("One")
    await widget.ask("Two")
    fork = widget.fork(2)
    await fork.first_answer()
    await fork.ask("Three")
    twig = fork.fork(speed=1.1)
    await twig.first_answer()
    said = [turn.text for turn in twig.turns if turn.role == "user"]
    assert said == ["One", "Two", "Three"]
    assert twig.parent is fork
    assert [words for role, words in _items(listening.scripts[2].received) if role == "user"] == said


async def test_interrupted_answer_is_history_as_far_as_it_was_heard(
    widget: rt.RealtimeWidget, listening: ScriptedServer
) -> None:
    page = Page(widget)
    page.send("lease")
    page.send("play.state", epoch=0, state="playing", items=[], underruns=0)
    asking = asyncio.ensure_future(widget.ask("Tell me a story"))
    await _until(lambda: widget.status == "speaking")
    (answer,) = [turn for turn in (*widget.turns, *widget.live) if turn.role == "assistant"]
    played = [{"item_id": answer.item_id, "content_index": 0, "played": 0}]
    page.send("play.stopped", epoch=0, items=played, cause="user")
    page.send("interrupt")
    await asking
    await _until(lambda: widget.turns[-1].status == "interrupted")
    page.send("bye")
    await widget.ask("Stop. What time is it?")
    fork = widget.fork()
    await fork.first_answer()
    assert _items(listening.scripts[1].received) == [
        ("user", "Tell me a story"),  # and nothing of the answer, of which nothing was heard
        ("user", "Stop. What time is it?"),
    ]


async def test_fork_while_the_original_answers_leaves_the_answer_out() -> None:
    reached, loop = asyncio.Event(), asyncio.get_running_loop()

    def stalled(events: list[Any], asked: Any) -> list[Any]:
        if slow.responses != 2:
            return events
        loop.call_soon_threadsafe(reached.set)
        return events[:5]  # in the middle of the answer

    slow = Server(on_response=stalled)
    with slow.start() as listening:
        widget = _made(listening)
        await widget.ask("One")
        asking = asyncio.ensure_future(widget.ask("Two", timeout=None))
        await reached.wait()
        await _until(lambda: len(widget.turns) == 3)
        fork = widget.fork(2)
        answer = await fork.first_answer()
        assert answer.text == "Answer 3."
        assert _items(listening.scripts[1].received) == [("user", "One"), ("assistant", "Answer 1."), ("user", "Two")]
        assert not asking.done(), "the original still waits for its answer"
        fork.close()
        widget.close()
        with pytest.raises(rt.RealtimeError):
            await asking


async def test_question_of_a_fork_comes_before_any_other(widget: rt.RealtimeWidget) -> None:
    await widget.ask("One")
    fork = widget.fork(0)
    await fork.ask("Two")
    assert [turn.text for turn in fork.turns if turn.role == "user"] == ["One", "Two"]


async def test_forks_speak_one_after_the_other_in_a_page_and_side_by_side_without_one(server: Server) -> None:
    open_now, most = 0, 0

    async def begins(script: Any) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.1)

    async def ends(script: Any) -> None:
        nonlocal open_now
        open_now -= 1

    def watched(events: list[Any], asked: Any) -> list[Any]:
        return [begins, *events[:-1], ends, events[-1]]

    server.on_response = watched
    with server.start() as listening:
        widget = _made(listening)
        await widget.ask("One")
        alone = [widget.fork(0, speed=1 + n / 10) for n in range(4)]
        await asyncio.gather(*(fork.first_answer() for fork in alone))
        assert most > 1
        most = 0
        Page(widget)
        await runtime.bring(asyncio.sleep(0))
        in_page = [widget.fork(0, speed=1 + n / 10) for n in range(4)]
        await asyncio.gather(*(fork.first_answer() for fork in in_page))
        assert most == 1
        for fork in (*alone, *in_page, widget):
            fork.close()


@pytest.mark.parametrize("end", ["close", "stop", "reset"])
async def test_fork_that_ends_before_its_answer_says_so(end: str) -> None:
    reached, loop = asyncio.Event(), asyncio.get_running_loop()

    def silent(events: list[Any], asked: Any) -> list[Any]:
        if slow.responses == 1:
            return events
        loop.call_soon_threadsafe(reached.set)
        return []

    slow = Server(on_response=silent)
    with slow.start() as listening:
        widget = _made(listening)
        await widget.ask("One")
        fork = widget.fork(0)
        answer = asyncio.ensure_future(fork.first_answer())
        await reached.wait()
        result = getattr(fork, end)()
        if result is not None:
            await result
        with pytest.raises(rt.RealtimeError, match="before the answer"):
            await answer
        fork.close()
        widget.close()


async def test_error_of_the_service_is_raised_each_time_and_shown_in_the_card_of_the_fork(server: Server) -> None:
    with server.start() as listening:
        widget = _made(listening)
        await widget.ask("One")
        fork = widget.fork(0, backend="ws://127.0.0.1:9/v1/realtime")
        for _ in range(2):
            with pytest.raises(rt.ConnectError):
                await fork.first_answer()
        assert fork.error
        assert widget.error is None
        fork.close()
        widget.close()


async def test_cost_of_a_fork_counts_against_the_limit_of_the_original(server: Server) -> None:
    prices = rt.Prices(text_in=1, text_out=1, audio_in=1, audio_out=1)
    with server.start() as listening:
        backend = rt.Backend(url=listening.url, prices=prices)
        options: dict[str, Any] = {"backend": backend, "turn_detection": None, "transcription": False}
        widget = rt.RealtimeWidget(**options, max_cost_usd=0.00007)  # an answer of this server costs 0.00003
        await widget.ask("One")
        fork = widget.fork(0)
        await fork.first_answer()
        assert (widget.usage.responses, fork.usage.responses) == (1, 1)
        last = widget.fork(0)
        await last.first_answer()
        for each in (widget, fork, last):
            with pytest.raises(rt.BudgetError, match="max_cost_usd"):
                await each.ask("Two")
        with pytest.raises(rt.BudgetError, match=r"`w\.max_cost_usd"):
            widget.fork(0)
        widget.max_cost_usd = 1
        await fork.ask("Two")
        for each in (fork, last, widget):
            each.close()


async def test_page_opens_and_closes_branches_of_a_card(widget: rt.RealtimeWidget, listening: ScriptedServer) -> None:
    await widget.ask("Hello")
    page = Page(widget)
    page.send("fork", item_id=widget.turns[0].item_id, instructions="Be brief.")
    page.send("fork", item_id=widget.turns[0].item_id, instructions=None)
    await _until(lambda: len(widget._branches) == 2)
    first, second = widget.branches
    await first.first_answer()
    await second.first_answer()
    assert (first.instructions, second.instructions) == ("Be brief.", "Be kind.")
    assert [shown["changes"] for shown in widget._branches] == ["instructions='Be brief.'", "the same settings"]
    page.send("branch.close", branch="no-such-model")
    page.send("branch.close", branch=first.model_id)
    await _until(lambda: len(widget._branches) == 1)
    assert (first.status, list(widget.branches)) == ("closed", [second])
    widget.close()
    assert second.status == "closed", "only the closed card showed it"


async def test_page_that_names_no_turn_or_opens_too_many_branches_is_refused_in_words(
    widget: rt.RealtimeWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_nb.widget.forking.MOST_IN_CARD", 1)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append(content))
    await widget.ask("Hello")
    page = Page(widget)
    for item_id in ("item_nowhere", widget.turns[0].item_id, widget.turns[0].item_id):
        page.send("fork", item_id=item_id, instructions=None)
    await _until(lambda: len([each for each in sent if each["kind"] == "refused"]) == 2)
    first, second = [each["why"] for each in sent if each["kind"] == "refused"]
    assert "That turn cannot be forked" in first
    assert "close one first" in second
    assert len(widget.branches) == 1


async def test_fork_on_the_practice_backend_hears_the_speech_again() -> None:
    widget = rt.RealtimeWidget(backend="local")
    clip = (await widget.ask("Hello!")).audio
    assert clip is not None
    await widget.ask(clip)
    fork = widget.fork(turn_detection=rt.ServerVad(silence_duration_ms=300))
    answer = await fork.first_answer()
    assert answer.text
    assert answer.audio is not None
    asked = fork.turns[2].audio
    assert asked is not None
    assert abs(asked.duration_ms - clip.duration_ms) < 1
    fork.close()
    widget.close()
