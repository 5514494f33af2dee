"""Tool calls: their progress, and which turn shows them.

Owns the rule that a call is shown in the turn of the answer that follows it; until an answer comes, the first call of a
run is a turn by itself. Must not know how functions are run.
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
from .store import ConversationStore
from .turn import ToolStatus

_STATUSES: dict[str, ToolStatus] = {status: status for status in get_args(ToolStatus)}


def note_call(store: ConversationStore, record: ItemRecord, *, call_id: str, name: str) -> None:
    """Records that an item is a tool call, with its call id and name where they are known."""
    if record.kind not in (None, "other", "call"):
        return
    record.kind, record.role = "call", "assistant"
    store.has_calls = True
    record.name = name or record.name
    if record.call_id is None and call_id:
        record.call_id = call_id
        store.calls.setdefault(call_id, record.id)
        if (output := store.outputs.pop(call_id, None)) is not None:
            note_output(store, call_id, output)


def note_output(store: ConversationStore, call_id: str, output: str) -> None:
    """Records a call's output. A call that failed on our side stays failed: its output is the error text."""
    item_id = store.calls.get(call_id)
    if item_id is None:
        store.outputs[call_id] = output
        return
    call = store.items[item_id]
    call.output = output
    if call.call_status != "failed":
        call.call_status = "completed"
    store.mark_changed(item_id)


def on_tool_progress(c: Conversation, event: ToolProgress, at: float | None, out: list[Change]) -> None:
    """Records the progress of a function that this client runs."""
    item_id = c.store.calls.get(event.call_id)
    if item_id is None:
        return
    call = c.store.items[item_id]
    call.call_status = _STATUSES.get(event.status, "running")
    call.output = event.output if event.output is not None else call.output
    c.store.mark_changed(item_id)


def on_mcp_call(
    c: Conversation,
    event: ResponseMcpCallInProgress | ResponseMcpCallCompleted | ResponseMcpCallFailed,
    at: float | None,
    out: list[Change],
) -> None:
    """Records the progress of an MCP call, which the service runs."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    note_call(c.store, record, call_id=record.id, name="")
    if isinstance(event, ResponseMcpCallInProgress):
        record.call_status = "running" if record.call_status == "in_progress" else record.call_status
    else:
        record.call_status = "completed" if isinstance(event, ResponseMcpCallCompleted) else "failed"
    c.store.mark_changed(record.id)


def regroup_around(store: ConversationStore, item_id: str) -> list[str]:
    """Assigns the calls before and after an item to their turns; returns the items whose turns may have changed."""
    at = store.order.position(item_id)
    start = at
    while (previous := store.order.at(start - 1)) is not None and not is_boundary(store, store.items[previous]):
        start -= 1
    stop = at
    passed = False
    while (following := store.order.at(stop)) is not None:
        stop += 1
        if is_boundary(store, store.items[following]):
            if passed or following != item_id:
                break
            passed = True
    return regroup(store, (i for p in range(start, stop) if (i := store.order.at(p)) is not None))


def regroup(store: ConversationStore, item_ids: Iterable[str]) -> list[str]:
    """Assigns the calls among `item_ids`, which begin after a boundary, to turns; returns the items to show again."""
    touched: dict[str, None] = {}
    run: list[str] = []

    def assign(owner: str, *, passed: bool) -> None:
        for call_id in run:
            call = store.items[call_id]
            touched[call_id] = None
            if call.owner is not None and call.owner != owner:
                touched[call.owner] = None
            call.owner = owner
            call.calls = []
            store.lone_calls.pop(call_id, None)
        store.items[owner].calls = run.copy()
        touched[owner] = None
        if store.items[owner].kind == "call":
            store.lone_calls[owner] = None
            store.items[owner].passed = passed

    for item_id in item_ids:
        item = store.items[item_id]
        if item.kind == "call" and not store.hidden(item):
            run.append(item_id)
        elif is_boundary(store, item):
            if item.role == "assistant":
                if run or item.calls:
                    assign(item_id, passed=False)
            elif run:
                assign(run[0], passed=True)  # the user's next turn came first: no answer will follow
            run = []
    if run:
        assign(run[0], passed=False)
    return list(touched)
