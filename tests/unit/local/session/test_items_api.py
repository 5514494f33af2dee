"""Items: their order, creation, retrieval, deletion and truncation."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from tests.unit.local.driver import Driver, base64_of, types


def _text(text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


def _order(driver: Driver) -> list[str]:
    return [stored.item_id for stored in driver.machine._state.items]


def test_items_are_announced_twice_and_chained() -> None:
    driver = Driver()
    first = driver.send("conversation.item.create", item=_text(id="a"))
    second = driver.send("conversation.item.create", item=_text(id="b"))
    assert types(first) == ["conversation.item.added", "conversation.item.done"]
    assert first[0]["previous_item_id"] is None
    assert second[0]["previous_item_id"] == second[1]["previous_item_id"] == "a"
    assert first[0]["item"]["status"] == "completed"
    assert first[0]["item"]["object"] == "realtime.item"


def test_previous_item_id_places_an_item() -> None:
    driver = Driver()
    driver.send("conversation.item.create", item=_text(id="a"))
    driver.send("conversation.item.create", item=_text(id="b"))
    assert (
        driver.send("conversation.item.create", item=_text(id="c"), previous_item_id="a")[0]["previous_item_id"] == "a"
    )
    assert (
        driver.send("conversation.item.create", item=_text(id="d"), previous_item_id="root")[0]["previous_item_id"]
        is None
    )
    assert (
        driver.send("conversation.item.create", item=_text(id="e"), previous_item_id=None)[0]["previous_item_id"] == "b"
    )
    assert _order(driver) == ["d", "a", "c", "b", "e"]


def test_an_unknown_previous_item_refuses_the_item() -> None:
    driver = Driver()
    error = driver.refused("conversation.item.create", item=_text(id="a"), previous_item_id="nobody")
    assert error["param"] == "previous_item_id"
    assert error["code"]
    assert _order(driver) == []


def test_duplicate_item_id_is_refused() -> None:
    driver = Driver()
    driver.send("conversation.item.create", item=_text(id="my_own_id"))
    assert driver.refused("conversation.item.create", item=_text(id="my_own_id"))["param"] == "item.id"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}],
        },
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"},
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
        {"type": "mcp_approval_response", "id": "x", "approval_request_id": "y", "approve": True},
        {"type": "mcp_list_tools", "server_label": "x", "tools": []},
    ],
)
def test_every_kind_of_item_is_accepted(item: dict[str, Any]) -> None:
    assert types(Driver().send("conversation.item.create", item=item)) == [
        "conversation.item.added",
        "conversation.item.done",
    ]


@pytest.mark.parametrize(
    ("role", "part", "code", "param"),
    [
        ("assistant", {"type": "output_audio", "transcript": "x"}, "invalid_value", "item.content[0].type"),
        ("user", {"type": "output_text", "text": "x"}, "invalid_value", "item.content[0].type"),
        ("system", {"type": "input_audio", "audio": ""}, "invalid_value", "item.content[0].type"),
        ("user", {"type": "input_text"}, "missing_required_parameter", "item.content[0].text"),
        ("user", {"type": "input_audio"}, "missing_required_parameter", "item.content[0].audio"),
        ("user", {"type": "input_audio", "audio": "???"}, "invalid_value", "item.content[0].audio"),
    ],
)
def test_content_that_a_role_cannot_have_is_refused(role: str, part: dict[str, Any], code: str, param: str) -> None:
    error = Driver().refused("conversation.item.create", item={"type": "message", "role": role, "content": [part]})
    assert (error["code"], error["param"]) == (code, param)


def test_item_sound_is_stored_recognised_and_not_echoed() -> None:
    driver = Driver()
    sound = np.arange(4_800, dtype=np.int16)
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": base64_of(sound)}]}
    added = driver.send("conversation.item.create", item=item)[0]["item"]
    assert "audio" not in added["content"][0]
    (retrieved,) = driver.send("conversation.item.retrieve", item_id=added["id"])
    assert base64.b64decode(retrieved["item"]["content"][0]["audio"]) == sound.tobytes()
    assert driver.recognize.stored.user_sound is not None


def test_delete_removes_an_item() -> None:
    driver = Driver()
    item_id = driver.user_says()
    (event,) = driver.send("conversation.item.delete", item_id=item_id)
    assert (event["type"], event["item_id"]) == ("conversation.item.deleted", item_id)
    assert _order(driver) == []


@pytest.mark.parametrize("doing", ["delete", "retrieve", "truncate"])
def test_unknown_items_are_refused(doing: str) -> None:
    more = {"content_index": 0, "audio_end_ms": 0} if doing == "truncate" else {}
    error = Driver().refused(f"conversation.item.{doing}", item_id="nobody", **more)
    assert error["param"] == "item_id"
    assert doing in error["code"]


def test_truncation_cuts_the_sound_and_removes_the_transcript() -> None:
    driver = Driver()
    item_id = driver.spoken_item("One", " two", " three")
    (event,) = driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1_200)
    assert (event["type"], event["audio_end_ms"]) == ("conversation.item.truncated", 1_200)
    (retrieved,) = driver.send("conversation.item.retrieve", item_id=item_id)
    part = retrieved["item"]["content"][0]
    assert len(base64.b64decode(part["audio"])) == 1_200 * 48
    assert not part.get("transcript")
    # The words that were heard whole stay in the server's own memory.
    assert driver.machine._state.items.get(item_id).heard_text == "One two"  # type: ignore[union-attr]


def test_truncation_at_the_start_and_at_the_end_is_accepted() -> None:
    driver = Driver()
    item_id = driver.spoken_item("One")
    assert types(driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=500))
    assert types(driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)) == [
        "conversation.item.truncated"
    ]


def test_sound_after_a_truncation_stays_out_of_the_conversation() -> None:
    driver = Driver()
    driver.send("response.create")
    item_id = driver.speak("One", " two")[1]["item"]["id"]
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=600)
    driver.speak(" three", begin=False)
    driver.finish()
    (retrieved,) = driver.send("conversation.item.retrieve", item_id=item_id)
    part = retrieved["item"]["content"][0]
    assert len(base64.b64decode(part["audio"])) == 600 * 48
    assert not part.get("transcript")


def test_truncation_beyond_the_end_is_refused() -> None:
    driver = Driver()
    item_id = driver.spoken_item("One")
    error = driver.refused("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=501)
    assert (error["code"], error["param"]) == ("invalid_value", "audio_end_ms")
    assert error["message"] == "Audio content of 500ms is already shorter than 501ms"


def test_only_an_assistants_sound_can_be_truncated() -> None:
    driver = Driver()
    user = driver.user_says()
    assert driver.refused("conversation.item.truncate", item_id=user, content_index=0, audio_end_ms=0)["code"]
    driver.send("response.create", response={"output_modalities": ["text"]})
    driver.writer.begin_message()
    driver.writer.write_text("hello")
    driver.finish()
    written = _order(driver)[-1]
    error = driver.refused("conversation.item.truncate", item_id=written, content_index=0, audio_end_ms=0)
    assert error["code"] == "unsupported_content_type"
    spoken = driver.spoken_item("One")
    error = driver.refused("conversation.item.truncate", item_id=spoken, content_index=1, audio_end_ms=0)
    assert error["param"] == "content_index"
    error = driver.refused("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=-1)
    assert error["param"] == "audio_end_ms"
