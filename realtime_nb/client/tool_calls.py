"""Calls that a response asks for: run, answered once each, and followed by one response.

Owns the batch of calls of one response (protocol notes 26 to 29). Must not know sockets or widgets. Runs beside the
receive loop: a call of a function is a task of its own; a call of an MCP server is the service's, and is waited for.
The service makes no response of its own after either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from realtime_nb.client.responses import ResponseRequest
from realtime_nb.client.restoring import output_item_id
from realtime_nb.tools import Tool, error_output
from realtime_nb.wire.realtime import FunctionCallItem, McpCallItem, Response, function_output, to_dict

__all__ = ["ToolRunner"]

_REMEMBERED = 512


@dataclass
class _Batch:
    """The calls of one response."""

    marker: int
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    served: dict[str, McpCallItem] = field(default_factory=dict)
    unserved: set[str] = field(default_factory=set)
    left_to_user: bool = False
    response: Response | None = None

    @property
    def over(self) -> bool:
        """Whether all of it is answered."""
        return self.response is not None and not self.unserved and all(task.done() for task in self.tasks.values())


class ToolRunner:
    """Runs tools for a session.

    Args:
        tools: the functions by name, looked up when a call comes.
        declared: whether the server was told of a tool of this name, by whatever way.
        send: takes a client event, at once and in order.
        create: asks for the response that follows a batch.
        progress: told of each call: id, `"running"` / `"completed"` / `"failed"`, and the output.
        marker: a number that changes when the user takes the turn; a batch begun before that asks for no response.
    """

    def __init__(
        self,
        *,
        tools: Callable[[], Mapping[str, Tool]],
        declared: Callable[[str], bool],
        send: Callable[[dict[str, Any]], None],
        create: Callable[[], ResponseRequest],
        progress: Callable[[str, str, str | None], None],
        marker: Callable[[], int],
    ) -> None:
        self._tools = tools
        self._declared = declared
        self._send = send
        self._create = create
        self._progress = progress
        self._marker = marker
        self._batches: dict[str, _Batch] = {}
        # Kept beyond their batch: whoever waits for the answer may look after the batch is over.
        self._followups: dict[str, asyncio.Future[ResponseRequest | None]] = {}
        self._answered: dict[str, None] = {}  # call ids, bounded, oldest first: a call is announced in three shapes
        self._served: dict[str, None] = {}  # ids of MCP calls that are over, the same way

    def item_done(self, response_id: str, item: Any) -> None:
        """An output item is complete: run it if it is a call whose arguments are whole."""
        if isinstance(item, McpCallItem):
            self._mcp_call(response_id, item)
            return
        if not isinstance(item, FunctionCallItem) or item.status not in ("completed", None):
            return  # the arguments of an incomplete call may be cut off
        call_id = item.call_id or ""
        if not call_id or call_id in self._answered:
            return
        _remember(self._answered, call_id)
        batch = self._batch(response_id)
        tool = self._tools().get(item.name)
        if (tool is None and self._declared(item.name)) or (tool is not None and tool.function is None):
            batch.left_to_user = True  # declared without a function: whoever did so answers it
            return
        call = self._call(tool, item, call_id)
        batch.tasks[call_id] = asyncio.get_running_loop().create_task(call, name=f"tool {item.name}")
        batch.tasks[call_id].add_done_callback(lambda _: self._complete(response_id))

    def _mcp_call(self, response_id: str, item: McpCallItem) -> None:
        if not item.id or item.id in self._answered:
            return
        _remember(self._answered, item.id)
        batch = self._batch(response_id)
        batch.served[item.id] = item
        if item.output is None and item.error is None and item.id not in self._served:
            batch.unserved.add(item.id)

    def mcp_call_over(self, item_id: str | None, *, responding: bool = True) -> None:
        """The service has called an MCP server, whatever came of it.

        Args:
            item_id: of the call.
            responding: whether a response runs; its end will tell whether the call was its own. A call that somebody
                had to approve belongs to none, and nothing else asks for its answer.
        """
        if not item_id:
            return
        _remember(self._served, item_id)
        for response_id, batch in list(self._batches.items()):
            if item_id in batch.served:
                batch.unserved.discard(item_id)
                self._complete(response_id)
                return
        if not responding and item_id not in self._answered:
            _remember(self._answered, item_id)
            self._create()

    def response_done(self, response: Response) -> None:
        """The parent has ended: its batch is whole, once its calls have answered."""
        for item in response.output or ():
            self.item_done(response.id or "", item)
        batch = self._batches.get(response.id or "")
        if batch is not None:
            batch.response = response
            self._complete(response.id or "")

    def _batch(self, response_id: str) -> _Batch:
        if response_id not in self._batches:
            self._batches[response_id] = _Batch(self._marker())
            self._followups[response_id] = asyncio.get_running_loop().create_future()
            while len(self._followups) > _REMEMBERED:
                del self._followups[next(iter(self._followups))]
        return self._batches[response_id]

    async def followup(self, response_id: str) -> ResponseRequest | None:
        """The request for the response after this one's calls; None where there is none."""
        waiting = self._followups.get(response_id)
        return await asyncio.shield(waiting) if waiting is not None else None

    @property
    def taken(self) -> Set[str]:
        """The ids of the calls that were taken on, newest last."""
        return self._answered.keys()

    def ran_for(self, response_id: str) -> bool:
        """Whether a response's calls were taken on."""
        return response_id in self._followups

    def pending(self) -> list[str]:
        """The names of the tasks under way, for messages."""
        names: list[str] = []
        for batch in self._batches.values():
            names += [task.get_name() for task in batch.tasks.values() if not task.done()]
            names += [f"MCP tool {batch.served[item_id].name}" for item_id in sorted(batch.unserved)]
        return names

    def stop(self) -> None:
        """The session is over: nobody can be answered any more."""
        for waiting in self._followups.values():
            if not waiting.done():
                waiting.set_result(None)
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            for task in batch.tasks.values():
                task.cancel()

    async def _call(self, tool: Tool | None, item: FunctionCallItem, call_id: str) -> None:
        self._progress(call_id, "running", None)
        if tool is None:
            known = ", ".join(sorted(self._tools())) or "none"
            output = error_output(f"there is no tool {item.name!r}; the tools are: {known}")
        else:
            output = await tool.call(item.arguments)
        answer = function_output(call_id, output, id=output_item_id(call_id))
        self._send({"type": "conversation.item.create", "item": to_dict(answer)})
        self._progress(call_id, "failed" if output.startswith('{"error":') else "completed", output)

    def _complete(self, response_id: str) -> None:
        batch = self._batches.get(response_id)
        if batch is None or batch.response is None or not batch.over:
            return
        del self._batches[response_id]
        wanted = (
            (batch.tasks or batch.served)
            and not batch.left_to_user
            and batch.response.status in ("completed", None)
            and batch.marker == self._marker()
        )
        following = self._create() if wanted else None
        waiting = self._followups.get(response_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(following)


def _remember(known: dict[str, None], key: str) -> None:
    known[key] = None
    while len(known) > _REMEMBERED:
        del known[next(iter(known))]
