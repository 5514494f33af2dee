"""A function that a model may call.

Owns `Tool`: the spec that the wire carries, and the call with checked arguments and a string as its answer. Must not
know sockets or sessions.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from realtime_nb.errors import ConfigError
from realtime_nb.tools.docstring import described
from realtime_nb.tools.schema import Parameters, parameters_of

__all__ = ["Tool", "as_tool", "error_output"]

_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
DEFAULT_TIMEOUT_S = 60.0


@dataclass(frozen=True, eq=False)
class Tool:
    """A tool: what the model is told of it, and what is called.

    Attributes:
        name: letters, digits, `_` and `-`, at most 64.
        description: for the model.
        parameters: JSON schema of the arguments.
        function: sync (called in a worker thread) or async (on the session's loop); None declares a tool whose calls
            you answer yourself, with `conversation.item.create(item=rt.function_output(...))`.
        timeout_s: after this long the model is told that the call took too long.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any] | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    _reader: Parameters | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigError(f"{self.name!r} cannot name a tool: use 1 to 64 letters, digits, '_' and '-'")

    @property
    def spec(self) -> dict[str, Any]:
        """The tool as `session.tools` carries it."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": msgspec.to_builtins(dict(self.parameters)),
        }

    async def call(self, arguments: str) -> str:
        """Call the function with JSON arguments; whatever happens, the answer is a string that a model can use.

        Only cancellation gets out. A synchronous function that takes too long is answered for, but cannot be stopped.
        """
        if self.function is None:
            return error_output(f"the tool {self.name!r} has no function here")
        try:
            positional, named = self._arguments(arguments)
        except ValueError as error:
            return error_output(f"{self.name}: {error}")
        import asyncio  # where it is awaited it is there: describing a tool does not pay for it

        limit = asyncio.timeout(self.timeout_s)
        try:
            async with limit:
                if inspect.iscoroutinefunction(self.function):
                    result = await self.function(*positional, **named)
                else:
                    result = await asyncio.to_thread(self.function, *positional, **named)
                    if inspect.isawaitable(result):
                        result = await result
        except Exception as error:
            if limit.expired():
                return error_output(f"{self.name} gave no answer within {self.timeout_s:g} s")
            return error_output(f"{self.name} failed: {type(error).__name__}: {error}")
        return _as_output(result)

    def _arguments(self, arguments: str) -> tuple[list[Any], dict[str, Any]]:
        if self._reader is not None:
            return self._reader.parse(arguments)
        try:
            given = msgspec.json.decode(arguments or "{}")
        except msgspec.DecodeError as error:
            raise ValueError(f"the arguments are not valid JSON: {error}") from None
        if not isinstance(given, dict):
            raise ValueError(f"the arguments must be a JSON object, not {type(given).__name__}")  # noqa: TRY004
        return [], given


def as_tool(tool: Tool | Mapping[str, Any] | Callable[..., Any]) -> Tool:
    """A function, or a dict as the wire has it (with an optional `function` to call), as a `Tool`.

    The name is the function's, the description its docstring, the schema that of its signature and type hints, with the
    docstring's words for each parameter.

    Raises:
        ConfigError: something else, or a function whose parameters JSON cannot fill.

    Example:
        >>> def add(a: int, b: int = 1) -> int:
        ...     '''Add two numbers.'''
        ...     return a + b
        >>> as_tool(add).spec["parameters"]["required"]
        ['a']
    """
    if isinstance(tool, Tool):
        return tool
    if isinstance(tool, Mapping):
        return _from_mapping(tool)
    if not callable(tool):
        raise ConfigError(f"a tool is a function, a dict or an rt.Tool, not {type(tool).__name__}")
    name = getattr(tool, "__name__", type(tool).__name__)
    summary, descriptions = described(inspect.getdoc(tool))
    reader = parameters_of(tool, descriptions)
    return Tool(name=name, description=summary, parameters=reader.schema, function=tool, _reader=reader)


def _from_mapping(tool: Mapping[str, Any]) -> Tool:
    allowed = {"type", "name", "description", "parameters", "function", "timeout_s"}
    unknown = [key for key in tool if key not in allowed]
    if unknown or not isinstance(tool.get("name"), str):
        problem = f"has an unknown field {unknown[0]!r}" if unknown else "has no name"
        raise ConfigError(f"a tool {problem}; allowed are {', '.join(sorted(allowed))}")
    function = tool.get("function")
    if function is not None and not callable(function):
        raise ConfigError(f"the function of the tool {tool['name']!r} cannot be called")
    return Tool(
        name=tool["name"],
        description=tool.get("description") or "",
        parameters=tool.get("parameters") or {"type": "object", "properties": {}},
        function=function,
        timeout_s=float(tool.get("timeout_s", DEFAULT_TIMEOUT_S)),
    )


def error_output(message: str) -> str:
    """What a model is given in place of a result."""
    return msgspec.json.encode({"error": message}).decode()


def _as_output(result: Any) -> str:
    if isinstance(result, str):
        return result
    try:
        encoded = msgspec.json.encode(result, enc_hook=_builtin)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return str(result)
    # A date, an enum: its text, without the quotes of JSON.
    return msgspec.json.decode(encoded, type=str) if encoded.startswith(b'"') else encoded.decode()


def _builtin(value: Any) -> Any:
    # NumPy scalars and arrays, pandas frames and series: each has one of these.
    for method in ("tolist", "to_dict", "isoformat"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    return str(value)
