"""Tool calls: their progress, and which turn shows them.

Owns the rule: calls belong to the answer that follows them; while there is none, the first of them is the turn.
Must not know how functions are run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from realtime_nb.wire.realtime import ResponseMcpCallCompleted, ResponseMcpCallFailed, ResponseMcpCallInProgress

from .build_turn import is_boundary
from .changes import Change
from .conversation import Conversation
from .local_events import ToolProgress
from .records import ItemRecord
from .store import Ledger
from .turn import ToolStatus

__all__ = ["note_call", "note_output", "on_mcp_call", "on_tool_progress", "regroup", "regroup_around"]

_STATUSES: dict[str, ToolStatus] = {status: status for status in get_args(ToolStatus)}


def note_call(ledger: Ledger, record: ItemRecord, *, call_id: str, name: str) -> None:
    """Notes that an item is a call, and what is known of it."""
    if record.kind not in (None, "call"):
        return
    record.kind, record.role = "call", "assistant"
    ledger.has_calls = True
    record.name = name or record.name
    if record.call_id is None and call_id:
        record.call_id = call_id
        ledger.calls.setdefault(call_id, record.id)
        if (output := ledger.outputs.pop(call_id, None)) is not None:
            note_output(ledger, call_id, output)


def note_output(ledger: Ledger, call_id: str, output: str) -> None:
    """Notes a call's answer; an answer that says no more than ours leaves our verdict alone."""
    item_id = ledger.calls.get(call_id)
    if item_id is None:
        ledger.outputs[call_id] = output
        return
    call = ledger.items[item_id]
    call.output = output
    if call.call_status != "failed":
        call.call_status = "completed"
    ledger.touch(item_id)


def on_tool_progress(c: Conversation, event: ToolProgress, at: float | None, out: list[Change]) -> None:
    """Notes how a function runs on our side."""
    item_id = c.ledger.calls.get(event.call_id)
    if item_id is None:
        return
    call = c.ledger.items[item_id]
    call.call_status = _STATUSES.get(event.status, "running")
    call.output = event.output if event.output is not None else call.output
    c.ledger.touch(item_id)


def on_mcp_call(
    c: Conversation,
    event: ResponseMcpCallInProgress | ResponseMcpCallCompleted | ResponseMcpCallFailed,
    at: float | None,
    out: list[Change],
) -> None:
    """Notes how a call runs on the service's side."""
    record = c.ledger.standing(event.item_id, at)
    if record is None:
        return
    note_call(c.ledger, record, call_id=record.id, name="")
    if isinstance(event, ResponseMcpCallInProgress):
        record.call_status = "running" if record.call_status == "in_progress" else record.call_status
    else:
        record.call_status = "completed" if isinstance(event, ResponseMcpCallCompleted) else "failed"
    c.ledger.touch(record.id)


def regroup_around(ledger: Ledger, item_id: str) -> list[str]:
    """Assigns the calls before and behind an item to their turns; returns the items that it concerns."""
    at = ledger.order.position(item_id)
    start = at
    while (previous := ledger.order.at(start - 1)) is not None and not is_boundary(ledger, ledger.items[previous]):
        start -= 1
    stop = at
    passed = False
    while (following := ledger.order.at(stop)) is not None:
        stop += 1
        if is_boundary(ledger, ledger.items[following]):
            if passed or following != item_id:
                break
            passed = True
    return regroup(ledger, (i for p in range(start, stop) if (i := ledger.order.at(p)) is not None))


def regroup(ledger: Ledger, item_ids: Iterable[str]) -> list[str]:
    """Assigns the calls of a stretch of items, which begins behind a boundary, to their turns."""
    touched: dict[str, None] = {}
    run: list[str] = []

    def assign(owner: str, *, passed: bool) -> None:
        for call_id in run:
            call = ledger.items[call_id]
            touched[call_id] = None
            if call.owner is not None and call.owner != owner:
                touched[call.owner] = None
            call.owner = owner
            call.calls = []
            ledger.lone_calls.pop(call_id, None)
        ledger.items[owner].calls = run.copy()
        touched[owner] = None
        if ledger.items[owner].kind == "call":
            ledger.lone_calls[owner] = None
            ledger.items[owner].passed = passed

    for item_id in item_ids:
        item = ledger.items[item_id]
        if item.kind == "call" and not ledger.hidden(item):
            run.append(item_id)
        elif is_boundary(ledger, item):
            if item.role == "assistant":
                if run or item.calls:
                    assign(item_id, passed=False)
            elif run:
                assign(run[0], passed=True)  # the user went on: no answer will follow
            run = []
    if run:
        assign(run[0], passed=False)
    return list(touched)
