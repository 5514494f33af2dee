"""Scenario 9: an API key stays in the kernel's memory."""

from __future__ import annotations

from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.scenes import IMPORT

_KEY = "sk-sentinel-3f9a1c7e5b2d"

_LISTEN = """
    import logging, io
    logged = io.StringIO()
    logging.basicConfig(stream=logged, level=logging.DEBUG, force=True)
    server = rt.LocalServer(token=key).start()
"""
_WIDGET = "w = rt.RealtimeWidget(backend=rt.Backend(url=server.url, api_key=key))\nw"
_WRONG = 'wrong = rt.RealtimeWidget(backend=rt.Backend(url="ws://127.0.0.1:1/v1/realtime", api_key=key))\nwrong'

_TELL = """
    import json, traceback

    told = [repr(w), repr(wrong), repr(w.events), repr(w.connection)]
    told += [repr(w._controller.state.endpoint), repr(w._controller.state.options)]
    told += [json.dumps(each.get_state(), default=repr) for each in (w, wrong)]
    told += [repr(rt.Backend(url="ws://127.0.0.1:1/", api_key=key)), w.transcript]
    for attempt in (
        lambda: rt.Backend(url="ws://127.0.0.1:1/?api_key=" + key),
        lambda: rt.connect(url="ws://127.0.0.1:1/v1/realtime", api_key=key),
        lambda: rt.connect(url=server.url, api_key=key + "x"),
    ):
        try:
            await attempt()
            told.append("nothing was refused")
        except rt.RealtimeError as error:
            told.append("".join(traceback.format_exception(error)).replace("key + ", ""))
    w.save("kept.html")
    told.append(open("kept.html").read())
    print(*told)
"""


async def test_no_key_leaves_the_kernel(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _LISTEN, _WIDGET, _WRONG, _TELL)
    # Not in a cell: what a person writes into a cell is in the notebook, and is theirs.
    await book.kernel.run(f"key = {_KEY!r}; import os; os.environ['OPENAI_API_KEY'] = key")
    for cell in range(4):
        await book.lab.run(cell)
    card, wrong = await Card(book.lab).drawn(), await Card(book.lab, 1).drawn()
    await card.write("What time is it?")
    await expect(card.assistant.first).to_contain_text("It is", timeout=30_000)
    await wrong.write("Hello!")
    await wrong.says("127.0.0.1:1")
    await book.lab.run(4)
    await book.lab.save()

    logged = await book.kernel.get("logged.getvalue()")
    assert "realtime_nb" in logged or "websockets" in logged
    assert len(book.lab.traffic) > 20
    places = {
        "comm": b"".join(book.lab.traffic),
        "notebook": book.path.read_bytes(),
        "log": logged.encode(),
        "server's log": book.server.log_path.read_bytes(),
        "page": (await book.lab.page.content()).encode(),
        "console": "\n".join(book.lab.messages).encode(),
    }
    found = [place for place, data in places.items() if _KEY.encode() in data]
    assert not found
    assert b"Bearer" not in places["comm"]
