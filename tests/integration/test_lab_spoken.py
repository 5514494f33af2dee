"""Spoken utterances: the voice of the practice backend, from a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

import realtime_nb as rt
from realtime_nb.local.voice.part_spec import installed

pytestmark = pytest.mark.skipif(not installed("espeakng_loader"), reason="the voice is not installed")

_SCRIPT = """
import sys
import realtime_nb as rt
for said in rt.spoken(["What time is it?", "Hello there.", "What time is it?"]):
    print(said.hash)
print("espeak" in " ".join(sys.modules))
"""


def test_the_same_text_is_the_same_sound_in_another_process_and_after_others() -> None:
    here = rt.spoken("What time is it?")
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    first, other, again, loaded = done.stdout.split()
    assert here.hash == first == again != other
    assert loaded == "False", "espeak-ng is loaded in the backend's processes only"
    assert (here.said, here.synthetic, here.label) == ("What time is it?", True, "What time is it?")
    assert here.speech is not None
    assert 500 < here.speech.end_ms < 2000


def test_voices_and_speeds_differ() -> None:
    words = "What time is it?"
    made = [rt.spoken(words), rt.spoken(words, voice="cedar"), rt.spoken(words, speed=1.4)]
    assert len({each.hash for each in made}) == 3
    assert len(made[2].sound) < len(made[0].sound)


@pytest.mark.parametrize("options", [{"speed": 9}, {"voice": ""}, {"voice": 3}])
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(rt.ConfigError):
        rt.spoken("Hello", **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("text", ["", " … ", None, 3, ["Hello", None]])
def test_what_holds_no_words_is_refused(text: object) -> None:
    with pytest.raises(rt.ConfigError):
        rt.spoken(text)
