"""Conversation items and their content parts, as client and server events carry them.

Owns the item structs and short constructors for the common ones. Must not know events, sockets or turns.

An optional field is `None` when absent and is left out when encoded: for items the service does not distinguish null
from absent. Roles, statuses and content types are plain strings, so that values newer than this client can be read;
`validate` has the allowed ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec

__all__ = [
    "ContentPart",
    "FunctionCallItem",
    "FunctionCallOutputItem",
    "Item",
    "McpApprovalRequestItem",
    "McpApprovalResponseItem",
    "McpCallItem",
    "McpListToolsItem",
    "MessageItem",
    "UnknownItem",
    "assistant_message",
    "function_output",
    "system_message",
    "user_message",
]


class ContentPart(msgspec.Struct, omit_defaults=True, repr_omit_defaults=True, kw_only=True):
    """One part of a message: text, audio with its transcript, or an image.

    `type` is `input_text`, `input_audio`, `input_image`, `output_text` or `output_audio`; older servers write
    `text` and `audio`, which `is_audio` and `words` support too (docs/protocol.md 4).
    """

    # A factory, because `omit_defaults` leaves a plain default out of the frame, and the service requires the field.
    type: str = msgspec.field(default_factory=lambda: "input_text")
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: str | None = None

    def __repr__(self) -> str:
        # Audio and images are megabytes of base64, which must not fill a cell's output.
        given = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = (f"{name}={_short(value)}" for name, value in given if value is not None)
        return f"ContentPart({', '.join(shown)})"

    @property
    def is_audio(self) -> bool:
        """Whether the part is audio, in GA or beta spelling."""
        return self.type in ("input_audio", "output_audio", "audio")

    @property
    def words(self) -> str | None:
        """The text or the transcript; None if it is unknown, which differs from empty."""
        return self.transcript if self.is_audio else self.text


# Not `list`: `omit_defaults` leaves an empty `list` default out, and these fields are required on the wire.
def _no_parts() -> list[ContentPart]:
    return []


def _no_tools() -> list[dict[str, Any]]:
    return []


class _Item(msgspec.Struct, omit_defaults=True, repr_omit_defaults=True, kw_only=True, tag_field="type"):
    id: str | None = None
    object: str | None = None
    status: str | None = None


class MessageItem(_Item, kw_only=True, tag="message"):
    """A message of the system, the user or the assistant."""

    type: ClassVar[Literal["message"]] = "message"
    role: str
    content: list[ContentPart] = msgspec.field(default_factory=_no_parts)


class FunctionCallItem(_Item, kw_only=True, tag="function_call"):
    """The model calls a function; `arguments` is JSON text, complete only if the item is (docs/protocol.md 26)."""

    type: ClassVar[Literal["function_call"]] = "function_call"
    name: str
    arguments: str
    call_id: str | None = None


class FunctionCallOutputItem(_Item, kw_only=True, tag="function_call_output"):
    """The output of a function call; `output` is a string, often JSON."""

    type: ClassVar[Literal["function_call_output"]] = "function_call_output"
    call_id: str
    output: str


class McpListToolsItem(_Item, kw_only=True, tag="mcp_list_tools"):
    """The tools that an MCP server offers."""

    type: ClassVar[Literal["mcp_list_tools"]] = "mcp_list_tools"
    server_label: str
    tools: list[dict[str, Any]] = msgspec.field(default_factory=_no_tools)


class McpCallItem(_Item, kw_only=True, tag="mcp_call"):
    """A tool call that the service makes on an MCP server."""

    type: ClassVar[Literal["mcp_call"]] = "mcp_call"
    name: str
    server_label: str
    arguments: str = ""
    approval_request_id: str | None = None
    error: dict[str, Any] | None = None
    output: str | None = None


class McpApprovalRequestItem(_Item, kw_only=True, tag="mcp_approval_request"):
    """The service asks for approval of an MCP tool call."""

    type: ClassVar[Literal["mcp_approval_request"]] = "mcp_approval_request"
    name: str
    server_label: str
    arguments: str = ""


class McpApprovalResponseItem(_Item, kw_only=True, tag="mcp_approval_response"):
    """The answer to an approval request."""

    type: ClassVar[Literal["mcp_approval_response"]] = "mcp_approval_response"
    approval_request_id: str
    approve: bool
    reason: str | None = None


Item = (
    MessageItem
    | FunctionCallItem
    | FunctionCallOutputItem
    | McpListToolsItem
    | McpCallItem
    | McpApprovalRequestItem
    | McpApprovalResponseItem
)


class UnknownItem:
    """An item of a type that this version does not know, in the server's own words.

    Attributes:
        type: as the server named it.
        raw: the whole item; this is what travels where the item is encoded again.
    """

    __slots__ = ("raw", "type")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.type = str(raw.get("type") or "")

    @property
    def id(self) -> str | None:
        """The item's id, or None."""
        found = self.raw.get("id")
        return None if found is None else str(found)

    @property
    def status(self) -> str | None:
        """The item's status, or None."""
        found = self.raw.get("status")
        return found if isinstance(found, str) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownItem) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"UnknownItem(type={self.type!r}, id={self.id!r})"


def _short(value: str) -> str:
    return repr(value) if len(value) <= 200 else f"{value[:60]!r}... ({len(value)} characters)"


def user_message(
    text: str,
    *,
    images: Sequence[Any] = (),
    detail: Literal["auto", "low", "high"] = "auto",
    id: str | None = None,  # noqa: A002 - the wire's name
) -> MessageItem:
    """Makes a user message with text, images, or both.

    Args:
        text: the text; `""` sends the images alone.
        images: PNG or JPEG bytes, paths, data URIs, matplotlib figures, PIL images, or uint8 arrays.
        detail: how closely the model looks.
        id: the item's id; without one the server chooses it.

    Raises:
        ConfigError: a value that is no image; the message names it and what is accepted.
    """
    content = [ContentPart(type="input_text", text=text)] if text or not images else []
    if images:
        from realtime_nb.images import data_uris

        looked_at = None if detail == "auto" else detail
        content += [
            ContentPart(type="input_image", image_url=uri, detail=looked_at) for uri in data_uris(images, detail)
        ]
    return MessageItem(id=id, role="user", content=content)


def system_message(text: str, *, id: str | None = None) -> MessageItem:  # noqa: A002
    """Makes a system message with text."""
    return MessageItem(id=id, role="system", content=[ContentPart(type="input_text", text=text)])


def assistant_message(text: str, *, id: str | None = None) -> MessageItem:  # noqa: A002
    """Makes an assistant message with text, for a history: assistant audio cannot be sent (docs/protocol.md 7)."""
    return MessageItem(id=id, role="assistant", content=[ContentPart(type="output_text", text=text)])


def function_output(call_id: str, output: str, *, id: str | None = None) -> FunctionCallOutputItem:  # noqa: A002
    """Makes the output of the function call `call_id`."""
    return FunctionCallOutputItem(id=id, call_id=call_id, output=output)
