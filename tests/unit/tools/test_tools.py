"""A function as a tool: what the model is told, and what it gets back."""

from __future__ import annotations

import asyncio
import enum
import json
import threading
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
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
    ],
)
async def test_bad_arguments_are_answered_with_an_error_that_a_model_can_use(arguments: str, words: str) -> None:
    assert words in json.loads(await as_tool(weather).call(arguments))["error"]


async def test_an_exception_is_an_answer_too() -> None:
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


async def test_a_function_that_takes_too_long_is_answered_for() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    tool = as_tool(forever)
    hurried = Tool(tool.name, tool.description, tool.parameters, forever, timeout_s=0.01)
    assert "no answer within 0.01 s" in json.loads(await hurried.call("{}"))["error"]


async def test_a_functions_own_time_out_is_not_taken_for_ours() -> None:
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


def test_other_docstrings_are_read_too() -> None:
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
def test_what_cannot_be_a_tool_is_refused(function: Any) -> None:
    with pytest.raises(ConfigError):
        as_tool(function)


def test_a_hint_without_a_schema_is_refused_with_the_functions_name() -> None:
    def plot(values: threading.Thread) -> None: ...

    with pytest.raises(ConfigError, match="plot"):
        as_tool(plot)
