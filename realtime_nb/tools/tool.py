"""`Tool`: a function that a model may call.

Owns the tool's spec as the wire carries it, and the call with checked arguments that always returns a string. Must not
know sockets or sessions.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

import msgspec

from realtime_nb.errors import ConfigError
from realtime_nb.tools.docstring import read_docstring
from realtime_nb.tools.output import as_output, error_output
from realtime_nb.tools.schema import Parameters, parameters_of

_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
DEFAULT_TIMEOUT_S = 60.0


@dataclass(frozen=True, eq=False)
class Tool:
    """A tool: its description for the model, and the function that is called.

    Attributes:
        name: letters, digits, `_` and `-`, at most 64.
        description: tells the model what the tool does.
        parameters: JSON schema of the arguments.
        function: sync (called in a thread of its own) or async (on the session's loop); None declares a tool whose
            calls you answer yourself, with `conversation.item.create(item=rt.function_output(...))`.
        timeout_s: after this time the call is answered with an error, which the model reads.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any] | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    _reader: Parameters | None = field(default=None, repr=False)
    _context: Context = field(default_factory=copy_context, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigError(
                f"{self.name!r} cannot name a tool: use 1 to 64 letters, digits, '_' and '-'. To give a function "
                "another name, pass {'name': ..., 'function': ...}."
            )
        if not self.timeout_s > 0:
            raise ConfigError(f"timeout_s={self.timeout_s!r} of the tool {self.name!r} must be more than 0 seconds")

    def __getstate__(self) -> dict[str, Any]:
        # A context belongs to its process: the copy in another one runs in the context in which it was unpickled.
        return {name: value for name, value in vars(self).items() if name != "_context"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _context=copy_context())

    @property
    def spec(self) -> dict[str, Any]:
        """The tool as an entry of `session.tools`."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": msgspec.to_builtins(dict(self.parameters)),
        }

    async def call(self, arguments: str, *, on_error: Callable[[BaseException], object] | None = None) -> str:
        """Calls the function with JSON arguments and returns its output, a string also on error (docs/protocol.md 28).

        Only cancellation is raised. After the time limit a synchronous function runs on in its thread: threads cannot
        be stopped. The function runs in a copy of the context in which the tool was made: its prints appear under that
        cell (docs/notebook.md 26).

        Args:
            arguments: as the model wrote them.
            on_error: called in the same context with an exception of the function.
        """
        if self.function is None:
            return error_output(f"the tool {self.name!r} has no function here")
        try:
            positional, named = self._arguments(arguments)
        except ValueError as error:
            return error_output(f"{self.name}: {error}")
        from realtime_nb.tools.calling import ToolFailed, call_within  # loads asyncio, which declaring a tool needs not

        work = functools.partial(self.function, *positional, **named)
        try:
            return as_output(await call_within(self.timeout_s, work, self._context.copy(), on_error))
        except ToolFailed as failed:
            return error_output(f"{self.name} {failed}")
        except Exception as error:  # a value whose own `str()` or `tolist()` raises
            return error_output(f"{self.name} returned a value that has no text form: {type(error).__name__}: {error}")

    def _arguments(self, arguments: str) -> tuple[list[Any], dict[str, Any]]:
        if self._reader is not None:
            return self._reader.parse(_or_empty(arguments))
        try:
            given = msgspec.json.decode(_or_empty(arguments))
        except msgspec.DecodeError as error:
            raise ValueError(f"the arguments are not valid JSON: {error}") from None
        if not isinstance(given, dict):
            raise ValueError(f"the arguments must be a JSON object, not {type(given).__name__}")  # noqa: TRY004
        return [], given


def _or_empty(arguments: str) -> str:
    """The arguments of a call; some servers write "null", or nothing, for a function that takes none."""
    return "{}" if arguments.strip() in ("", "null") else arguments


def as_tool(tool: Tool | Mapping[str, Any] | Callable[..., Any]) -> Tool:
    """Makes a `Tool` of a function, or of a dict in the wire's form (with an optional `function` to call).

    The name is the function's, the description comes from its docstring, and the schema from its signature and type
    hints, with the docstring's description of each parameter. `{"function": f, "timeout_s": 5}` is `f` with another
    time limit: fields that the dict lacks are read from the function.

    Raises:
        ConfigError: the value is no tool, or a parameter of the function has no JSON schema.

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
    return _from_function(tool, {})


def _from_function(function: Callable[..., Any], given: Mapping[str, Any]) -> Tool:
    """Makes a tool of a function; the fields in `given` replace those read from it."""
    named: Any = function
    while isinstance(named, functools.partial):
        named = named.func
    name = str(given.get("name") or getattr(named, "__name__", type(named).__name__))
    summary, descriptions = read_docstring(named)
    reader = parameters_of(function, name, descriptions) if given.get("parameters") is None else None
    return Tool(
        name=name,
        description=given.get("description") or summary,
        parameters=reader.schema if reader is not None else given["parameters"],
        function=function,
        timeout_s=float(given.get("timeout_s", DEFAULT_TIMEOUT_S)),
        _reader=reader,
    )


def _from_mapping(tool: Mapping[str, Any]) -> Tool:
    allowed = {"type", "name", "description", "parameters", "function", "timeout_s"}
    unknown = [key for key in tool if key not in allowed]
    function = tool.get("function")
    if function is not None and not callable(function):
        raise ConfigError(f"the function of the tool {tool.get('name')!r} cannot be called")
    if unknown or not (isinstance(tool.get("name"), str) or (function is not None and tool.get("name") is None)):
        problem = f"has an unknown field {unknown[0]!r}" if unknown else "has no name"
        raise ConfigError(f"a tool {problem}; allowed are {', '.join(sorted(allowed))}")
    if function is not None:
        return _from_function(function, tool)
    return Tool(
        name=tool["name"],
        description=tool.get("description") or "",
        parameters=tool.get("parameters") or {"type": "object", "properties": {}},
    )
