"""What the page's numbered streams cost the kernel, beside what Jupyter pays for the same message on its socket.

CPU per message: a microphone frame from the comm handler to the queue of the session, against Jupyter's reading of it;
a sound delta from the session to the comm, against Jupyter's writing of it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from jupyter_client.session import Session

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import check_settings
from realtime_nb.notebook.controller import Controller
from realtime_nb.notebook.options import Options
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from tests.bench.table import Line

_COUNT = 4000
_ROUNDS = 9
_PAGE = "p-7f3a22d0"
_FRAME = bytes(1920)
_DELTA = bytes(4800)


def lines() -> Iterator[Line]:
    """Yield a line for each direction."""
    found = asyncio.run(_measure())
    for name, ours, theirs in (("microphone frame", "frame", "reading"), ("sound delta", "delta", "writing")):
        yield Line(
            f"comm, {name}",
            f"{found[ours]:.1f} µs",
            f"Jupyter's {theirs} of it {found[theirs]:.1f} µs",
            f"{found[ours] / found[theirs]:.2f}",
            "0.3",
        )


async def _measure() -> dict[str, float]:
    controller = Controller(
        send=lambda content, buffers: None,
        write=lambda values: None,
        options=Options(),
        config=SessionConfig(check_settings({})),
    )
    receive, microphone = controller._inbox.receive, controller.sound.microphone
    microphone.open(_PAGE)
    session = Session(key=b"key")
    channel = Channel(lambda content, buffers: None)
    number = 0

    def content() -> dict[str, Any]:
        nonlocal number
        number += 1
        numbers = {"v": 1, "seq": number, "page": _PAGE, "frame": number - 1, "at": 40 * number}
        return {**numbers, "kind": "mic.frame", "level": 0.25, "sent": False}

    def frame() -> None:
        receive(m.decode_page(content(), [memoryview(_FRAME)]))
        if number % 100 == 0:
            microphone.clear()

    def delta() -> None:
        channel.send(m.AudioMessage(epoch=1, item_id="item_1", content_index=0, start=number), sound=_DELTA)

    def writing(sound: bytes = _DELTA) -> list[bytes]:
        data = {"method": "custom", "content": content()}
        message = session.msg("comm_msg", {"comm_id": "c", "data": data})
        return [*session.serialize(message), sound]

    travelled = writing(_FRAME)[1:]  # without the delimiter

    def reading() -> None:
        session.digest_history.clear()  # it takes a message that it has seen for a repeated one
        session.deserialize(travelled)

    number = 0
    taken: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for act in (frame, reading, delta, writing):
            before = number
            taken.setdefault(act.__name__, []).append(_cpu_us(act))
            number = number if act is frame else before
    controller.traits.close()
    return {name: statistics.median(values) for name, values in taken.items()}


def _cpu_us(act: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    for _ in range(_COUNT):
        act()
    return (time.process_time() - began) / _COUNT * 1e6
