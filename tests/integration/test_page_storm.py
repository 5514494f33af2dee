"""A kernel survives hostile and random messages of pages: nothing raises, memory stays bounded, good pages go on."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import math
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.notebook.controller import Controller
from realtime_nb.notebook.page import channel
from realtime_nb.testing import ScriptedServer
from tests.contract.kernel_messages import PageNumbers
from tests.faults.server import Server
from tests.simulated.piles import bytes_of

MESSAGES = 10_000
_GOLDEN = json.loads((Path(__file__).parents[1] / "contract" / "messages.json").read_text())
_CASES: list[dict[str, Any]] = [case for case in _GOLDEN if case["direction"] == "page"]
_VALID = [case for case in _CASES if case["valid"]]
_TURNS = ["send", "retry", "reset"]  # each of them is a wish that is granted, not a message to survive
_NUMBERS: list[Any] = [0, -1, 1, 2, 3, 64, 65, 4096, 2**31, 2**53, 2**53 + 1, 2**64, -(2**63), 0.5, 1.0, 1e300]
_ODD: list[Any] = [*_NUMBERS, math.nan, math.inf, None, True, "", "1", "x" * 600, "\ud800", [], {}, [[1, 2]], b"\0\0"]
_PAGES = ["p", "q", "ghost"]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_FIRST_ASK_S", 0.001)
    monkeypatch.setattr(channel, "_LONGEST_PAUSE_S", 0.002)


class Stage:
    """A widget with an open session, whose pages are simulated by comm messages."""

    def __init__(self, listening: ScriptedServer) -> None:
        self.widget = rt.RealtimeWidget(
            backend=listening.url,
            turn_detection=None,
            transcription=False,
            history=[("user", f"{number} " * 300) for number in range(40)],
        )
        self.controller: Controller = self.widget._live_controller
        self.sent: list[dict[str, Any]] = []
        self.controller.channel._send = lambda content, buffers: self.sent.append(content)

    def receive(self, content: Any, buffers: list[Any]) -> None:
        self.controller.receive(content, buffers)

    async def settled(self) -> None:
        """Wait until our loop has acted on what was received, and on what followed from it."""
        for _ in range(3):
            await runtime.bring(self.controller.traits.settled())
        async with asyncio.timeout(60):
            while self.controller.lifecycle._tasks:  # noqa: ASYNC110 - tasks of another loop
                await asyncio.sleep(0.01)

    def kept(self) -> int:
        """Return the bytes that the messages of pages have left behind."""
        parts = self.controller
        held = (parts._inbox._senders, parts.pages._pages, parts.channel._rings, parts.sound.microphone)
        return bytes_of((*held, parts.state.conversation.store))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    with Server().start() as listening:
        made = Stage(listening)
        await made.widget.ask("Hello")
        yield made
        await made.widget.stop()
        made.widget.close()


class NewPage:
    """A page that keeps to the rules."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.name = name
        self._stage = stage
        self._numbers = PageNumbers()

    def send(self, kind: str, *buffers: bytes, **fields: Any) -> None:
        content = {"v": 1, "seq": self._numbers.next(kind), "page": self.name, "kind": kind, **fields}
        self._stage.receive(content, list(buffers))


async def _good_page_works(stage: Stage, name: str) -> None:
    stage.sent.clear()
    page = NewPage(stage, name)
    page.send("hello", version=1)
    page.send("mic.open")
    frames = stage.widget.health.microphone_frames
    for number in range(5):
        page.send("mic.frame", bytes(1920), frame=number, level=0.1)
    page.send("mic.close", frames=5)
    page.send("heartbeat", every=1, sound=7, got=0)
    await stage.settled()
    mine = [content for content in stage.sent if content.get("to") == name]
    assert [content["kind"] for content in mine] == ["snapshot", "heartbeat"]
    assert (mine[-1]["got"], mine[-1]["got_sound"]) == (2, 7)
    assert stage.widget.health.microphone_frames == frames + 5
    page.send("send", text="Still there?")
    async with asyncio.timeout(60):
        while not _answered(stage.widget, "Still there?"):  # noqa: ASYNC110 - traits are written on another thread
            await asyncio.sleep(0.02)
    page.send("bye")


def _answered(widget: rt.RealtimeWidget, text: str) -> bool:
    roles = [turn.role for turn in itertools.dropwhile(lambda turn: turn.text != text, widget.turns)]
    return roles[:1] == ["user"] and "assistant" in roles


