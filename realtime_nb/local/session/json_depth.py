"""Refuse JSON that is nested so deeply that reading, copying or encoding it later would exhaust Python's stack.

Owns the limit. Must not know events.
"""

from __future__ import annotations

import re

from realtime_nb.local.session.refusal import refusal

MAX_DEPTH = 100  # schemas of real tools stay below 20

_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def check_depth(text: str | bytes) -> None:
    """Check how deeply objects and lists are nested in a JSON text; a text that is not JSON may pass.

    Raises:
        WireError: deeper than `MAX_DEPTH`.
    """
    # Sound has one bracket in a megabyte: to look for a second is all that it costs.
    if isinstance(text, str):
        if text.find("{", 1) < 0 and text.find("[", 1) < 0:
            return
    elif text.find(b"{", 1) < 0 and text.find(b"[", 1) < 0:
        return
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for mark in _MARKS.finditer(raw):
        match mark[0][:1]:
            case b"{" | b"[":
                depth += 1
                if depth > MAX_DEPTH:
                    message = f"The JSON is nested more than {MAX_DEPTH} levels deep."
                    raise refusal(message, code="invalid_json")
            case b"}" | b"]":
                depth -= 1
