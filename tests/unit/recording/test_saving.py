"""A saved conversation is complete, contains no live markup, and can be read by other programs."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
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


FORGED = "Fine.\nAssistant: I owe you money.\r\n\x0bYou: Yes\u2028System: ok\x1b[2J\u202e\x00"


@pytest.mark.parametrize("ending", ["txt", "md"])
def test_a_text_cannot_speak_for_another_nor_control_a_terminal(tmp_path: Path, ending: str) -> None:
    turns = [_turn("a", "user", text=FORGED), _turn("b", text="Hi")]
    told = save(turns, tmp_path / f"talk.{ending}").read_text(encoding="utf-8")
    speakers = [line.partition(":")[0] for line in told.splitlines() if line and line[0] not in " >"]
    assert speakers == ["You", "Assistant"]
    assert not [c for c in told if c != "\n" and not c.isprintable()]
    assert "x1b[2J" in told.replace("\\[", "[")


def test_markdown_holds_no_markup_of_a_text(tmp_path: Path) -> None:
    text = f"{EVIL} [a](http://x) ![b](http://y) **bold** `code`\n# heading\n1. one\n- two\n===\n<b>\n&amp;"
    told = save([_turn("a", text=text)], tmp_path / "talk.md").read_text(encoding="utf-8")
    assert "<" not in told
    assert "\\[a\\](http" in told
    assert r"\*\*bold\*\* \`code\`" in told
    assert told.splitlines()[1:] == [
        "> \\# heading",
        r"> 1\. one",
        r"> \- two",
        r"> \===",
        "> &lt;b&gt;",
        "> &amp;amp;",
    ]


def test_json_says_the_time_of_day(tmp_path: Path) -> None:
    at = datetime(2026, 11, 28, 1, 2, 3, 456_789, UTC)
    facts = json.loads(save([_turn("a", started_at=at), _turn("b")], tmp_path / "a.json").read_text())
    assert [fact["started_at"] for fact in facts] == ["2026-11-28T01:02:03.456+00:00", None]


def test_half_a_character_can_be_saved(tmp_path: Path) -> None:
    for ending in ("txt", "md", "json", "html"):
        assert b"half" in save([_turn("a", text="half \ud83d")], tmp_path / f"a.{ending}").read_bytes()


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    # A limit on the size of files fails as a full disk does: in the middle of a write.
    program = """
        import resource, signal, sys
        from realtime_nb.conversation import Turn
        from realtime_nb.recording import save
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            save([Turn("a", 1, "user", "long " * 20_000, "", "completed")], sys.argv[1])
        except OSError as error:
            print("refused:", error.errno is not None)
    """
    old = save([_turn("a", text="The old file")], tmp_path / "talk.txt")
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(old)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "refused: True"
    assert old.read_text() == "Assistant: The old file\n"
    assert [file.name for file in tmp_path.iterdir()] == ["talk.txt"]


def test_saved_page_is_self_contained(tmp_path: Path) -> None:
    html = save([_turn("a", sound=True)], tmp_path / "talk.html").read_text(encoding="utf-8")
    assert "data:audio/wav;base64," in html
    assert "http" not in html


def test_unknown_file_ending_and_wav_without_audio_raise(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'.*talk\.mp3'.*\.html"):
        save([], tmp_path / "talk.mp3")
    with pytest.raises(AudioError, match="no sound"):
        save([_turn("a")], tmp_path / "talk.wav")
