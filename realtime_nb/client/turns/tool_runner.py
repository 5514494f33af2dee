"""Run the function calls of a response, answer each once, and ask for one response after all of them.

Owns the batch of calls of one response (docs/protocol.md 26 to 28), and what else must end before the next response
(`hold_back`). Must not know sockets or widgets. Each call is a task of its own: the receive loop never waits for one.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import traceback
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from realtime_nb.client.reconnect.replay_items import output_item_id
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.event_sender import EventSender
from realtime_nb.client.turns.response_queue import ResponseQueue, ResponseRequest
from realtime_nb.conversation import ToolProgress
from realtime_nb.redact import hide_held
from realtime_nb.tools import Tool, error_output
from realtime_nb.wire.realtime import FunctionCallItem, MessageItem, Response, function_output, to_dict

_log = logging.getLogger("realtime_nb")
_REMEMBERED = 512


@dataclass
class _Batch:
    """The calls of one response."""

    marker: int
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    left_to_user: bool = False
    joined: bool = False
    response: Response | None = None


class ToolRunner:
    """Runs tools for a session.

    Args:
        config: has the functions, and those that the server has echoed.
        sender: sends the outputs.
        responses: queues the response that follows a batch.
        feed: gets the progress of each call.
    """

    def __init__(
        self, config: SessionConfig, sender: EventSender, responses: ResponseQueue, feed: ConversationFeed
    ) -> None:
        self._config = config
        self._sender = sender
        self._responses = responses
        self._feed = feed
        self._batches: dict[str, _Batch] = {}
        # Kept beyond their batch: `ask` may look for the next response after the batch has ended.
        self._followups: dict[str, asyncio.Future[ResponseRequest | None]] = {}
        # Call ids, bounded, oldest first: one call is announced in three events (docs/protocol.md 26).
        self._answered: dict[str, None] = {}

    def on_item_done(self, response_id: str, item: Any) -> None:
        """Run a completed output item if it is a call whose arguments are whole."""
        if not isinstance(item, FunctionCallItem) or item.status not in ("completed", None):
            return  # the arguments of an incomplete call may be cut off (docs/protocol.md 26)
        call_id = item.call_id or ""
        if not call_id or call_id in self._answered:
            return
        self._answered[call_id] = None
        while len(self._answered) > _REMEMBERED:
            del self._answered[next(iter(self._answered))]
        batch = self._batch(response_id)
        tool = self._config.tools.get(item.name)
        if (tool is None and self._config.declares_tool(item.name)) or (tool is not None and tool.function is None):
            batch.left_to_user = True  # declared without a function: the user's code answers it by hand
            return
        call = self._call(tool, item, call_id)
        batch.tasks[call_id] = asyncio.get_running_loop().create_task(call, name=f"tool {item.name}")
        batch.tasks[call_id].add_done_callback(lambda _: self._complete(response_id))

    def hold_back(
        self, response_id: str | None, key: str, until: asyncio.Future[None], name: str, *, renews: bool = False
    ) -> None:
        """Hold the next response back until a future is done.

        Args:
            response_id: the response to whose batch the future belongs; None: one that has ended.
            key: the future's name within the batch.
            until: the future; no event is sent for it here.
            name: for messages.
            renews: its end is a decision to go on, so that speech before it does not stop the next response.
        """
        if response_id is None:
            response_id = key
            self._batch(key).response = Response(id=key, status="completed", output=[])
        batch = self._batch(response_id)
        batch.joined = True

        async def over() -> None:
            await until
            if renews:
                batch.marker = self._responses.turn_marker

        batch.tasks[key] = asyncio.get_running_loop().create_task(over(), name=name)
        batch.tasks[key].add_done_callback(lambda _: self._complete(response_id))

    def on_response_done(self, response: Response) -> None:
        """Run the calls of an ended response; its batch is complete once they are answered."""
        for item in response.output or ():
            self.on_item_done(response.id or "", item)
        batch = self._batches.get(response.id or "")
        if batch is not None:
            batch.response = response
            self._complete(response.id or "")

    def _batch(self, response_id: str) -> _Batch:
        if response_id not in self._batches:
            self._batches[response_id] = _Batch(self._responses.turn_marker)
            self._followups[response_id] = asyncio.get_running_loop().create_future()
            while len(self._followups) > _REMEMBERED:
                del self._followups[next(iter(self._followups))]
        return self._batches[response_id]

    async def followup(self, response_id: str) -> ResponseRequest | None:
        """Return the request for the response after this one's calls; None where there is none."""
        waiting = self._followups.get(response_id)
        return await asyncio.shield(waiting) if waiting is not None else None

    @property
    def started_call_ids(self) -> Set[str]:
        """The ids of the calls that were run, newest last."""
        return self._answered.keys()

    def ran_for(self, response_id: str) -> bool:
        """Whether calls of a response were run."""
        return response_id in self._followups

    def pending(self) -> list[str]:
        """The names of the tasks under way, for messages."""
        return [task.get_name() for batch in self._batches.values() for task in batch.tasks.values() if not task.done()]

    async def finished(self) -> None:
        """Return when no call is under way, and every output was handed to the sender."""
        while tasks := [task for batch in self._batches.values() for task in batch.tasks.values() if not task.done()]:
            await asyncio.wait(tasks)

    def stop(self) -> None:
        """Cancel all calls: the session has ended, and their outputs cannot be sent."""
        for waiting in self._followups.values():
            if not waiting.done():
                waiting.set_result(None)
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            for task in batch.tasks.values():
                task.cancel()

    async def _call(self, tool: Tool | None, item: FunctionCallItem, call_id: str) -> None:
        self._feed.add(ToolProgress(call_id, "running", None))
        if tool is None:
            known = ", ".join(sorted(self._config.tools)) or "none"
            # Every call is answered, also one that cannot be run (docs/protocol.md 28).
            output = error_output(f"there is no tool {item.name!r}; the tools are: {known}")
        else:
            call = tool.call(item.arguments, on_error=functools.partial(_log_error, item.name))
            output = hide_held(await call)  # an exception may quote the key of a request
        answer = function_output(call_id, output, id=output_item_id(call_id))
        self._sender.put({"type": "conversation.item.create", "item": to_dict(answer)})
        status: Literal["failed", "completed"] = "failed" if output.startswith('{"error":') else "completed"
        self._feed.add(ToolProgress(call_id, status, output))

    def _complete(self, response_id: str) -> None:
        """Ask for the one response that follows a batch, once all its calls are answered (docs/protocol.md 27)."""
        batch = self._batches.get(response_id)
        if batch is None or batch.response is None or not all(task.done() for task in batch.tasks.values()):
            return
        del self._batches[response_id]
        # After an MCP call of its own, the service may have gone on by itself in the same response.
        output = batch.response.output or []
        ours = any(isinstance(item, FunctionCallItem) for item in output)
        spoken = bool(output) and isinstance(output[-1], MessageItem) and batch.joined and not ours
        wanted = (
            batch.tasks
            and not spoken
            and not batch.left_to_user
            and batch.response.status in ("completed", None)
            and batch.marker == self._responses.turn_marker
        )
        following = self._continue() if wanted else None
        waiting = self._followups.get(response_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(following)

    def _continue(self) -> ResponseRequest:
        choice = self._config.effective.get("tool_choice")
        forced = choice == "required" or isinstance(choice, Mapping)
        # A forced tool choice holds for the user's turn; on the continuation it would call for ever.
        return self._responses.create({"tool_choice": "auto"} if forced else {}, automatic=True)


def _log_error(name: str, error: BaseException) -> None:
    # Called in the tool's context, so that the traceback appears under the cell that registered it.
    trace = hide_held("".join(traceback.format_exception(error)))
    _log.error("The tool %r raised; the model reads the exception's text.\n%s", name, trace.rstrip())
