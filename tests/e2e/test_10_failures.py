"""Scenario 10: for each reason why a connection fails, the card names the reason and the remedy."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.scenes import IMPORT

_SERVERS = """
    from realtime_nb.testing import ScriptedServer, close, raw

    guarded = rt.LocalServer(token="right").start()
    closing = ScriptedServer([close(1011, "out of order")]).__enter__()
    babbling = ScriptedServer([raw("¿que?"), raw('{"type": 7}'), close(1000)]).__enter__()
"""

_CASES = {
    "no key": ('backend="openai"', r"OPENAI_API_KEY"),
    "wrong key": ('backend=rt.Backend(url=guarded.url, api_key="wrong")', r"401|key"),
    "unreachable": ('backend="ws://127.0.0.1:1/v1/realtime"', r"127\.0\.0\.1:1 refused"),
    "closes at once": ("backend=closing.url", r"out of order|1011"),
    "nonsense": ("backend=babbling.url", r"does not speak the Realtime API"),
}


async def test_every_failure_is_explained_in_the_card(notebook: OpenNotebook) -> None:
    cells = [f"w{number} = rt.RealtimeWidget({given})\nw{number}" for number, (given, _) in enumerate(_CASES.values())]
    book = await notebook(IMPORT, _SERVERS, *cells)
    await book.lab.run(0)
    await book.lab.run(1)
    for number, (name, (_, words)) in enumerate(_CASES.items()):
        await book.lab.run(2 + number)
        card = await Card(book.lab, number).drawn()
        await card.root.scroll_into_view_if_needed()
        await card.write("Hello!")
        await card.until("error", "closed")
        error = await book.kernel.until(f"w{number}.error")
        assert re.search(words, error), f"{name}: {error}"
        assert "Traceback" not in error
        # Shown whole, up to how it is set: the first sentence is a title.
        for word in error.split()[:6]:
            await expect(card.root).to_contain_text(word)


@pytest.mark.long
async def test_typing_works_without_the_practice_voice_and_the_card_explains_it(notebook: OpenNotebook) -> None:
    # What an environment without the extra starts, found as "local" finds its own.
    plain = """
        from realtime_nb.local import servers

        servers.servers[None] = rt.LocalServer(voice="plain").start()
    """
    book = await notebook(IMPORT, plain, 'w = rt.RealtimeWidget(backend="local")\nw')
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.says("pip install 'realtime-nb[local]'")
    await card.write("What time is it?")
    await expect(card.assistant.first).to_contain_text("It is", timeout=30_000)
    await book.lab.until_silence()
