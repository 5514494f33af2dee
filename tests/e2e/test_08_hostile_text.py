"""Scenario 8: a transcript is untrusted text."""

from __future__ import annotations

from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.scenes import IMPORT

_MARKUP = '<img src=x onerror="window.pwned = true"><script>window.pwned = true</script>'
_BIDI = "left \u202egnitirw \u202edesrever\u202c and \u05e9\u05dc\u05d5\u05dd \u2067 end"


async def test_hostile_text_is_inert_and_readable(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, 'w = rt.RealtimeWidget(output="text")\nw')
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    for text in (_MARKUP, _BIDI):
        await card.write(text)
        await book.kernel.until(f"any(turn.text == {text!r} for turn in w.turns)")
        await expect(card.you.last).to_contain_text(text)
    await card.until("listening", "idle")
    assert await book.lab.page.evaluate("() => window.pwned === undefined")
    assert await card.root.locator("img, script, iframe").count() == 0
    # What is beside the hostile text reads as it did: its direction ends with it.
    await expect(card.talk).to_have_css("direction", "ltr")

    await book.kernel.run("turn = await w.ask('word ' * 20_000)")
    long = card.you.last
    shown = await long.inner_text()
    assert "word word word" in shown
    box = await card.root.bounding_box()
    assert box is not None
    assert box["height"] < 1200, "a long turn scrolls inside the card"
    overflow = "(card) => card.scrollWidth - card.clientWidth"
    assert await card.root.evaluate(overflow) <= 0
    await book.kernel.run(f"turn = await w.ask({'x' * 5000!r})")
    assert await card.root.evaluate(overflow) <= 0, "a word without end breaks"
    await card.write("What time is it?")
    await expect(card.assistant.last).to_contain_text("It is")
