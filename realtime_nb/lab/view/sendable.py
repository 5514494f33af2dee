"""Messages that can leave the kernel: half of a surrogate pair has no UTF-8, and one would lose a whole message.

Owns the check. Must not know messages. A variant's name or a kept run may hold such halves.
"""

from __future__ import annotations

import json
from typing import Any

from realtime_nb.texts import whole_characters, with_texts


def sendable(content: dict[str, Any]) -> dict[str, Any]:
    """Return a message's content; where half of a surrogate pair is in it, a copy with `?` in its place."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        found: dict[str, Any] = with_texts(content, whole_characters)
        return found
    return content
