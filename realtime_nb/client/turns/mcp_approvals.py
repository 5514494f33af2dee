"""Approval of the MCP calls that the service makes by itself, and their end.

Owns the requests for approval and their answers, and how long MCP calls hold the next response back (docs/protocol.md
29). Sans-IO: events come in by method calls, and what is to be announced is returned. Must not know sockets or widgets.

`tool_runner` decides whether the model goes on: a response's functions, MCP calls and requests are one batch, and end
before the one `response.create` that follows. The service may call an approved tool at once, within the response that
asked, or only in the next one: the batch waits for a call that was announced, and for no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from realtime_nb.client.events.client_event import item_id_for
from realtime_nb.client.turns.event_sender import EventSender
from realtime_nb.client.turns.response_queue import ResponseQueue
from realtime_nb.client.turns.tool_runner import ToolRunner
from realtime_nb.errors import ConfigError, ServerError
from realtime_nb.wire.realtime import (
    ConversationItemAdded,
    ConversationItemDone,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    McpListToolsFailed,
    McpListToolsItem,
    ResponseDone,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseOutputItemDone,
    to_dict,
)


class McpApprovalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The service's request to call a tool of an MCP server; `await session.approve(request.id)` answers it.

    Attributes:
        id: the argument of `approve`.
        server_label: the server's name, as `tools` has it.
        name: the tool's name.
        arguments: JSON text.
    """

    type: ClassVar[Literal["mcp_approval_request"]] = "mcp_approval_request"
    id: str
    server_label: str
    name: str
    arguments: str = ""


