"""Functions as tools: the schema that the model receives, and the output of a call."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import enum
import functools
import itertools
import json
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import numpy as np
import pydantic
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.tools import Tool, as_tool


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclass
class Place:
    city: str
    country: str = "NL"


def weather(place: Place, unit: Unit = Unit.C, days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1) -> dict[str, Any]:
    """Get the weather.

    It is invented.

    Args:
        place: Where, as a city
            and its country.
        unit (Unit): Of the temperature.

    Returns:
        The weather.
    """
    return {"city": place.city, "unit": unit.value, "days": days}


def test_the_schema_comes_from_signature_hints_and_docstring() -> None:
    tool = as_tool(weather)
    assert tool.name == "weather"
    assert tool.description == "Get the weather.\n\nIt is invented."
    schema = tool.spec["parameters"]
    assert schema["type"] == "object"
    assert schema["required"] == ["place"]
    assert schema["properties"]["place"]["description"] == "Where, as a city and its country."
    assert schema["properties"]["unit"]["description"] == "Of the temperature."
    assert (
        schema["properties"]["days"] | {"type": "integer", "minimum": 1, "maximum": 7, "default": 1}
        == (schema["properties"]["days"])
    )
    assert schema["$defs"]["Place"]["required"] == ["city"]
    assert schema["$defs"]["Unit"]["enum"] == ["celsius", "fahrenheit"]
    json.dumps(tool.spec)


async def test_arguments_are_converted_and_defaults_are_the_functions_own() -> None:
    tool = as_tool(weather)
    answer = await tool.call('{"place": {"city": "Delft"}, "days": "3"}')
    assert json.loads(answer) == {"city": "Delft", "unit": "celsius", "days": 3}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"place": {"city": 3}}', "place.city"),
        ("{}", "place"),
        ('{"place": {"city": "Delft"}, "days": 9}', "days"),
        ('{"place": {"city"', "not valid"),
        ("[]", "not valid"),
        ("null", "not valid"),
        ('{"place": {"city": "Delft"}, "mood": 1}', "mood"),
    ],
)
async def test_bad_arguments_are_answered_with_an_error_that_a_model_can_use(arguments: str, words: str) -> None:
    assert words in json.loads(await as_tool(weather).call(arguments))["error"]


async def test_exception_of_a_tool_becomes_its_output() -> None:
    def fails() -> None:
        raise ZeroDivisionError("by zero")

    assert json.loads(await as_tool(fails).call("{}")) == {"error": "fails failed: ZeroDivisionError: by zero"}


async def test_a_synchronous_function_runs_off_the_loop() -> None:
    def where() -> str:
        return threading.current_thread().name

    assert await as_tool(where).call("") != threading.current_thread().name


async def test_an_asynchronous_function_runs_on_the_loop() -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    assert await as_tool(double).call('{"x": 21}') == "42"


async def test_tool_that_exceeds_its_time_limit_gets_an_error_output() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    tool = as_tool(forever)
    hurried = Tool(tool.name, tool.description, tool.parameters, forever, timeout_s=0.01)
    assert "no answer within 0.01 s" in json.loads(await hurried.call("{}"))["error"]


async def test_timeout_error_of_the_function_is_not_reported_as_the_tools_time_limit() -> None:
    def asks_a_slow_server() -> None:
        raise TimeoutError("the weather server is slow")

    answer = json.loads(await as_tool(asks_a_slow_server).call("{}"))
    assert answer == {"error": "asks_a_slow_server failed: TimeoutError: the weather server is slow"}


@pytest.mark.parametrize(
    ("result", "output"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        ({"a": [1, 2.5]}, '{"a":[1,2.5]}'),
        (np.float64(1.5), "1.5"),
        (np.arange(3), "[0,1,2]"),
        (Place("Delft"), '{"city":"Delft","country":"NL"}'),
        (object, str(object)),
    ],
)
async def test_any_result_becomes_a_string(result: Any, output: str) -> None:
    assert await as_tool({"name": "f", "function": lambda: result}).call("{}") == output


def test_numpy_and_sphinx_docstrings_are_read() -> None:
    def numpy_style(a: int, b: str = "x") -> None:
        """Do it.

        Parameters
        ----------
        a : int
            The first.
        b : str, optional
            The second.

        Returns
        -------
        None
        """

    def sphinx_style(a: int, b: Literal["x", "y"] = "x") -> None:
        """Do it.

        :param a: The first.
        :param str b: The second.
        :returns: nothing
        """

    for function in (numpy_style, sphinx_style):
        tool = as_tool(function)
        assert tool.description == "Do it."
        told = {name: prop["description"] for name, prop in tool.parameters["properties"].items()}
        assert told == {"a": "The first.", "b": "The second."}


def test_a_function_without_hints_or_docstring_is_a_tool() -> None:
    def bare(a, b=None):  # type: ignore[no-untyped-def]
        return a

    tool = as_tool(bare)
    assert tool.parameters["required"] == ["a"]
    assert set(tool.parameters["properties"]) == {"a", "b"}


@pytest.mark.parametrize(
    "function",
    [
        lambda *args: None,
        lambda **kwargs: None,
        3,
        {"description": "no name"},
        {"name": "x", "parameterz": {}},
        {"name": "has spaces"},
    ],
)
def test_value_that_is_no_tool_raises_config_error(function: Any) -> None:
    with pytest.raises(ConfigError):
        as_tool(function)


def test_a_hint_without_a_schema_is_refused_with_the_functions_name() -> None:
    def plot(values: threading.Thread) -> None: ...

    with pytest.raises(ConfigError, match="plot"):
        as_tool(plot)


# What people hand over besides plain functions


class Thermostat:
    """Sets things."""

    def turn(self, degrees: int) -> int:
        """Turn it."""
        return degrees

    async def __call__(self, degrees: int) -> int:
        """Set it.

        Args:
            degrees: as the sun has it
        """
        return degrees


def scaled(x: int, by: int = 2) -> int:
    """Scale.

    Args:
        x: what
        by: how much
    """
    return x * by


@pytest.mark.parametrize(
    ("function", "name", "description", "parameters"),
    [
        (Thermostat().turn, "turn", "Turn it.", ["degrees"]),
        (Thermostat(), "Thermostat", "Set it.", ["degrees"]),
        (functools.partial(scaled, 3), "scaled", "Scale.", ["by"]),
        (functools.partial(scaled, by=3), "scaled", "Scale.", ["x", "by"]),
        (functools.lru_cache(scaled), "scaled", "Scale.", ["x", "by"]),
        ({"function": scaled, "timeout_s": 5}, "scaled", "Scale.", ["x", "by"]),
        ({"name": "twice", "function": lambda x: 2 * x}, "twice", "", ["x"]),
    ],
    ids=["method", "object", "partial", "partial by name", "cached", "dict", "lambda"],
)
async def test_any_callable_can_be_a_tool(function: Any, name: str, description: str, parameters: list[str]) -> None:
    tool = as_tool(function)
    assert (tool.name, tool.description) == (name, description)
    assert list(tool.parameters["properties"]) == parameters
    assert await tool.call(json.dumps({parameters[0]: 4})) in ("4", "8", "12")


def test_lambda_error_says_how_to_name_the_tool() -> None:
    with pytest.raises(ConfigError, match=r"'name': \.\.\., 'function'"):
        as_tool(lambda: 1)


# What people write in hints


class Passenger(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=2, description="As in the passport.")
    age: int = 30


class Booking(pydantic.BaseModel):
    passengers: list[Passenger]


class Point(NamedTuple):
    lat: float
    lon: float


class Options(TypedDict, total=False):
    quick: bool


@dataclass
class Folder:
    name: str
    within: list[Folder] = field(default_factory=list)


def travel(
    booking: Booking,
    second: Passenger | None = None,
    at: Point = Point(52.0, 4.4),  # noqa: B008 - a default, to be told
    how: Options | None = None,
    day: datetime.date | None = None,
    log: Path = Path("log.txt"),
    seats: Annotated[int, "How many."] = 1,
    code: Annotated[str, pydantic.Field(description="Of the airport.", max_length=3)] = "AMS",
    meal: Literal["fish", "none"] = "none",
    folder: Folder | None = None,
    anything: object = None,
    note: str = None,  # type: ignore[assignment]  # noqa: RUF013 - people write that
    limit: float = math.nan,
) -> list[str]:
    return [type(booking).__name__, booking.passengers[0].name, str(day), type(log).__name__, str(folder)]


def test_hints_of_other_libraries_are_understood() -> None:
    parameters = as_tool(travel).spec["parameters"]
    properties = parameters["properties"]
    assert parameters["required"] == ["booking"]
    assert properties["booking"]["properties"]["passengers"]["items"] == {"$ref": "#/$defs/Passenger"}
    assert parameters["$defs"]["Passenger"]["properties"]["name"]["description"] == "As in the passport."
    assert properties["seats"]["description"] == "How many."
    assert (properties["code"]["description"], properties["code"]["maxLength"]) == ("Of the airport.", 3)
    assert properties["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    shown = json.loads(json.dumps(parameters, allow_nan=False))["properties"]
    assert {name: p["default"] for name, p in shown.items() if "default" in p} == {
        "second": None, "at": [52.0, 4.4], "how": None, "day": None, "log": "log.txt", "seats": 1, "code": "AMS",
        "meal": "none", "folder": None, "anything": None, "note": None,
    }  # fmt: skip


async def test_arguments_are_converted_to_types_of_other_libraries() -> None:
    arguments = {
        "booking": {"passengers": [{"name": "Ada"}]},
        "day": "2026-01-02",
        "log": "x",
        "folder": {"name": "a", "within": [{"name": "b"}]},
    }
    answer = json.loads(await as_tool(travel).call(json.dumps(arguments)))
    assert answer[:3] == ["Booking", "Ada", "2026-01-02"]
    assert answer[3].endswith("Path")
    assert "within=[Folder(name='b', within=[])]" in answer[4]
    refused = json.loads(await as_tool(travel).call('{"booking": {"passengers": [{"name": "A"}]}}'))
    assert "passengers.0.name" in refused["error"]


def test_hint_without_schema_error_names_the_parameter_and_allowed_hints() -> None:
    def draw(width: int, pen: Callable[[], None] = print) -> None: ...

    with pytest.raises(ConfigError, match=r"draw\(\).*'pen'.*dataclass"):
        as_tool(draw)
    with pytest.raises(ConfigError, match="signature of max"):
        as_tool(max)


# What a function may do instead of returning


class Unprintable(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError("no words")


class OfItsOwn(BaseException):
    pass


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), SystemExit(2), StopIteration(3), OfItsOwn("x"), Unprintable(), asyncio.CancelledError()],
)
async def test_any_exception_of_a_tool_becomes_its_output(error: BaseException) -> None:
    def sync() -> None:
        raise error

    async def on_the_loop() -> None:
        raise error

    for function in (sync, on_the_loop):
        answer = json.loads(await as_tool({"name": "f", "function": function}).call(""))
        words = "RuntimeError" if isinstance(error, StopIteration) and function is on_the_loop else type(error).__name__
        assert answer["error"].startswith(f"f failed: {words}")


async def test_tools_that_never_return_block_no_other_tool() -> None:
    for_ever = threading.Event()
    stuck = as_tool({"function": for_ever.wait, "name": "stuck", "parameters": {}, "timeout_s": 0.001})
    answers = await asyncio.gather(*(stuck.call("") for _ in range(50)))
    assert all("no answer within 0.001 s" in answer for answer in answers)
    # The loop's own pool looks host names up, also for a reconnection.
    assert await asyncio.to_thread(threading.current_thread) is not threading.current_thread()
    assert await as_tool({"name": "quick", "function": lambda: 1}).call("") == "1"
    for_ever.set()


async def test_tool_that_ignores_cancellation_gets_an_error_output() -> None:
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    assert "no answer within" in await as_tool({"function": stubborn, "timeout_s": 0.001}).call("")
    released.set()


async def test_cancelling_a_call_cancels_the_function() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    call = asyncio.create_task(as_tool(slow).call(""))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await ended.wait()


async def test_values_of_a_generator_are_its_output() -> None:
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    async def later(n: int) -> AsyncIterator[int]:
        for number in range(n):
            yield number

    for function in (count, later):
        assert await as_tool(function).call('{"n": 3}') == "[0,1,2]"
    endless = as_tool({"name": "endless", "function": itertools.count})
    assert "more than 10000" in await endless.call("")


class Frame:
    """As pandas' frames are: with both of these methods."""

    def to_dict(self) -> dict[str, list[int]]:
        return {"a": [1]}

    def tolist(self) -> list[int]:
        return [1]


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("result", "output"),
    [
        (b"text", "text"),
        (Frame(), '{"a":[1]}'),
        (Passenger(name="Ada"), '{"name":"Ada","age":30}'),
        (float("nan"), "null"),
        ("half a surrogate: \ud800", "half a surrogate: ?"),
        (b"\xff\xd8", '{"error":"bytes returned a value that has no text form: ValueError: it returned 2 bytes'),
        (Broken(), '{"error":"bytes returned a value that has no text form: RuntimeError: no words"}'),
    ],
)
async def test_results_without_json_form_become_text(result: Any, output: str) -> None:
    assert (await as_tool({"name": "bytes", "function": lambda: result}).call("")).startswith(output)


@pytest.mark.parametrize("is_async", [False, True])
async def test_tool_and_the_report_of_its_exception_run_in_the_context_in_which_it_was_made(is_async: bool) -> None:
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")
    seen: list[str] = []

    def fails() -> None:
        seen.append(cell.get())
        cell.set("changed by a call")
        raise ValueError("the tool")

    async def fails_later() -> None:
        fails()

    context = contextvars.copy_context()
    context.run(cell.set, "third")
    tool = context.run(as_tool, fails_later if is_async else fails)
    for _ in range(2):
        await tool.call("{}", on_error=lambda error: seen.append(f"{cell.get()}: {error}"))
    assert [entry for entry in seen if ":" not in entry] == ["third", "third"]
    assert [entry.partition(": ")[2] for entry in seen if ":" in entry] == ["the tool", "the tool"]
