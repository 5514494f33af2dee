"""Configuration: the effect of an update, and the reasons to refuse one."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.local.session.jobs import Prepare
from tests.unit.local.driver import Driver


def test_session_created_shows_every_default() -> None:
    session = Driver(model="some-model").session
    assert session["type"] == "realtime"
    assert session["object"] == "realtime.session"
    assert session["id"].startswith("sess_")
    assert session["expires_at"] == 1_000 + 3_600
    assert session["model"] == "some-model"
    assert session["instructions"]
    assert session["output_modalities"] == ["audio"]
    assert session["tools"] == []
    assert session["max_output_tokens"] == "inf"
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["audio"]["output"]["speed"] == 1.0


def test_only_present_fields_change() -> None:
    driver = Driver()
    before = driver.effective(instructions="Be brief.", audio={"input": {"transcription": {"model": "whisper-1"}}})
    after = driver.effective(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200}}})
    assert after["instructions"] == "Be brief."
    assert after["audio"]["input"]["transcription"] == before["audio"]["input"]["transcription"]
    assert after["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 200
    assert after["audio"]["input"]["turn_detection"]["prefix_padding_ms"] == 300


def test_empty_string_and_list_clear_the_field() -> None:
    driver = Driver()
    driver.effective(instructions="x", tools=[{"type": "function", "name": "f"}])
    after = driver.effective(instructions="", tools=[])
    assert (after["instructions"], after["tools"]) == ("", [])


def test_null_switches_features_off() -> None:
    driver = Driver()
    driver.effective(audio={"input": {"transcription": {"model": "m"}, "noise_reduction": {"type": "near_field"}}})
    after = driver.effective(audio={"input": {"transcription": None, "noise_reduction": None, "turn_detection": None}})
    assert after["audio"]["input"]["transcription"] is None
    assert after["audio"]["input"]["noise_reduction"] is None
    assert after["audio"]["input"]["turn_detection"] is None


def test_null_for_other_fields_is_ignored() -> None:
    driver = Driver()
    before = driver.effective()
    after = driver.effective(
        instructions=None,
        tools=None,
        tool_choice=None,
        model=None,
        max_output_tokens=None,
        output_modalities=None,
        audio={"input": {"format": None}, "output": {"voice": None, "speed": None, "format": None}},
    )
    assert after == before


def test_another_kind_of_turn_detection_starts_from_its_own_defaults() -> None:
    driver = Driver()
    after = driver.effective(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
    assert after["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(
    "session",
    [
        {"tracing": "auto"},
        {"tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}}},
        {"prompt": {"id": "pmpt_1", "variables": {"city": "Paris"}}},
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        {"include": ["item.input_audio_transcription.logprobs"]},
        {"audio": {"input": {"noise_reduction": {"type": "far_field"}}}},
        {"audio": {"output": {"voice": "cedar"}}},
        {"model": "gpt-realtime-2.1-mini"},
        {"model": "gpt-realtime-2025-08-28"},
        {"reasoning": {"effort": "low"}, "parallel_tool_calls": True},
        {"tools": [{"type": "mcp", "server_label": "docs", "server_url": "https://example.org/mcp"}]},
        {"audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}}},
    ],
)
def test_tolerates_and_echoes_what_real_clients_send(session: dict[str, Any]) -> None:
    after = Driver().effective(**session)

    def echoed(sent: Any, got: Any) -> bool:
        if isinstance(sent, dict):
            return all(echoed(value, got[key]) for key, value in sent.items())
        return bool(sent == got)

    assert echoed(session, after)


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "realtime", "voise": "x"}, "unknown_parameter", "session.voise"),
        ({"type": "realtime", "modalities": ["text"]}, "unknown_parameter", "session.modalities"),
        ({"type": "realtime", "temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"type": "realtime", "id": "sess_1"}, "unknown_parameter", "session.id"),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "silence": 2}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection.silence",
        ),
        ({"instructions": "x"}, "missing_required_parameter", "session.type"),
        ({"type": "realtime", "output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"type": "realtime", "max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"type": "realtime", "max_output_tokens": 4097}, "invalid_value", "session.max_output_tokens"),
        ({"type": "realtime", "audio": {"output": {"speed": 2.0}}}, "invalid_value", "session.audio.output.speed"),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1.5}}}},
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        ({"type": "realtime", "instructions": 3}, "invalid_type", "session.instructions"),
        ({"type": "realtime", "tool_choice": "sometimes"}, "invalid_value", "session.tool_choice"),
    ],
)
def test_one_bad_field_refuses_the_whole_update(session: dict[str, Any], code: str, param: str) -> None:
    driver = Driver()
    error = driver.refused("session.update", session={**session, "tools": [{"type": "function", "name": "f"}]})
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert driver.effective()["tools"] == []


def test_voice_cannot_change_after_audio() -> None:
    driver = Driver()
    assert driver.effective(audio={"output": {"voice": "ash"}})["audio"]["output"]["voice"] == "ash"
    driver.spoken_item("Hello.")
    error = driver.refused("session.update", session={"type": "realtime", "audio": {"output": {"voice": "cedar"}}})
    assert error["code"] == "cannot_update_voice"
    assert driver.effective(audio={"output": {"voice": "ash"}})["audio"]["output"]["voice"] == "ash"


def test_the_speed_changes_between_turns_only() -> None:
    driver = Driver()
    driver.send("response.create")
    faster = {"type": "realtime", "audio": {"output": {"speed": 1.25}}}
    assert driver.refused("session.update", session=faster)["param"] == "session.audio.output.speed"
    driver.finish()
    assert driver.effective(audio={"output": {"speed": 1.25}})["audio"]["output"]["speed"] == 1.25


def test_new_tools_are_prepared_for_at_once() -> None:
    driver = Driver()
    tool = {"type": "function", "name": "f"}
    driver.effective(tools=[tool])
    driver.effective(tools=[tool], instructions="x")
    assert [job.tools for job in driver.jobs if isinstance(job, Prepare)] == [[tool]]


def test_tracing_is_immutable_once_on() -> None:
    driver = Driver()
    driver.effective(tracing="auto")
    assert driver.refused("session.update", session={"type": "realtime", "tracing": None})["param"] == "session.tracing"
    assert driver.effective(tracing="auto")["tracing"] == "auto"


def test_mcp_credentials_are_not_echoed() -> None:
    tool = {"type": "mcp", "server_label": "d", "authorization": "sentinel", "headers": {"X": "sentinel"}}
    assert "sentinel" not in str(Driver().update(tools=[tool]))


def test_a_transcription_session_has_no_voice_and_no_responses() -> None:
    driver = Driver(kind="transcription")
    assert driver.session["type"] == "transcription"
    assert "output" not in driver.session["audio"]
    assert driver.session["audio"]["input"]["transcription"]["model"]
    assert driver.refused("response.create")["code"] == "invalid_event"
    driver.say(*[1.0] * 10, *[0.0] * 20)
    events = driver.hear("hello there")
    assert events[-1]["transcript"] == "hello there"
    assert not [job for job in driver.jobs if type(job).__name__ == "Perform"]


def test_a_session_may_become_a_transcription_session_before_it_began() -> None:
    driver = Driver()
    (event,) = driver.send("session.update", session={"type": "transcription"})
    assert event["session"]["type"] == "transcription"
    late = Driver()
    late.user_says()
    assert late.refused("session.update", session={"type": "transcription"})["param"] == "session.type"


def test_streaming_whisper_refuses_turn_detection() -> None:
    whisper = {"transcription": {"model": "gpt-realtime-whisper"}}
    driver = Driver(kind="transcription")
    (event,) = driver.send("session.update", session={"type": "transcription", "audio": {"input": whisper}})
    assert event["session"]["audio"]["input"]["turn_detection"] is None
    both = {**whisper, "turn_detection": {"type": "server_vad"}}
    error = driver.refused("session.update", session={"type": "transcription", "audio": {"input": both}})
    assert error["param"] == "session.audio.input.turn_detection"


@pytest.mark.parametrize(
    ("session", "param", "words"),
    [
        ({"audio": {"output": {"voice": "marine"}}}, "session.audio.output.voice", "Did you mean 'marin'"),
        ({"audio": {"output": {"voice": "nova"}}}, "session.audio.output.voice", "'marin', 'cedar'"),
        ({"audio": {"output": {"voice": {"id": "voice_123"}}}}, "session.audio.output.voice", "voice_123"),
        ({"model": "gpt-realtme-2.1"}, "session.model", "Did you mean 'gpt-realtime-2.1'"),
        ({"model": "unheard-of"}, "session.model", "does not exist"),
    ],
)
def test_a_voice_or_model_that_the_service_lacks_is_refused(session: dict[str, Any], param: str, words: str) -> None:
    driver = Driver()
    before = driver.effective()
    error = driver.refused("session.update", session={"type": "realtime", "instructions": "new", **session})
    assert error["param"] == param
    assert words in error["message"]
    assert driver.effective() == before


def test_a_response_in_an_unknown_voice_is_refused() -> None:
    error = Driver().refused("response.create", response={"audio": {"output": {"voice": "nova"}}})
    assert (error["code"], error["param"]) == ("invalid_value", "response.audio.output.voice")
