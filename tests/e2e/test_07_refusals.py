"""Scenario 7: a page that writes traits which it may not write, and a page without a microphone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.page import LabPage
from tests.e2e.scenes import IMPORT

_WIDGET = "w = rt.RealtimeWidget()\nw"

_WATCH_THE_LOG = """
    import logging

    class Keep(logging.Handler):
        def emit(self, record):
            complaints.append(record.getMessage())

    complaints = []
    logging.getLogger("realtime_nb").addHandler(Keep())
"""

_SEND = """async ([id, data, bytes]) => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const comm = await kernel._comms.get(id);
  await comm.send(data, undefined, bytes === null ? undefined : [new Uint8Array(bytes)]).done;
}"""


async def _send(lab: LabPage, model: str, data: dict[str, Any], size: int | None = None) -> None:
    await lab.page.evaluate(_SEND, [model, data, size])


def _custom(**content: Any) -> dict[str, Any]:
    return {"method": "custom", "content": content}


async def test_page_cannot_write_traits_that_it_must_not(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _WIDGET, _WATCH_THE_LOG)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("What time is it?")
    await book.lab.until_silence()
    await card.until("listening", "idle")
    model = await book.kernel.get("w.model_id")
    state = "[w.status, len(w.turns), w.usage.responses, w.effective.get('voice'), w.muted, w.level]"
    before = await book.kernel.get(state)

    for name, value in {
        "status": "speaking",
        "turns": [],
        "live": [{"role": "assistant"}],
        "usage": {},
        "effective": {},
        "error": "<b>trust me</b>",
        "level": 0.5,
        "_esm": "alert(1)",
        "voice": {"not": "a voice"},
        "speed": "fast",
    }.items():
        await _send(book.lab, model, {"method": "update", "state": {name: value}, "buffer_paths": []})
        await book.kernel.until(f"any({name!r} in each for each in complaints)", timeout=10)
    # A well-formed message of a page that never opened its microphone: not reported, and without effect.
    junk = [
        (_custom(), None),
        (_custom(v=1, kind="nonsense", seq=1, page="p"), None),
        (_custom(v=99, kind="hello", seq=1, page="p"), None),
        (_custom(v=1, kind="mic.frame", seq="one", page="p", frame=0, level=0.1), 1920),
        (_custom(v=1, kind="mic.frame", seq=1, page="p", frame=0, level=0.1), 4_000_001),
        (_custom(v=1, kind="send", seq=1, page="p", text={"a": 1}), None),
    ]
    for number, (data, size) in enumerate(junk):
        count = await book.kernel.get("len(complaints)")
        await _send(book.lab, model, data, size)
        assert await book.kernel.until(f"len(complaints) > {count}", timeout=10), number

    assert await book.kernel.get(state) == before
    assert await book.kernel.get("w.error") is None
    await expect(card.you).to_have_count(1)
    await card.write("Hello!")
    await book.kernel.until("len(w.turns) == 4")


@pytest.mark.parametrize(
    ("reason", "world", "remedy"),
    [
        ("denied", {"permission": "denied"}, "allow the microphone"),
        pytest.param("missing", {"mic": None}, "connect", marks=pytest.mark.long),
        pytest.param("insecure", {"secure": False}, "https", marks=pytest.mark.long),
    ],
)
async def test_missing_microphone_is_explained_and_typing_works(
    notebook: OpenNotebook, reason: str, world: dict[str, Any], remedy: str
) -> None:
    book = await notebook(IMPORT, _WIDGET, **world)
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await card.says(remedy)
    await expect(card.talk).to_have_attribute("aria-pressed", "false")
    assert await book.kernel.until("w.microphone_error and w.microphone_error.reason") == reason
    await card.write("What time is it?")
    await expect(card.assistant.first).to_contain_text("It is", timeout=30_000)
