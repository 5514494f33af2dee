"""A page's part of the comm, for tests: checks a kernel's messages and numbers the page's, as `js/src/comm/` does."""

from __future__ import annotations

from typing import Any, Union

import msgspec

from realtime_nb.notebook.page import messages as m

_MAX_BUFFER = 10 * 1024 * 1024
_ANY_KERNEL_MESSAGE: Any = Union[tuple(m.KernelMessage.__subclasses__())]  # noqa: UP007

_PAGE_KINDS = {kind.__struct_config__.tag: kind for kind in m.PageMessage.__subclasses__()}


class PageNumbers:
    """Numbers the messages of a page in their streams."""

    def __init__(self) -> None:
        self._last = {"state": 0, "sound": 0}

    def next(self, kind: str) -> int:
        """Return the number of the page's next message of this kind."""
        stream = _PAGE_KINDS[kind].stream
        self._last[stream] += 1
        return self._last[stream]


def decode_kernel(content: Any, buffers: list[bytes] | None = None) -> m.KernelMessage:
    """Return the checked message of a kernel.

    Raises:
        BadMessage: anything is missing, of a wrong type, out of range, too large or unknown.
    """
    what = content.get("kind") if isinstance(content, dict) else None
    what = what if isinstance(what, str) else "message"
    if isinstance(content, dict) and "seq" not in content:
        raise m.BadMessage(what, "no seq")
    try:
        message: m.KernelMessage = msgspec.convert(content, _ANY_KERNEL_MESSAGE)
    except (msgspec.ValidationError, RecursionError) as error:
        raise m.BadMessage(what, str(error)) from None
    size = sum(len(buffer) for buffer in buffers or [])
    if isinstance(message, m.SocketSend):
        if not 0 < size <= m.PART_BYTES:
            raise m.BadMessage(what, f"a part of {size} bytes; expected 1 to {m.PART_BYTES}")
    elif isinstance(message, m.AudioMessage | m.ClipMessage) != bool(size) or size % 2 or size > _MAX_BUFFER:
        raise m.BadMessage(what, f"{size} bytes of sound")
    return message
