"""Records every websocket frame of every kernel, and validates them at the end with the official SDK's types.

Owns the startup script that records in the kernel, and the validation. Must not know scenarios. The validation runs
here, not in the kernel, because loading the SDK there would change what the scenarios measure.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from tests.sdk_validator import check_client, check_server

_STARTUP = """
def _keep_frames(folder):
    import itertools, os, pathlib
    from realtime_nb.client.transport.websocket import WebSocketTransport as Transport

    numbers, send, recv, init = itertools.count(), Transport.send, Transport.recv, Transport.__init__

    def kept_init(self, *args, **options):
        init(self, *args, **options)
        self._kept = (pathlib.Path(folder) / f"{os.getpid()}-{next(numbers)}.frames").open("ab", buffering=0)

    def keep(self, side, frame):
        self._kept.write(side + (frame.encode() if isinstance(frame, str) else bytes(frame)) + b"\\n")

    async def kept_send(self, frame):
        keep(self, b">", frame)
        await send(self, frame)

    async def kept_recv(self):
        frame = await recv(self)
        keep(self, b"<", frame)
        return frame

    Transport.__init__, Transport.send, Transport.recv = kept_init, kept_send, kept_recv


_keep_frames({folder!r})
del _keep_frames
"""


def keep_frames(ipython_dir: Path, folder: Path) -> None:
    """Make every kernel of this IPython folder record its frames in `folder`, one file for each connection."""
    folder.mkdir(parents=True, exist_ok=True)
    startup = ipython_dir / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-frames.py").write_text(_STARTUP.replace("{folder!r}", repr(str(folder))))


def judge(folder: Path) -> tuple[int, list[str]]:
    """Return the number of frames that were validated, and the errors found.

    A server whose first event is not `session.created` sends invalid events on purpose: its frames are not validated.
    """
    judged, wrong = 0, []
    for path in sorted(folder.glob("*.frames")):
        lines = path.read_bytes().splitlines()
        first = next((line[1:] for line in lines if line[:1] == b"<"), b"")
        faithful = b'"session.created"' in first
        for line in lines:
            check = check_client if line[:1] == b">" else check_server if faithful else None
            if check is None:
                continue
            judged += 1
            try:
                check(line[1:])
            except (ValidationError, AssertionError, json.JSONDecodeError, ValueError) as error:
                wrong.append(f"{path.name}: {line[:200]!r}: {error}")
    return judged, wrong
