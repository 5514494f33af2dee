"""A stub is to the model the tool that it stands for, and does nothing."""

from __future__ import annotations

import json

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.tools.stub import stub, stubbed_answer
from realtime_nb.tools.tool import as_tool

_SENT: list[str] = []


def send_mail(to: str, urgent: bool = False) -> str:
    """Send a mail."""
    _SENT.append(to)
    return "really sent"


async def test_the_model_sees_the_function_and_nothing_is_sent() -> None:
    made = stub(send_mail, returns={"status": "sent"})
    assert made.spec == as_tool(send_mail).spec
    assert json.loads(await made.call('{"to": "ada"}')) == {"status": "sent"}
    assert _SENT == []
    assert stubbed_answer(made) is not None
    assert stubbed_answer(as_tool(send_mail)) is None


async def test_arguments_are_refused_as_the_function_would_refuse_them() -> None:
    wrong = '{"urgent": "perhaps"}'
    assert await stub(send_mail, returns="sent").call(wrong) == await as_tool(send_mail).call(wrong)


async def test_an_exception_is_the_error_of_a_tool_that_fails() -> None:
    assert "no network" in json.loads(await stub(send_mail, returns=OSError("no network")).call('{"to": "a"}'))["error"]


async def test_no_call_changes_the_answer_of_the_next() -> None:
    answer = {"items": [1]}
    made = stub({"name": "list_items"}, returns=answer)
    first = await made.call("{}")
    answer["items"].append(2)
    given = stubbed_answer(made)
    assert given is not None
    given().clear()
    assert json.loads(first) == {"items": [1]}
    assert await made.call("{}") == first


@pytest.mark.parametrize(
    ("tool", "returns"), [({"type": "mcp", "server_label": "x"}, 1), (3, 1), (send_mail, b"\xff\xfe")]
)
def test_what_cannot_be_a_stub_is_refused(tool: object, returns: object) -> None:
    with pytest.raises(ConfigError):
        stub(tool, returns=returns)  # type: ignore[arg-type]
