"""The page that a saved notebook keeps: what it holds, what it leaves out, and that nothing in it can act."""

from __future__ import annotations

import html
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.view import embedded_sound, static_page
from realtime_nb.lab.view.chosen_sounds import chosen_trials
from realtime_nb.lab.view.static_page import MOST_SOUND, static_html
from realtime_nb.lab.view.trial_table import MOST_ROWS, chosen_rows, trial_table
from tests.unit.lab.results.sweeps import failed, row, rows_of

WAIT = "speech_end_to_first_audible_ms"
_RATE = 24_000


def _noise(seconds: float) -> AudioClip:
    rng = np.random.default_rng(int(1000 * seconds))
    return AudioClip(rng.integers(-9000, 9000, int(seconds * _RATE)).astype(np.int16), _RATE)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out: they take most of the time."""
    monkeypatch.setattr(static_page, "_FIGURES", ())


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def _heard(results: Results) -> list[str]:
    return [str(each["title"]) for each in _Tags(static_html(results)).of("audio")]


def test_typical_slowest_and_wrong_trials_of_each_variant_are_chosen_once() -> None:
    waits = [500.0, 600.0, 700.0, 800.0, 900.0]
    rows = [row(name, {}, n) | {WAIT: wait} for name in ("a", "b") for n, wait in enumerate(waits)]
    rows[3]["cut_offs"] = 2
    rows.append(failed(row("b", {}, 9)) | {"failed": True})
    found = [(each.row["variant"], each.row[WAIT], each.why) for each in chosen_trials(rows, ["a", "b"], WAIT)]
    assert found == [
        ("a", 700.0, "the same words to every variant"),
        ("b", 700.0, "the same words to every variant"),
        ("a", 900.0, "slowest"),
        ("b", 900.0, "slowest"),
        ("a", 800.0, "cut off"),
        ("b", None, "failed"),
        ("a", 500.0, "fastest"),
        ("b", 500.0, "fastest"),
    ]


def test_trial_that_failed_a_grader_is_chosen_and_other_falsehoods_are_no_failure() -> None:
    rows = [row("a", {}, n) | {WAIT: 500.0 + n, "polite": n != 3, "retryable": False} for n in range(5)]
    found = {each.why: each.row["polite"] for each in chosen_trials(rows, ["a"], WAIT, ["polite", "mood"])}
    assert found.pop("failed polite") is False
    assert all(found.values())


def test_words_that_all_variants_were_asked_are_preferred_to_those_of_one() -> None:
    rows = [row("a", {}, 0), row("b", {}, 0), row("a", {}, 1), row("a", {}, 1, 1)]
    shared = [each.row for each in chosen_trials(rows, ["a", "b"], WAIT) if "same words" in each.why]
    assert [(each["variant"], each["utterance"]) for each in shared] == [
        ("a", "question 0.wav"),
        ("b", "question 0.wav"),
    ]


@pytest.mark.usefixtures("no_figures")
def test_recording_of_the_user_is_on_the_page_once_for_each_utterance() -> None:
    sound = _noise(0.3)
    rows = rows_of({"a": {}, "b": {}}, utterances=2, repeats=1)
    heard = _heard(Results(rows, audio=lambda row: sound, user_audio=lambda row: sound))
    assert len(heard) == len(set(heard)) == 4 + 2
    assert {"User: question 0.wav", "Answer of b to question 1.wav"} <= set(heard)


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("compressed", [True, False])
def test_sounds_take_no_more_room_than_stated_however_many_and_long_they_are(
    monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    if compressed:
        monkeypatch.setattr(embedded_sound, "_mp3", lambda clip: bytes(len(clip) // 2))
    else:
        monkeypatch.setattr(embedded_sound, "_mp3", lambda clip: None)
    sound = _noise(20)
    page = static_html(Results(rows_of({name: {} for name in "abcdefghij"}, utterances=3), audio=lambda row: sound))
    held = sum(map(len, re.findall(r'src="(data:audio[^"]*)"', page)))
    one = len(embedded_sound.sound_address(sound))
    assert MOST_SOUND - one < held <= MOST_SOUND


@pytest.mark.usefixtures("no_figures")
def test_long_sound_is_cut_and_says_so() -> None:
    page = static_html(Results([row("a", {})], audio=lambda row: AudioClip(np.ones(90 * 8000, np.int16), 8000)))
    assert "the first 60 s" in page


@pytest.mark.usefixtures("no_figures")
def test_beginning_of_a_long_answer_ends_with_an_ellipsis() -> None:
    said = "It is half past three, " * 9
    page = static_html(Results([row("a", {}) | {"text": said}], audio=lambda each: _noise(0.1)))
    assert f"<summary>{said[:69]}…</summary>" in page


def test_compressed_sound_is_the_sound() -> None:
    soundfile = pytest.importorskip("soundfile")
    at = np.arange(2 * _RATE) / _RATE
    clip = AudioClip((8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16), _RATE)
    data = embedded_sound._mp3(clip)
    if data is None:
        pytest.skip("this libsndfile cannot write MP3")
    assert len(data) < len(clip.wav_bytes()) / 4
    samples, rate = soundfile.read(io.BytesIO(data))
    middle = samples[rate // 2 : rate // 2 + rate]
    assert rate == _RATE
    assert abs(int(np.argmax(np.abs(np.fft.rfft(middle)))) - 440) <= 1


@pytest.mark.parametrize("rate", [8_000, 11_025, 24_000, 48_000, 7_919])
def test_sound_of_any_rate_has_a_player(rate: int) -> None:
    address = embedded_sound.sound_address(AudioClip(np.ones(rate, np.int16), rate))
    assert address.startswith(("data:audio/mpeg;base64,", "data:audio/wav;base64,"))


@pytest.mark.usefixtures("no_figures")
def test_sound_that_cannot_be_read_here_is_left_out() -> None:
    def unreadable(row: Any) -> AudioClip:
        raise AudioError("reading FLAC takes the extra `files`")

    page = static_html(Results([row("a", {}, text="It is noon.")], audio=unreadable))
    assert "<audio" not in page
    assert "It is noon." in page


def test_table_has_all_rows_or_says_how_many_it_leaves_out() -> None:
    few = Results(rows_of({"a": {}, "b": {}}, utterances=5, repeats=2))
    assert len(_Tags(trial_table(few)).of("tr")) == 1 + 20
    many = Results(rows_of({"a": {}, "b": {}}, utterances=60, repeats=4))
    page = trial_table(many)
    assert len(_Tags(page).of("tr")) == 1 + MOST_ROWS
    assert f"{480 - MOST_ROWS} of 480 rows are not shown here" in page


def test_long_table_has_every_utterance_before_repeats_and_some_failures() -> None:
    rows = rows_of({"a": {}, "b": {}}, utterances=60, repeats=4)
    rows[-1] = failed(rows[-1]) | {"failed": True}
    shown = chosen_rows(rows, ["a", "b"])
    assert {each["utterance"] for each in shown} == {each["utterance"] for each in rows}
    assert sum(bool(each.get("failed")) for each in shown) == 1
    assert [each["variant"] for each in shown][:2] == ["a", "b"] or shown[0]["repeat"] < shown[1]["repeat"]


def test_worse_numbers_have_a_stronger_colour_in_the_metrics_own_direction() -> None:
    rows = [row("a", {}, n) | {WAIT: 500.0 + 100 * n, "polite": n > 1} for n in range(4)]
    lines = trial_table(Results(rows)).split("<tr>")[2:]
    cells = [dict(map(reversed, re.findall(r"rtnb-static-number\"([^>]*)>([^<]*)", line))) for line in lines]
    waits = [_strength(line[words]) for line, words in zip(cells, ("500", "600", "700", "800"), strict=True)]
    assert waits == sorted(waits)
    assert 0.0 == waits[0] < waits[-1] <= 0.4
    passes = [_strength(line[words]) for line, words in zip(cells, ("no", "no", "yes", "yes"), strict=True)]
    assert passes[0] == passes[1] > passes[2] == passes[3] == 0.0


def _strength(style: str) -> float:
    """Return how strong a cell's colour is, from 0 to 1."""
    found = re.findall(r"([\d.]+)\)", style)
    return float(found[0]) if found else 0.0


_HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a></details>'


def test_texts_of_a_server_stay_texts(tmp_path: Path) -> None:
    calls = [{"name": _HOSTILE, "arguments": {"a": _HOSTILE}}, {"name": "f", "arguments": _HOSTILE}]
    texts = dict.fromkeys(("said", "heard", "text", "rating_note", "mood"), _HOSTILE)
    rows = [
        row(_HOSTILE + "1", {"instructions": _HOSTILE}, tool_calls=calls) | texts,
        row(_HOSTILE + "2", {"instructions": "x" + _HOSTILE}) | texts | {"utterance": _HOSTILE},
        failed(row(_HOSTILE + "2", {"instructions": "x" + _HOSTILE}, 1), _HOSTILE),
    ]
    sound = _noise(0.2)
    results = Results(rows, folder=tmp_path, audio=lambda row: sound, user_audio=lambda row: sound)
    page = results.save(tmp_path / "page.html").read_text(encoding="utf-8")
    tags = _Tags(page)
    allowed = (
        "html head meta title style body main div p b h1 table thead tbody tr th td details summary img audio code"
    )
    assert {tag for tag, _ in tags.found} <= set(allowed.split())
    assert not {name for _, attributes in tags.found for name in attributes if name.startswith("on") or name == "href"}
    assert all(str(each["src"]).startswith("data:") for tag in ("img", "audio") for each in tags.of(tag))
    assert page.count("<details") == page.count("</details>")
    assert len(tags.of("img")) >= 4
    assert all(each.get("alt") for each in tags.of("img"))


