"""A page that vanishes without a word, on a real comm of a real kernel, as when its notebook's tab is closed in Lab."""

from __future__ import annotations

from tests.kernels import running_kernel

_IMPATIENT = """
import realtime_nb as rt
from realtime_nb.notebook import parking
from realtime_nb.notebook.page import lease, pages
pages._LEAST_PATIENCE_S, lease._SWEEP_S, parking._UNVIEWED_S = 1.0, 0.2, 0.5
w = rt.RealtimeWidget(backend="local", turn_detection=None)
"""


def test_a_session_is_parked_when_a_page_with_its_microphone_on_sends_no_more() -> None:
    with running_kernel(7) as kernel:
        kernel.run(_IMPATIENT)
        send = kernel.page_messages(kernel.value("w.comm.comm_id"))
        send("hello", version=1)
        send("views", count=1)
        send("heartbeat", every=0.05, sound=0, got=0)
        send("mic.open")
        frames = 0

        def speak() -> None:
            nonlocal frames
            send("mic.frame", bytes(1920), frame=frames, level=0.1, sent=False, at=40 * frames)
            frames += 1

        kernel.until(lambda: frames % 25 == 24 and kernel.value("w.status") == "listening", page=speak)
        assert kernel.value("w.health.parked") == "None"
        # The tab is closed: no `mic.close`, no `views`, no `bye` (docs/notebook.md 36).
        kernel.until(lambda: "No page shows the card any more" in kernel.value("w.health.parked"))
        kernel.until(lambda: kernel.value("w.status") == "idle")
        assert kernel.value("w.health.microphone_frames") == str(frames)
        assert kernel.value("w.health.microphone_frames_missing") == "0"
