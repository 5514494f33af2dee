"""`stub`: a tool that answers what it was given, and calls nothing.

Owns the stand-in for a function. Must not know sessions. A model that is tried three hundred times must not send three
hundred mails.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.tools.output import as_output
from realtime_nb.tools.tool import Tool, as_tool


@dataclass(frozen=True)
class StubbedAnswer:
    """The function of a stub: answers every call alike.

    Attributes:
        returns: the answer; an exception is raised.
    """

    returns: Any

    def __call__(self, *positional: Any, **named: Any) -> Any:
        """Return a copy of the answer, so that no call changes the next one."""
        if isinstance(self.returns, BaseException):
            raise self.returns
        return copy.deepcopy(self.returns)

    @property
    def text(self) -> str:
        """What the model reads, as `as_output` writes it; an exception as its type and words."""
        if isinstance(self.returns, BaseException):
            return f"{type(self.returns).__name__}: {self.returns}"
        return as_output(self.returns)


def stub(tool: Tool | Mapping[str, Any] | Callable[..., Any], *, returns: Any) -> Tool:
    """Return a tool that the model sees as `tool`, and that answers each call with `returns` and does nothing else.

    Arguments that the function would refuse are refused in the same words.

    Args:
        tool: what `tools=` takes: a function, a dict, or an `rt.Tool`.
        returns: the answer to every call; an exception stands for a tool that fails.

    Raises:
        ConfigError: no tool, a server's tool (MCP), or an answer that has no text form.

    Example:
        >>> def send_mail(to: str, text: str) -> str:
        ...     '''Send a mail.'''
        >>> stub(send_mail, returns="sent").name
        'send_mail'
    """
    if getattr(tool, "type", None) == "mcp" or (isinstance(tool, Mapping) and tool.get("type") == "mcp"):
        raise ConfigError("the tools of an MCP server run beyond this machine and have no stub: leave them out")
    made = as_tool(tool)
    answer = StubbedAnswer(copy.deepcopy(returns))
    try:
        _ = answer.text
    except Exception as error:
        raise ConfigError(
            f"returns= of the stub for {made.name!r} has no text form: {type(error).__name__}: {error}"
        ) from error
    return replace(made, function=answer)


def stubbed_answer(tool: Tool) -> StubbedAnswer | None:
    """Return the answer of a stub; None for a tool that calls a function."""
    return tool.function if isinstance(tool.function, StubbedAnswer) else None