@pytest.mark.usefixtures("no_figures")
def test_page_loads_nothing_and_says_where_the_rest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = static_html(Results([row("a", {})], folder=tmp_path))
    assert "rt.Results.open(" not in temporary  # the folder of a run without cache= is soon gone
    monkeypatch.setattr(static_page, "gettempdir", lambda: "/nowhere")
    results = Results([row("a", {})], folder=tmp_path)
    page = results.save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "rt.Results.open(" in page
    assert not re.findall(r"https?://", page)


def test_page_of_another_ending_is_refused_with_what_writes_rows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.html; to_csv"):
        Results([row("a", {})]).save(tmp_path / "results.csv")


def test_page_without_matplotlib_says_why_it_has_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime_nb.lab.results.figures import shown_figure

    shown_figure._figure_class.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = static_html(Results(rows_of({"a": {}, "b": {}}, utterances=2, repeats=1)))
    assert "No figures: figures need matplotlib" in page
    assert "<table" in page


@pytest.mark.usefixtures("no_figures")
def test_sweep_of_failures_has_a_page() -> None:
    page = static_html(Results([failed(row(name, {"voice": name})) for name in ("a", "b")]))
    assert "the server went away" in page


@pytest.mark.usefixtures("no_figures")
def test_page_is_made_once_until_a_row_changes() -> None:
    asked: list[str] = []

    def sound(row: Any) -> AudioClip:
        asked.append(row["trial_id"])
        return _noise(0.1)

    results = Results([row("a", {}), row("b", {})], audio=sound)
    first = static_html(results)
    heard = len(asked)
    assert static_html(results) == first
    assert len(asked) == heard > 0
    results.rate(results.rows[0]["trial_id"], 5, "warm")
    assert "warm" in static_html(results)


def test_unfolded_trial_says_why_speech_was_not_recognised() -> None:
    why = "Only commands are recognised; for free speech: pip install 'realtime-nb[whisper]'."
    page = html.unescape(static_html(Results([row("a", {}, recognition=why), row("b", {})])))
    assert page.count(why) >= 2, "below the table, and where the trial unfolds"
