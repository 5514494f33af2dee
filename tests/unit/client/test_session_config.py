"""What was set and what the server echoed: one value, without a connection."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import check_settings
from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime import AnySessionConfig, RealtimeSessionConfig, TranscriptionSessionConfig
from realtime_nb.wire.realtime.codec import decode_server, encode

VAD = {"type": "server_vad", "create_response": True}


def echo(**session: Any) -> AnySessionConfig:
    """A session as the server echoes it, through the codec."""
    event = decode_server(encode({"type": "session.updated", "session": {"type": "realtime", **session}}))
    echoed = getattr(event, "session", None)
    assert isinstance(echoed, RealtimeSessionConfig | TranscriptionSessionConfig)
    return echoed


def detecting(detection: Any) -> AnySessionConfig:
    return echo(audio={"input": {"turn_detection": detection}})


def test_wanted_lays_accepted_and_unanswered_updates_over_each_other_in_order() -> None:
    config = SessionConfig()
    config.sent("evt_1", {"type": "realtime", "instructions": "one", "audio": {"output": {"voice": "marin"}}})
    config.sent("evt_2", {"type": "realtime", "instructions": "two"})
    config.updated(echo())
    assert config.wanted == {
        "type": "realtime",
        "instructions": "two",
        "audio": {"output": {"voice": "marin"}},
    }


def test_a_refused_update_leaves_wanted() -> None:
    config = SessionConfig()
    config.sent("evt_1", {"type": "realtime", "instructions": "one"})
    config.sent("evt_2", {"type": "realtime", "instructions": "two"})
    config.refused("evt_2")
    config.refused(None)
    assert config.wanted["instructions"] == "one"


def test_an_update_that_the_lost_session_did_not_answer_is_part_of_what_is_restored() -> None:
    config = SessionConfig()
    config.sent("evt_1", {"type": "realtime", "instructions": "one"})
    config.on_transport_lost()
    config.created(echo())
    config.restored(config.wanted)
    config.updated(echo(instructions="one"))
    assert config.wanted == {"type": "realtime", "instructions": "one"}


def test_another_connection_begins_with_the_settings_and_without_an_echo() -> None:
    config = SessionConfig({"instructions": "Be brief."}, {"truncation": "auto"})
    config.sent("evt_1", config.whole())
    config.created(echo(instructions="Be brief."))
    config.has_spoken = True
    config.on_connecting()
    assert (config.effective, config.wanted, config.has_spoken) == ({}, {}, False)
    assert config.whole() == {"type": "realtime", "instructions": "Be brief.", "truncation": "auto"}


def test_a_bad_setting_raises_and_changes_nothing() -> None:
    config = SessionConfig(check_settings({}))
    before = config.whole()
    with pytest.raises(ConfigError, match="instructions"):
        config.set({"speed": 1.2, "instruction": "x"})
    with pytest.raises(ConfigError, match="speed"):
        config.set({"instructions": "x", "speed": 9})
    assert config.whole() == before


def test_a_setting_that_becomes_none_clears_the_instructions_on_the_wire() -> None:
    config = SessionConfig({"instructions": "Be brief."})
    assert config.change({"instructions": None}) == {"type": "realtime", "instructions": ""}
    assert config.settings["instructions"] is None


def test_a_telephone_format_is_refused_wherever_it_comes_from() -> None:
    telephone = {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}
    with pytest.raises(ConfigError, match=r"G\.711"):
        SessionConfig(extra=telephone)
    with pytest.raises(ConfigError, match=r"G\.711"):
        SessionConfig().set(telephone)
    with pytest.raises(ConfigError, match=r"G\.711"):
        SessionConfig().set({}, telephone)


def test_a_voice_can_change_until_it_has_spoken() -> None:
    config = SessionConfig()
    config.created(echo(audio={"output": {"voice": "marin"}}))
    cedar = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    config.keep_voice(cedar)
    assert cedar["audio"] == {"output": {"voice": "cedar"}}
    config.has_spoken = True
    assert config.is_another_voice(cedar)
    with pytest.raises(ConfigError, match=r"voice='cedar'.*'marin' now"):
        config.keep_voice(cedar)
    config.on_transport_lost()
    assert not config.is_another_voice(cedar), "the next session takes any voice"


def test_the_voice_that_has_spoken_is_taken_out_of_an_update() -> None:
    config = SessionConfig()
    config.created(echo(audio={"output": {"voice": "marin"}}))
    config.has_spoken = True
    alone: dict[str, Any] = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
    config.keep_voice(alone)
    assert alone == {"type": "realtime"}
    faster: dict[str, Any] = {"type": "realtime", "audio": {"output": {"voice": "marin", "speed": 1.2}}}
    config.keep_voice(faster)
    assert faster["audio"] == {"output": {"speed": 1.2}}


def test_tracing_cannot_change_once_it_is_on() -> None:
    config = SessionConfig()
    config.created(echo(tracing="auto"))
    same: dict[str, Any] = {"type": "realtime", "tracing": "auto"}
    config.keep_tracing(same)
    assert same == {"type": "realtime"}
    with pytest.raises(ConfigError, match="tracing"):
        config.keep_tracing({"type": "realtime", "tracing": None})


def test_turn_detection_that_is_off_for_a_moment_counts_as_on() -> None:
    config = SessionConfig()
    config.created(detecting(VAD))
    assert config.put_off_turn_detection() == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    config.updated(detecting(None))
    assert config.turn_detection == VAD
    assert config.server_answers
    assert config.answers_only_requests, "just now, the server begins no response"


def test_turn_detection_that_is_set_while_it_is_off_comes_with_the_resumption() -> None:
    config = SessionConfig()
    config.created(detecting(VAD))
    config.put_off_turn_detection()
    change: dict[str, Any] = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
    config.hold_back_turn_detection(change)
    assert change == {"type": "realtime"}
    assert config.resumed_turn_detection() == {
        "type": "realtime",
        "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}},
    }
    config.turn_detection_is_back()
    assert config.turn_detection == VAD, "the echo counts again"


@pytest.mark.parametrize(
    ("session", "only_requests", "answers"),
    [
        (detecting(None), True, False),
        (detecting({"type": "server_vad", "create_response": False}), True, False),
        (detecting({"type": "server_vad"}), False, True),
        (echo(), False, False),
    ],
)
def test_whether_the_server_begins_responses_is_read_from_its_echo(
    session: AnySessionConfig, only_requests: bool, answers: bool
) -> None:
    config = SessionConfig()
    config.created(session)
    assert (config.answers_only_requests, config.server_answers) == (only_requests, answers)


def test_the_kind_of_session_and_its_input_format_are_read_from_the_echo() -> None:
    config = SessionConfig()
    assert (config.session_type, config.input_is_pcm) == ("realtime", True)
    config.created(echo(type="transcription", audio={"input": {"format": {"type": "audio/pcmu"}}}))
    assert (config.session_type, config.input_is_pcm) == ("transcription", False)


def test_a_setting_that_changes_later_counts_before_the_first_fields_in_a_new_session() -> None:
    fields = {"audio": {"output": {"speed": 1.2, "voice": "marin"}}, "truncation": "disabled"}
    config = SessionConfig(check_settings({"instructions": "one"}), fields)
    assert config.whole()["audio"]["output"]["speed"] == 1.2
    config.change({"speed": 0.8})
    config.set({"voice": "cedar"})
    assert config.whole()["audio"]["output"] == {"speed": 0.8, "voice": "cedar"}
    assert config.whole()["truncation"] == "disabled"
    config.set({}, {"audio": {"output": {"speed": 1.4}}})
    assert config.whole()["audio"]["output"]["speed"] == 1.4


def test_tool_choice_is_checked_against_the_tools_where_they_are_known() -> None:
    def add(a: int) -> int:
        return a

    config = SessionConfig()
    config.set({"tool_choice": "elsewhere"})
    config.set({"tools": [add], "tool_choice": "add"})
    with pytest.raises(ConfigError, match=r"'addd'.*Did you mean 'add'"):
        config.set({"tool_choice": "addd"})
    with pytest.raises(ConfigError, match="tool_choice='add'"):
        config.set({"tools": []})
    assert config.settings["tool_choice"] == "add"
