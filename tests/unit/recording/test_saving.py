"""A saved conversation is complete, contains no live markup, and can be read by other programs."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from realtime_nb.audio.wav import read_wav
from realtime_nb.conversation import ToolCall, Turn
from realtime_nb.conversation.turn import TurnSound
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.recording import save, to_html

EVIL = "<img src=x onerror=alert(1)> \u202eevil </section><script>1</script>"


def _turn(
    item_id: str, role: str = "assistant", *, text: str = "Hello there", sound: bool = False, **more: object
) -> Turn:
    samples = np.arange(2400, dtype="<i2")
    fields = {"heard_text": text, "status": "completed", **more}
    return Turn(
        item_id=item_id,
        revision=1,
        role=role,  # type: ignore[arg-type]
        text=text,
        _sound=TurnSound([samples.tobytes()], 2400) if sound else None,
        **fields,  # type: ignore[arg-type]
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def test_saved_turn_contains_no_live_markup() -> None:
    call = ToolCall(call_id="c", name=EVIL, arguments=EVIL, status="completed", output=EVIL)
    html = to_html([_turn("a", text=EVIL, tool_calls=(call,), note=EVIL, status="failed")])
    tags = _Tags()
    tags.feed(html)
    assert {"img", "script"}.isdisjoint(tags.seen)
    assert tags.seen.count("section") == 1


def test_unheard_text_is_struck_out() -> None:
    html = to_html([_turn("a", text="one two three", heard_text="one", status="interrupted")])
    assert 'one<s title="never heard"> two three</s>' in html


def test_the_wav_holds_both_sides_in_order(tmp_path: Path) -> None:
    path = save([_turn("a", "user", sound=True), _turn("b"), _turn("c", sound=True)], tmp_path / "talk.wav")
    samples, rate = read_wav(path)
    assert rate == 24_000
    assert len(samples) == 2 * (2400 + 6000)
    np.testing.assert_array_equal(samples[:2400], np.arange(2400))


def test_json_and_text_hold_the_words(tmp_path: Path) -> None:
    turns = [_turn("a", "user", text="Héllo"), _turn("b", text="Hi")]
    assert save(turns, tmp_path / "talk.txt").read_text(encoding="utf-8") == "You: Héllo\nAssistant: Hi\n"
    facts = json.loads(save(turns, str(tmp_path / "talk.json")).read_text(encoding="utf-8"))
    assert [(fact["role"], fact["text"]) for fact in facts] == [("user", "Héllo"), ("assistant", "Hi")]


def test_saved_page_is_self_contained(tmp_path: Path) -> None:
    html = save([_turn("a", sound=True)], tmp_path / "talk.html").read_text(encoding="utf-8")
    assert "data:audio/wav;base64," in html
    assert "http" not in html


def test_unknown_file_ending_and_wav_without_audio_raise(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'.*talk\.mp3'.*\.html"):
        save([], tmp_path / "talk.mp3")
    with pytest.raises(AudioError, match="no sound"):
        save([_turn("a")], tmp_path / "talk.wav")
