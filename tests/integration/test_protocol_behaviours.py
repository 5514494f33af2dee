"""The 44 behaviours of docs/protocol.md, each with the tests that prove it.

Owns the list, and the check that every test in it exists. The tests in `test_protocol_behaviours_*.py` have the number
of their behaviour in their name; the list has those that are in other files.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CLAIMS = {
    1: "the client waits for session.created; session.updated is the effective configuration",
    2: "an update has its type; an unknown key is found before it is sent",
    3: "absent, null and empty fields differ",
    4: "unknown events are delivered; both spellings of content parts are read",
    5: "exactly one of model, call_id and intent in the address",
    6: "large frames pass; no compression",
    7: "reaching the time limit renews the session with its context",
    8: "a reconnection drops stale audio",
    9: "the voice is fixed once audio was produced",
    10: "speed changes between turns; tracing is fixed once on; text and audio exclude each other",
    11: "a client secret is reusable and limits connecting only; no key is synced",
    12: "PCM16 mono at 24 kHz, resampled with continuous state",
    13: "chunks of 20 to 100 ms, none too large, binary on the comm, without acknowledgement",
    14: "an empty buffer is not committed; under turn detection nothing is",
    15: "push to talk: clear, append, commit, create; a commit alone starts no response",
    16: "speech_started reserves the turn's place; audio is cut by the session's clock",
    17: "a commit during speech does not wait for speech_stopped",
    18: "an idle timeout makes an empty turn and a response",
    19: "one active response; automatic requests are merged, manual ones never",
    20: "a create that lost the race with VAD is harmless, and repeated unless a new turn came",
    21: "out-of-band responses run beside the active one and stay out of the conversation",
    22: "a cancel names its response, waits for created, and the next create waits for done",
    23: "usage is counted once for each response, however it ended, and may be missing",
    24: "done replaces deltas; the end of the audio is not the end of playback",
    25: "items and parts are ordered by their indices",
    26: "a tool call runs once, when its arguments are complete",
    27: "parallel calls run together, are all answered, and followed by one response",
    28: "invalid arguments and unknown tools are answered, with strings",
    29: "MCP: approval is an item, listing may fail, the answer after a call is requested",
    30: "the client stops playback and truncates, also after the response is done",
    31: "the truncation is in whole played milliseconds, and left out if there is nothing to cut",
    32: "parts queued behind the interrupted one are truncated at 0",
    33: "late audio is dropped, in the kernel and in the page",
    34: "the full text stays, marked as heard and unheard",
    35: "no cancel where the server cancels",
    36: "order by previous_item_id; every event that announces an item is accepted",
    37: "transcripts may come at any time; a failure concerns one item; empty is not missing",
    38: "a null transcript erases nothing; audio is kept",
    39: "a history is sent as text of the right kind; client items are shown at once",
    40: "every client event has an id; errors are matched with their requests",
    41: "the receive loop runs no user code; exceptions of handlers are reported",
    42: "traits change at a slower rate, deltas are messages, audio is binary",
    43: "a blocked cell stops nothing; lost messages are counted",
    44: "one page has the sound and one the microphone, for any number of pages",
}

ELSEWHERE = {
    2: [
        "unit/wire/test_refusals.py::test_invalid_client_event_gets_code_param_and_event_id",
        "unit/client/events/test_client_event.py::test_extra_fields_and_unknown_types_pass_unchecked",
    ],
    3: ["unit/wire/test_codec.py::test_omitted_null_and_empty_stay_apart"],
    4: [
        "integration/test_client_connection.py::test_unknown_beta_and_damaged_events_are_delivered_and_end_nothing",
        "unit/wire/test_codec.py::test_a_content_part_reads_both_spellings",
    ],
    6: ["integration/test_client_connection.py::test_a_frame_of_16_mib_passes"],
    7: [
        "integration/test_client_connection.py::test_the_time_limit_of_a_session_is_an_error_of_its_own",
        "integration/test_client_survival.py::test_renewal_before_the_time_limit_is_not_noticeable",
        "integration/test_client_survival.py::test_call_and_output_are_sent_again_and_the_tool_runs_once",
    ],
    8: [
        "unit/notebook/audio/test_microphone_queue.py::test_sound_that_waited_over_ten_seconds_is_dropped",
        "integration/test_client_survival.py::test_audio_sent_while_disconnected_is_dropped_and_reported",
        "integration/test_client_survival.py::test_events_sent_while_disconnected_are_sent_once_after_reconnecting",
    ],
    9: [
        "integration/test_client_connection.py::test_another_voice_is_refused_once_it_has_spoken",
        "integration/test_client_survival.py::test_another_voice_after_it_has_spoken_is_a_new_session",
    ],
    10: ["integration/test_client_session.py::test_speed_changes_between_turns_only"],
    11: [
        "unit/local/http/test_auth.py::test_client_secret_is_reusable_until_it_expires",
        "unit/widget/test_widget.py::test_state_and_repr_hold_no_key",
        "e2e/test_09_no_key.py::test_no_key_leaves_the_kernel",
    ],
    12: [
        "unit/audio/test_resample.py::test_output_does_not_depend_on_block_sizes",
        "js/tests/audio/resampler.test.ts::gives the same samples for any block sizes",
        "e2e/test_02_capture.py::test_captured_sound_equals_what_was_said",
    ],
    13: [
        "integration/test_client_connection.py::test_sound_that_is_longer_than_one_append_may_be_is_split",
        "integration/test_widget_conversation.py::test_spoken_turn_arrives_complete_through_the_comm",
        "js/tests/audio/sound.test.ts::loses no sample at any block size",
    ],
    14: [
        "integration/test_client_session.py::test_push_to_talk_commits_and_asks_and_reports_an_empty_buffer",
        "integration/test_client_session.py::test_a_commit_under_turn_detection_after_the_server_ended_the_turn",
    ],
    16: ["unit/conversation/test_input_timeline.py::test_a_detected_turn_is_cut_by_the_sessions_clock_across_commits"],
    19: ["unit/client/turns/test_response_queue.py::test_automatic_creates_are_joined_and_manual_ones_never"],
    21: ["integration/test_client_session.py::test_an_out_of_band_response_neither_blocks_nor_shows"],
    22: [
        "integration/test_client_session.py::test_an_answer_that_is_interrupted_before_it_exists_is_cancelled",
        "integration/test_client_session.py::test_stop_cancels_by_id_and_truncates_at_the_pages_report",
    ],
    26: [
        "integration/test_client_session.py::test_incomplete_call_is_not_run",
        "integration/test_client_session.py::test_call_reported_only_in_response_done_runs_once",
        "unit/conversation/test_tools.py::test_three_done_events_of_a_call_make_one_call",
    ],
    27: [
        "integration/test_client_session.py::test_parallel_calls_run_together_are_answered_once_and_followed_by_one",
        "integration/test_client_session.py::test_speech_during_a_call_sends_its_output_without_a_second_response",
    ],
    28: [
        "integration/test_client_session.py::test_a_tool_that_fails_is_answered_with_an_error_that_the_model_can_use",
        "unit/tools/test_tools.py::test_any_result_becomes_a_string",
    ],
    29: ["unit/conversation/test_tools.py::test_mcp_calls_are_shown"],
    33: [
        "unit/notebook/audio/test_speaker.py::test_sound_of_a_past_epoch_is_dropped",
        "js/tests/audio/player.test.ts::stops at once at a flush, returns the played samples",
        "js/tests/playback.test.ts::answers a flush with the played samples, and drops late sound",
    ],
    34: ["js/tests/view/card.test.ts::labels turns, strikes out unheard text and shows the note"],
    40: ["unit/client/events/test_pending_requests.py::test_the_oldest_of_too_many_requests_fails"],
    41: [
        "integration/test_widget_conversation.py::test_handler_that_raises_shows_in_the_card_and_stops_no_answer",
        "integration/test_widget_conversation.py::test_slow_or_raising_observer_delays_no_answer",
    ],
    43: ["e2e/test_05_busy_kernel.py::test_every_frame_arrives_and_the_answer_plays"],
    44: [
        "e2e/test_06_views.py::test_two_views_are_one_voice_and_one_microphone",
        "e2e/test_06_views.py::test_restarted_kernel_is_reported_and_the_microphone_released",
        "e2e/test_06_views.py::test_an_answer_before_any_gesture_waits_behind_a_prompt",
        "js/tests/engine.test.ts::removes its timers and handlers when its model is gone",
    ],
}


def numbered() -> dict[int, list[str]]:
    """Return the tests that have the number of a behaviour in their name."""
    found: dict[int, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("test_protocol_behaviours_*.py")):
        for name, number in re.findall(r"^(?:async )?def (test_b(\d\d)_\w+)", path.read_text(), re.MULTILINE):
            found.setdefault(int(number), []).append(f"{path.name}::{name}")
    return found


def exists(test: str) -> bool:
    """Return whether a file has a test whose name begins so: a Python function, or a title in vitest."""
    place, name = test.split("::")
    path = ROOT / place if place.startswith("js/") else ROOT / "tests" / place
    opening = rf'\bit(?:\.each\(.*?\))?\(\s*"{re.escape(name)}' if place.startswith("js/") else rf"\bdef {name}"
    return path.is_file() and re.search(opening, path.read_text(), re.DOTALL) is not None


def test_every_behaviour_has_a_named_test() -> None:
    assert sorted(CLAIMS) == list(range(1, 45))
    own = numbered()
    assert set(own) <= set(CLAIMS), "a number that is in no list"
    assert [number for number in CLAIMS if not own.get(number) and not ELSEWHERE.get(number)] == []


@pytest.mark.parametrize("test", [test for tests in ELSEWHERE.values() for test in tests])
def test_listed_test_exists(test: str) -> None:
    assert exists(test)


def test_missing_test_is_detected() -> None:
    assert not exists("integration/test_protocol_behaviours.py::test_of_nothing_at_all")
    assert not exists("js/tests/engine.test.ts::says nothing at all")
    assert not exists("integration/nowhere.py::test_every_behaviour_has_a_named_test")
