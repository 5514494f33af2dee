"""Scenario 11: the page holds the websocket: the conversation is the same, and a busy kernel does not stop audio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.notebook import Notebook
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import CUTS, IMPORT, KEEP, first_cut, holds_the_gil, received, trimmed, without_holes

pytestmark = pytest.mark.alone

_TOOL = """
    @w.tool
    def set_slider(value: int) -> str:
        \"\"\"Set the slider.

        Args:
            value: from 0 to 100.
        \"\"\"
        return f"The slider is at {value}."
"""
_TURNS = """[
    [turn.role, turn.text, turn.status, [[call.name, call.output] for call in turn.tool_calls],
     turn.audio is not None and len(turn.audio.samples) > 2400]
    for turn in w.turns
]"""
_ANSWERS = "[turn for turn in w.turns if turn.role == 'assistant']"


def _widget(transport: str = "browser", **given: Any) -> str:
    rest = "".join(f", {name}={value!r}" for name, value in given.items())
    return f'w = rt.RealtimeWidget(transport="{transport}", turn_detection="server_vad"{rest})\nw'


async def _converse(book: Notebook, card: Card) -> list[Any]:
    """A spoken turn, a typed one, and one that calls a tool."""
    await card.talk.click()
    await book.kernel.until("len(w.turns) == 2", timeout=60)
    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "false")
    await book.lab.until_silence()
    for number, text in enumerate(("Count to three.", "Set the slider to 40.")):
        await card.write(text)
        await book.kernel.until(f"len({_ANSWERS}) >= {2 + number} and not w.live and w.status == 'idle'", timeout=60)
    await book.lab.until_silence()
    turns: list[Any] = await book.kernel.get(_TURNS)
    return turns


@pytest.mark.long
async def test_conversation_is_the_same_with_both_transports(notebook: OpenNotebook, speech: Speech) -> None:
    mic = speech.say("Count to four.")
    told = []
    for transport in ("kernel", "browser"):
        book = await notebook(IMPORT, _widget(transport), KEEP, _TOOL, mic=mic)
        for cell in range(4):
            await book.lab.run(cell)
        card = await Card(book.lab).drawn()
        told.append(await _converse(book, card))
        assert await book.kernel.get("w.transport") == transport
        parts = [await received(book.kernel, item) for item in range(await book.kernel.get("len(sent)"))]
        heard, said = (await book.lab.sound()).whole(), np.concatenate(parts)
        np.testing.assert_array_equal(heard[heard != 0], said[said != 0])
    assert told[0] == told[1]
    assert [turn[0] for turn in told[0]][:2] == ["user", "assistant"]
    assert all(turn[4] for turn in told[0] if turn[0] == "assistant" and turn[1])
    assert told[0][0][4], "the user's sound is with the turn"
    assert any(turn[3] for turn in told[0]), "no tool was called"


async def test_long_c_call_in_the_kernel_does_not_interrupt_audio(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _widget(), KEEP, holds_the_gil(6))
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to twenty.")
    await book.lab.until_sound()
    await book.lab.run(3)
    assert await book.kernel.get("held_s") > 5
    await book.lab.until_silence(seconds=2)
    await book.kernel.until(f"len({_ANSWERS}) == 1")
    sent = trimmed(await received(book.kernel))
    sound = await book.lab.sound()
    played = trimmed(sound.whole())
    # A piece may come late on a busy machine, which makes a pause, but no loss.
    np.testing.assert_array_equal(without_holes(played, sent), sent)
    # Sound that stopped with the kernel would pause for about as long as the call.
    assert (len(played) - len(sent)) / sound.rate < 1
    assert await book.kernel.get("w.transport") == "browser"
    assert await book.kernel.get(f"{_ANSWERS}[0].status") == "completed"


@pytest.mark.long
async def test_an_interruption_while_the_kernel_is_busy(notebook: OpenNotebook, speech: Speech) -> None:
    mic = speech.say("What time is it?")
    book = await notebook(IMPORT, _widget(), KEEP, holds_the_gil(12), mic=mic)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to thirty.")
    await book.lab.until_sound()
    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "true")
    await book.lab.run(3, wait=False)
    await book.lab.until_silence(seconds=0.4)
    assert await book.lab.runs(3), "the kernel was not busy any more"
    await book.kernel.until(f"len({CUTS}) == 1", timeout=60)
    await book.kernel.until(f"len({_ANSWERS}) == 2", timeout=60)
    await book.lab.until_silence(seconds=2)

    cut, second = await first_cut(book), await received(book.kernel, 1)
    assert abs(cut.heard_ms - cut.told_ms) <= 20
    assert not cut.complete, "the whole answer was heard"
    np.testing.assert_array_equal(without_holes(cut.rest, second), trimmed(second))
    assert await book.kernel.get(f"[turn.status for turn in {_ANSWERS}]") == ["interrupted", "completed"]


@pytest.mark.long
async def test_a_new_conversation_begins_over_the_pages_own_socket(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _widget(), KEEP)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to thirty.")
    await book.lab.until_sound()
    await card.root.get_by_role("button", name="New conversation", exact=True).click()
    await expect(card.you).to_have_count(0)
    await book.lab.until_silence()
    assert await book.kernel.get("[w.turns, w.live, w.error]") == [[], [], None]

    await card.write("What is two plus two?")
    await book.kernel.until("len(w.turns) == 2 and not w.live and w.status == 'idle'")
    await expect(card.assistant).to_contain_text(["4"])
    sent = trimmed(await received(book.kernel, 1))
    sound = (await book.lab.sound()).whole()
    np.testing.assert_array_equal(trimmed(sound)[-len(sent) :], sent)
    assert await book.kernel.get("w.transport") == "browser"

    await card.talk.click()
    await book.kernel.until("w.status == 'listening'")
    await book.kernel.run("before = w._controller.state.session; w.reset()")
    await expect(card.you).to_have_count(0)
    await book.kernel.until("w.status == 'listening' and w._controller.state.session is not before")
    await expect(card.root).to_have_attribute("data-mic", "on")
    assert await book.kernel.get("[w.transport, len(w.turns), w.error]") == ["browser", 0, None]
    assert await book.kernel.get("bool(w.health)") is False


async def test_kernel_connects_when_the_page_cannot_and_the_card_explains_it(notebook: OpenNotebook) -> None:
    # A backend beside a remote kernel: a name that means something there, and nothing to the page.
    remote = """
        import socket

        resolve, backend = socket.getaddrinfo, rt.LocalServer().start()

        def resolve_there(host, *rest, **options):
            there = host in ("beside-the-kernel.test", b"beside-the-kernel.test")
            return resolve("127.0.0.1" if there else host, *rest, **options)

        socket.getaddrinfo = resolve_there
        w = rt.RealtimeWidget(
            transport="browser", backend=backend.url.replace("127.0.0.1", "beside-the-kernel.test")
        )
        w
    """
    book = await notebook(IMPORT, remote, KEEP)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to three.")
    await book.lab.until_silence()
    await card.says("Sound goes through the kernel")
    await card.says("could not connect to beside-the-kernel.test")
    assert await book.kernel.get("w.transport") == "kernel"
    assert await book.kernel.get(f"{_ANSWERS}[0].text")


@pytest.mark.parametrize("given", ["key", pytest.param("lambda: key", marks=pytest.mark.long)])
async def test_a_standard_key_never_reaches_the_page(notebook: OpenNotebook, given: str) -> None:
    # Split in the source: what the page shows of the cell is not what is searched for.
    key = "sk-a-standard-key-of-a-person"
    guarded = f"""
        key = "{key[:9]}" + "{key[9:]}"
        guard = rt.LocalServer(token=key).start()
        w = rt.RealtimeWidget(transport="browser", backend=rt.Backend(url=guard.url, api_key={given}))
        w
    """
    book = await notebook(IMPORT, guarded, KEEP)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to three.")
    await book.lab.until_silence()
    assert await book.kernel.get("w.transport") == "browser"
    traffic = b"".join(book.lab.traffic)
    assert b"ek_" in traffic, "nothing that was searched could have held a key"
    assert key.encode() not in traffic
    assert key not in await book.lab.page.content()
    assert key not in book.path.read_text()