class McpApprovals:
    """The MCP calls of a session.

    Args:
        batches: hold the next response back.
        sender: sends the answers.
        responses: tells which response is out of band.
    """

    def __init__(self, batches: ToolRunner, sender: EventSender, responses: ResponseQueue) -> None:
        self._batches = batches
        self._sender = sender
        self._responses = responses
        self._news: list[McpApprovalRequest | ServerError] = []
        self._pending: dict[str, tuple[McpApprovalRequest, asyncio.Future[None]]] = {}
        self._asked: set[str] = set()
        self._calls: dict[str, tuple[str, asyncio.Future[None]]] = {}  # by item: the response, and its end
        self._named: dict[str, McpCallItem] = {}
        self._servers: dict[str, str] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            ConversationItemAdded: lambda event: self._item(event.item, None, done=False),
            ConversationItemDone: lambda event: self._item(event.item, None, done=True),
            ResponseOutputItemDone: lambda event: self._item(event.item, event.response_id, done=True),
            ResponseDone: self._response_done,
            ResponseMcpCallArgumentsDone: lambda event: self._call_begins(event.item_id, event.response_id),
            ResponseMcpCallCompleted: lambda event: self._call_ends(event.item_id),
            ResponseMcpCallFailed: lambda event: self._call_ends(event.item_id),
            McpListToolsFailed: self._list_failed,
        }

    @property
    def pending(self) -> tuple[McpApprovalRequest, ...]:
        """The requests that wait for an answer, oldest first."""
        return tuple(request for request, _ in self._pending.values())

    def on_event(self, event: Any) -> Sequence[McpApprovalRequest | ServerError]:
        """Handle a server event, before the end of a response is acted on.

        Returns:
            the requests that it makes, and the error of a server whose tools could not be listed.
        """
        handler = self._handlers.get(type(event))
        if handler is None:
            return ()
        handler(event)
        news, self._news = self._news, []
        return news

    def on_sent(self, item: Mapping[str, Any]) -> None:
        """Note an item that is sent: a request may also be answered by hand, with an item of the wire."""
        if item.get("type") == "mcp_approval_response" and item.get("approval_request_id") in self._pending:
            request, answered = self._pending.pop(item["approval_request_id"])
            self._answered(request, answered, approve=bool(item.get("approve")))

    async def answer(self, request_id: str, approve: bool, reason: str | None) -> None:
        """Approve or refuse a request; returns when the server has acknowledged the answer.

        Raises:
            ConfigError: no such request waits; names those that do.
            ServerError: the server refused the answer; the request waits on.
        """
        if request_id not in self._pending:
            waiting = ", ".join(f"{one.id!r} ({one.server_label}: {one.name})" for one in self.pending) or "none"
            raise ConfigError(f"request_id={request_id!r} waits for no approval; waiting: {waiting}")
        request, answered = self._pending.pop(request_id)
        event_id = self._sender.new_event_id()
        item = McpApprovalResponseItem(
            id=item_id_for(event_id), approval_request_id=request_id, approve=approve, reason=reason
        )
        try:
            await self._sender.post({"type": "conversation.item.create", "event_id": event_id, "item": to_dict(item)})
        except BaseException:
            self._pending = {request_id: (request, answered), **self._pending}
            raise
        self._answered(request, answered, approve=approve)

    def _answered(self, request: McpApprovalRequest, answered: asyncio.Future[None], *, approve: bool) -> None:
        if not approve:
            self._end_call_of(request)
        if not answered.done():
            answered.set_result(None)

    def on_transport_lost(self) -> None:
        """Drop the requests and calls of the lost session: they can be neither answered nor ended in a new one.

        The batches that waited for them go on: the model answers the restored conversation, and asks again if it must.
        """
        pending, self._pending = self._pending, {}
        for _, answered in pending.values():
            if not answered.done():
                answered.set_result(None)
        for item_id in self._calls:
            self._call_ends(item_id)

    def _response_done(self, event: ResponseDone) -> None:
        for item in event.response.output or ():
            self._item(item, event.response.id, done=True)

    def _list_failed(self, event: McpListToolsFailed) -> None:
        label = self._servers.get(event.item_id)
        named = f"the MCP server {label!r}" if label else "an MCP server"
        self._news.append(
            ServerError(
                f"{named} did not tell its tools. Check its server_url or connector_id, and its authorization; the "
                "conversation goes on without them.",
                code="mcp_list_tools_failed",
            )
        )

    def _item(self, item: Any, response_id: str | None, *, done: bool) -> None:
        if isinstance(item, McpListToolsItem) and item.id:
            self._servers[item.id] = item.server_label
        elif isinstance(item, McpCallItem) and item.id:
            self._named[item.id] = item
            if response_id and done:
                self._call_begins(item.id, response_id)
            if item.output is not None or item.error is not None:
                self._call_ends(item.id)
        elif isinstance(item, McpApprovalRequestItem) and item.id and done:
            self._requested(item, item.id, response_id)

    def _requested(self, item: McpApprovalRequestItem, request_id: str, response_id: str | None) -> None:
        if request_id in self._asked or self._responses.is_out_of_band(response_id):
            return
        self._asked.add(request_id)
        request = McpApprovalRequest(
            id=request_id, server_label=item.server_label, name=item.name, arguments=item.arguments
        )
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = (request, answered)
        # An item of the conversation does not name its response: it is that of the call that the request is about.
        where = response_id or self._response_of(request)
        self._batches.hold_back(
            where, request_id, answered, f"approval of {item.server_label}: {item.name}", renews=True
        )
        self._news.append(request)

    def _call_begins(self, item_id: str, response_id: str) -> None:
        if item_id in self._calls or not response_id or self._responses.is_out_of_band(response_id):
            return
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._calls[item_id] = (response_id, ended)
        call = self._named.get(item_id)
        self._batches.hold_back(response_id, item_id, ended, f"MCP tool {call.name if call else item_id}")

    def _call_ends(self, item_id: str) -> None:
        _, ended = self._calls.get(item_id, ("", None))
        if ended is not None and not ended.done():
            ended.set_result(None)

    def _response_of(self, request: McpApprovalRequest) -> str | None:
        return next((self._calls[item_id][0] for item_id in self._calls_like(request)), None)

    def _end_call_of(self, request: McpApprovalRequest) -> None:
        """End a refused call, of which the service may send no end."""
        for item_id in self._calls_like(request)[:1]:
            self._call_ends(item_id)

    def _calls_like(self, request: McpApprovalRequest) -> list[str]:
        """The calls under way that a request may be about; the one that names it comes first."""
        under_way = [item_id for item_id, (_, ended) in self._calls.items() if not ended.done()]
        named = {item_id: self._named[item_id] for item_id in under_way if item_id in self._named}
        exact = [item_id for item_id, call in named.items() if call.approval_request_id == request.id]
        alike = [
            item_id
            for item_id, call in named.items()
            if (call.server_label, call.name) == (request.server_label, request.name)
        ]
        return exact or alike or [item_id for item_id in under_way if item_id not in named]