def _hostile(dice: random.Random) -> tuple[Any, list[Any]]:
    """Return a message that is random, damaged, or good with numbers that no page would choose."""
    case = dice.choice(_CASES)
    content: Any = dict(case["content"])
    buffers: list[Any] = [bytes(case["buffer_bytes"])] if "buffer_bytes" in case else []
    content["page"] = dice.choice(_PAGES)
    if dice.random() < 0.7:
        content["seq"] = dice.choice([dice.randrange(0, 40), dice.randrange(0, 5000), dice.choice(_NUMBERS)])
    damage = dice.random()
    if damage < 0.3:
        content[dice.choice([*content])] = dice.choice(_ODD)
    elif damage < 0.35:
        content.pop(dice.choice([*content]))
    elif damage < 0.4:
        buffers = dice.choice([[], [b""], [b"\0"], [bytes(4802)], [bytes(10), bytes(10)], [memoryview(bytes(1920))]])
    elif damage < 0.42:
        content = dice.choice(_ODD)
    if isinstance(content, dict) and content.get("kind") in _TURNS:
        content["kind"] = "heartbeat"
    return content, buffers


@pytest.mark.parametrize("seed", [20_261_128, 7])
async def test_ten_thousand_hostile_messages_raise_nothing_and_stop_no_good_page(
    stage: Stage, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(seed)
    faults: list[Any] = []
    runtime.loop().call_soon_threadsafe(runtime.loop().set_exception_handler, lambda _, context: faults.append(context))
    caplog.set_level(logging.INFO)
    try:
        for count in range(MESSAGES):
            stage.receive(*_hostile(dice))
            if count % 500 == 0:
                await stage.settled()
        await stage.settled()
        await _good_page_works(stage, "good")
    finally:
        runtime.loop().call_soon_threadsafe(runtime.loop().set_exception_handler, None)
    assert faults == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert stage.kept() < 40 * 2**20


def _numbered(kind: str, seq: int, page: str, **fields: Any) -> dict[str, Any]:
    return {"v": 1, "seq": seq, "page": page, "kind": kind, **fields}


def _every_second_number(number: int) -> tuple[dict[str, Any], list[bytes]]:
    frame = _numbered("mic.frame", 2 * number + 2, "p", frame=number, level=0.5)
    return frame, [bytes(4800)]


def _large_frames_of_a_socket_without_the_first(number: int) -> tuple[dict[str, Any], list[bytes]]:
    content = _numbered("socket.frame", number + 2, "p", socket=1, part=number, last=False)
    return content, [bytes(512 * 1024) if number % 20 == 0 else bytes(100)]


def _long_texts_without_the_first(number: int) -> tuple[dict[str, Any], list[bytes]]:
    return _numbered("mic.error", 2 * number + 2, "p", reason="denied", message=f"{number} " * 300), []


def _heartbeats_that_announce_one_more(number: int) -> tuple[dict[str, Any], list[bytes]]:
    return _numbered("heartbeat", number + 1, "p", every=0.01, sound=2 * number, got=2**53), []


def _acknowledgements_of_what_was_never_sent(number: int) -> tuple[dict[str, Any], list[bytes]]:
    ranges = [[2 * each + number, 2 * each + number + 2**40] for each in range(1, 65)]
    return _numbered("gap" if number % 2 else "lost", 0, "p", of=("state", "sound")[number // 2 % 2], ranges=ranges), []


def _new_pages(number: int) -> tuple[dict[str, Any], list[bytes]]:
    return _numbered("hello", 1, f"page-{number}", version=1), []


def _greetings(number: int) -> tuple[dict[str, Any], list[bytes]]:
    return _numbered("hello", number + 1, "p", version=number), []


def _replays(number: int) -> tuple[dict[str, Any], list[bytes]]:
    return _numbered("mic.frame", 1 + number % 3, "p", frame=number, level=0), [bytes(4800)]


def _playback_of_unknown_items(number: int) -> tuple[dict[str, Any], list[bytes]]:
    items = [{"item_id": f"{number}-{each}", "content_index": 0, "played": 2**53} for each in range(64)]
    kind = ("play.state", "play.stopped")[number % 2]
    fields: dict[str, Any] = {"state": "playing", "underruns": number} if number % 2 == 0 else {"cause": "flush"}
    return _numbered(kind, number + 1, "p", epoch=2**53 - number, items=items, **fields), []


_FLOODS = [
    _every_second_number,
    _large_frames_of_a_socket_without_the_first,
    _long_texts_without_the_first,
    _heartbeats_that_announce_one_more,
    _acknowledgements_of_what_was_never_sent,
    _new_pages,
    _greetings,
    _replays,
    _playback_of_unknown_items,
]


@pytest.mark.parametrize("flood", _FLOODS, ids=lambda flood: flood.__name__.strip("_"))
async def test_a_flood_of_one_kind_keeps_memory_bounded(stage: Stage, flood: Any) -> None:
    def ring(count: int) -> None:
        for number in range(count):
            stage.receive(*flood(number))

    ring(MESSAGES)
    await runtime.bring(asyncio.sleep(0))
    kept = stage.kept()
    assert kept < 40 * 2**20
    await stage.settled()
    await _good_page_works(stage, "good")
