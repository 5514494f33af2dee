"""The widget checks options, settings and page writes before any connection."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import realtime_nb as rt
from realtime_nb.notebook import runtime

SENTINEL = "sk-sentinel-0123456789"


@pytest.fixture
def widget() -> Iterator[rt.RealtimeWidget]:
    made = rt.RealtimeWidget(api_key=SENTINEL, backend="ws://127.0.0.1:9/v1/realtime")
    yield made
    made.close()


async def _settled() -> None:
    await runtime.notifier().settled()


def test_unknown_keyword_raises_type_error_that_names_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"'instruction'.*Did you mean 'instructions'"):
        rt.RealtimeWidget(instruction="x")


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("turn_detection", "psychic_vad", "server_vad"),
        ("output", "video", "'audio'"),
        ("speed", 9, "0.25"),
        ("max_output_tokens", 0, "4096"),
        ("reasoning_effort", "huge", "minimal"),
        ("noise_reduction", "mid_field", "near_field"),
        ("voice", 7, "marin"),
        ("transcription", 1.5, "Transcription"),
        ("tools", "f", "functions"),
        ("microphone", "usb", "rt.Microphone"),
        ("max_session_minutes", -1, "above 0"),
        ("transport", "pigeon", "kernel"),
        ("backend", "opnai", "Did you mean 'openai'"),
        ("backend", 7, "rt.Backend"),
        ("backend", "http://host/v1/realtime", "Did you mean 'ws://host"),
        ("model", "", "model's name"),
        ("model", 7, "model's name"),
        ("tool_choice", "wether", "no tools"),
        ("session", "truncation", "dict"),
    ],
)
def test_error_of_a_bad_value_names_option_value_and_what_is_allowed(option: str, value: Any, hint: str) -> None:
    with pytest.raises(rt.ConfigError, match=hint) as error:
        rt.RealtimeWidget(**{option: value})
    assert option in str(error.value)
    assert str(value) in str(error.value)


def test_bad_value_set_later_raises_config_error(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ConfigError, match="turn_detection"):
        widget.turn_detection = "psychic"  # type: ignore[assignment]
    assert widget.turn_detection == "semantic_vad"


def weather(city: str) -> str:
    """Tell the weather."""
    return city


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("instruction", "instructions"),
        ("modle", "model"),
        ("voices", "voice"),
        ("tool", "tools"),
        ("micorphone", "microphone"),
        ("turndetection", "turn_detection"),
        ("mute", "muted"),
    ],
)
def test_an_attribute_near_a_trait_is_refused_with_its_name(widget: rt.RealtimeWidget, name: str, near: str) -> None:
    with pytest.raises(AttributeError, match=f"{name}.*Did you mean '{near}'"):
        setattr(widget, name, "x")


@pytest.mark.parametrize("name", ["backend", "api_key", "session", "response_idle_s"])
def test_an_option_of_the_constructor_cannot_be_set_later(widget: rt.RealtimeWidget, name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name}= is an option of the constructor"):
        setattr(widget, name, "local")


def test_backend_is_shown_as_it_was_given_and_without_keys(widget: rt.RealtimeWidget) -> None:
    assert widget.backend == "ws://127.0.0.1:9/v1/realtime"
    key = "sk-sentinel-0123456789"
    given = rt.Backend(url="wss://example.com/v1", api_key=key)
    models = rt.LocalModels(chat_url="https://example.com/v1", chat_model="m", chat_key=key)
    for backend in (given, models):
        w = rt.RealtimeWidget(backend=backend)
        assert w.backend == backend
        assert key not in repr(w.backend)
        w.close()
    w = rt.RealtimeWidget(backend="wss://example.com/v1?model=m&ticket=not-for-a-screen")
    assert w.backend == "wss://example.com/v1?model=m"
    w.close()
    lab = rt.Lab(["Hello"], backend=given, model="m")
    assert (lab.backend, lab.model) == (given, "m")
    assert key not in repr(lab.backend)


def test_attributes_of_the_user_are_no_mistakes(widget: rt.RealtimeWidget) -> None:
    widget.notes = ["mine"]
    widget._private = 1
    assert widget.notes == ["mine"]

    class Mine(rt.RealtimeWidget):
        def __init__(self) -> None:
            super().__init__(backend="local")
            self.scores: list[int] = []

    mine = Mine()
    assert mine.scores == []
    mine.close()


def test_tool_choice_is_checked_against_the_tools() -> None:
    with pytest.raises(rt.ConfigError, match=r"'wether'.*Did you mean 'weather'.*The tools are: weather"):
        rt.RealtimeWidget(backend="local", tools=[weather], tool_choice="wether")
    widget = rt.RealtimeWidget(backend="local", tools=[weather], tool_choice="weather")
    with pytest.raises(rt.ConfigError, match="no tool"):
        widget.tool_choice = {"type": "function", "name": "clock"}
    with pytest.raises(rt.ConfigError, match="tool_choice='weather'"):
        widget.tools = []
    widget.tool_choice = "required"
    widget.tools = []
    widget.close()


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ({"bogus": 1}, r"session\.bogus"),
        ({"trunction": "auto"}, "Did you mean 'truncation'"),
        ({"audio": {"input": {"turn_detecton": None}}}, r"session\.audio\.input\.turn_detecton"),
    ],
)
def test_an_unknown_field_of_the_session_is_named_at_the_call(session: dict[str, Any], words: str) -> None:
    for backend in ("auto", "local"):
        with pytest.raises(rt.ConfigError, match=words):
            rt.RealtimeWidget(backend=backend, session=session)
    with pytest.warns(UserWarning, match=words) as warned:
        rt.RealtimeWidget(backend="ws://127.0.0.1:9/v1", session=session).close()
    assert warned[0].filename == __file__


def test_fields_of_the_session_may_be_structs_of_the_package() -> None:
    detection = rt.ServerVad(threshold=0.4)
    rt.RealtimeWidget(backend="local", session={"audio": {"input": {"turn_detection": detection}}}).close()


def test_a_misspelt_event_type_warns_of_the_nearest(widget: rt.RealtimeWidget) -> None:
    with pytest.warns(UserWarning, match=r"'respons\.done'.*Did you mean 'response\.done'") as warned:
        widget.on("respons.done", print)
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match="Did you mean"):
        widget.once("eror")(print)
    widget.on("vendor.cheered", print)  # another server's own


def test_microphone_set_later_reaches_the_page(widget: rt.RealtimeWidget) -> None:
    widget.microphone = rt.Microphone(device="USB", echo_cancellation=False)
    assert widget._microphone["device"] == "USB"
    widget.microphone = None
    assert widget.microphone == rt.Microphone()
    assert widget._microphone == rt.Microphone().to_page()
    with pytest.raises(rt.ConfigError, match=r"rt\.Microphone"):
        widget.microphone = "usb"  # type: ignore[assignment]


@pytest.mark.parametrize("name", ["tools", "output", "transcription"])
def test_none_is_refused_where_it_means_nothing(widget: rt.RealtimeWidget, name: str) -> None:
    before = getattr(widget, name)
    with pytest.raises(rt.ConfigError, match=name):
        setattr(widget, name, None)
    assert getattr(widget, name) == before


def test_read_only_traits_cannot_be_set(widget: rt.RealtimeWidget) -> None:
    for name in ("status", "turns", "live", "level", "usage", "latency", "error", "effective"):
        with pytest.raises(Exception, match="read-only"):
            setattr(widget, name, getattr(widget, name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "speaking"),
        ("error", "x"),
        ("turns", []),
        ("_info", {}),
        ("_esm", "export default {}"),
        ("controls", False),
        ("layout", None),
        ("nonsense", 1),
        ("muted", "yes"),
        ("speed", "fast"),
        ("turn_detection", "psychic"),
        ("instructions", "x" * 100_001),
    ],
)
async def test_page_that_writes_a_forbidden_trait_or_value_is_refused(
    widget: rt.RealtimeWidget, name: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = {key: getattr(widget, key) for key in widget.keys}
    with caplog.at_level(logging.WARNING, "realtime_nb"):
        widget.set_state({name: value})
    await _settled()
    assert {key: getattr(widget, key) for key in widget.keys} == before
    assert name in caplog.text


async def test_page_writes_the_settings_of_the_card(widget: rt.RealtimeWidget) -> None:
    widget.set_state(
        {
            "muted": True,
            "instructions": "Sing.",
            "voice": "cedar",
            "speed": 1.25,
            "turn_detection": {"type": "server_vad"},
        }
    )
    await _settled()
    assert (widget.muted, widget.instructions, widget.voice, widget.speed) == (True, "Sing.", "cedar", 1.25)
    assert widget.turn_detection == {"type": "server_vad"}


async def test_refused_key_of_a_page_leaves_its_other_keys_valid(widget: rt.RealtimeWidget) -> None:
    widget.set_state({"status": "error", "muted": True})
    await _settled()
    assert widget.muted
    assert widget.status == "idle"


def test_state_and_repr_hold_no_key(widget: rt.RealtimeWidget) -> None:
    state = widget.get_state()
    assert SENTINEL not in msgspec.json.encode({k: v for k, v in state.items() if k != "layout"}).decode()
    assert SENTINEL not in repr(widget)
    assert SENTINEL not in repr(vars(widget))


async def test_failed_connection_raises_and_shows_in_the_card(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ConnectError) as error:
        await widget.start()
    assert widget.status == "error"
    assert widget.error == str(error.value)
    assert SENTINEL not in str(error.value)


async def test_error_of_a_missing_key_names_the_environment_variable() -> None:
    widget = rt.RealtimeWidget(backend="openai")
    with pytest.raises(rt.ConfigError, match="OPENAI_API_KEY"):
        await widget.ask("Hello")
    assert widget.status == "error"
    assert "OPENAI_API_KEY" in str(widget.error)
    widget.close()


async def test_missing_sound_file_raises_before_connecting(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(FileNotFoundError):
        await widget.ask("not-there.wav")
    assert widget.status == "idle"


def test_close_may_be_called_twice(widget: rt.RealtimeWidget) -> None:
    widget.close()
    widget.close()


def test_connection_before_start_raises_connect_error(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ConnectError, match="start"):
        _ = widget.connection


def test_tool_decorator_adds_a_tool(widget: rt.RealtimeWidget) -> None:
    @widget.tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    assert add(1, 2) == 3
    assert [tool.name for tool in widget.tools if isinstance(tool, rt.Tool)] == ["add"]


def test_a_question_says_await_me(widget: rt.RealtimeWidget) -> None:
    question = widget.ask("hi")
    assert "await me" in repr(question)
    question.close()


def test_asking_nothing_that_can_be_asked_says_what_ask_takes(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ConfigError, match=r"ask takes text; .* not 42 \(int\)"):
        widget.ask(42)  # type: ignore[arg-type]
