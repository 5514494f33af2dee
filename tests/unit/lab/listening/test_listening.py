"""Sittings and votes on the rows of a sweep: what is heard, kept, taken back, and ranked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.listening.listening import BlindListening
from realtime_nb.lab.listening.votes import FILE, AnswerRef, VoteLog
from realtime_nb.lab.results.results import Results
from tests.unit.lab.results.sweeps import failed, rows_of

VOICES: dict[str, dict[str, Any]] = {name: {"voice": name} for name in ("marin", "cedar", "alloy")}


_ENDLESS = (
    '{"first": ["a", 1e400], "second": ["b", 0], "choice": "first", "listener": "", "by": "", "at": 1, "vote": ""}'
)


def _clip(row: Any) -> AudioClip:
    t = np.arange(12_000)
    hz = 200 + sum(map(ord, row["variant"])) % 300
    return AudioClip(np.rint(4_000 * np.sin(2 * np.pi * hz / 24_000 * t)).astype(np.int16))


def _rows(variants: dict[str, dict[str, Any]] = VOICES, **options: Any) -> list[dict[str, Any]]:
    rows = rows_of(variants, utterances=options.pop("utterances", 4), repeats=options.pop("repeats", 2), **options)
    return [{**row, "speech_end_to_first_audio_ms": 500.0} for row in rows]


def _results(folder: Path | None = None, rows: list[dict[str, Any]] | None = None, audio: Any = _clip) -> Results:
    return Results(_rows() if rows is None else rows, folder=folder, audio=audio)


def _variant(listening: BlindListening, heard: AnswerRef) -> str:
    return str(listening.row(heard)["variant"])


def _listen(listening: BlindListening, best: str = "marin", votes: int | None = None, **options: Any) -> int:
    """Vote for `best` wherever it is heard, and for no difference elsewhere."""
    sitting = listening.sitting(**options)
    count = 0
    while (shown := sitting.current()) is not None and count != votes:
        names = [_variant(listening, each) for each in (shown.pair.first, shown.pair.second)]
        sitting.vote(shown.token, "first" if names[0] == best else "second" if names[1] == best else "neither")
        count += 1
    return count


def test_a_sitting_from_the_first_pair_to_the_ranking() -> None:
    results = _results()
    assert _listen(results.listening) == results.listening.sitting().total == 24
    found = results.preferences()
    assert found[0].name == "marin"
    assert found["marin"].wins == 16
    assert found["marin"].losses == 0
    assert found["cedar"].ties == 8
    assert found.best == "marin"
    assert found.votes == 24
    assert found.listeners == ("me",)
    frame = found.frame
    assert list(frame.columns[:3]) == ["variant", "place", "place_low"]
    assert frame["wins"].tolist()[0] == 16
    assert "4 utterances: the intervals are about these only" in repr(found)
    assert "<table" in found._repr_html_()


def test_variants_with_few_votes_are_named_in_quotes() -> None:
    results = _results()
    _listen(results.listening, votes=3)
    found = results.preferences()
    names = ", ".join(repr(each.name) for each in found if each.few)
    assert f"Fewer than ten votes, which say little: {names}." in found.all_notes, "names may hold commas"


def test_votes_are_in_the_folder_and_another_process_goes_on(tmp_path: Path) -> None:
    _listen(_results(tmp_path).listening, votes=5)
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    assert len(lines) == 5
    assert {"vote", "first", "second", "choice", "listener", "by", "at"} == set(lines[0])
    again = _results(tmp_path).listening
    sitting = again.sitting()
    assert (sitting.voted, sitting.total) == (5, 24)
    assert _listen(again) == 19
    pairs = [vote.pair for vote in VoteLog(tmp_path).votes()]
    assert len(set(pairs)) == len(pairs) == 24


def test_a_torn_last_line_loses_one_vote_at_most(tmp_path: Path) -> None:
    _listen(_results(tmp_path).listening, votes=3)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-10])
    again = _results(tmp_path)
    assert again.listening.sitting().voted == 2
    _listen(again.listening, votes=2)
    assert _results(tmp_path).listening.sitting().voted == 4


@pytest.mark.parametrize(
    "line",
    ["{}", "[]", "null", '{"vote": 1}', "not json", '{"first": ["a"], "second": 3}', "é", _ENDLESS, "[" * 100_000],
)
def test_strange_lines_of_the_file_are_left_out(tmp_path: Path, line: str) -> None:
    _listen(_results(tmp_path).listening, votes=2)
    with (tmp_path / FILE).open("a") as file:
        file.write(line + "\n")
    assert len(VoteLog(tmp_path).votes()) == 2


def test_a_vote_that_arrives_twice_counts_once() -> None:
    sitting = _results().listening.sitting()
    shown = sitting.current()
    assert shown is not None
    sitting.vote(shown.token, "first")
    sitting.vote(shown.token, "first")
    assert sitting.voted == 1


def test_votes_on_another_pair_or_with_another_word_are_refused() -> None:
    sitting = _results().listening.sitting()
    shown = sitting.current()
    assert shown is not None
    with pytest.raises(ConfigError, match="this pair is over"):
        sitting.vote("00", "first")
    with pytest.raises(ConfigError, match="'first', 'second', 'neither'"):
        sitting.vote(shown.token, "both")  # type: ignore[arg-type]
    assert sitting.voted == 0
    assert sitting.current() == shown, "the pair stays until it has a vote"


def test_taking_back_brings_the_pair_back_also_in_another_process(tmp_path: Path) -> None:
    first = _results(tmp_path).listening.sitting()
    assert not first.take_back()
    one = first.current()
    assert one is not None
    first.vote(one.token, "first")
    again = _results(tmp_path).listening.sitting()
    assert again.take_back()
    back = again.current()
    assert back is not None
    assert back.pair == one.pair
    assert back.token != one.token
    assert again.voted == 0
    again.vote(back.token, "second")
    assert [vote.choice for vote in VoteLog(tmp_path).votes()] == ["second"]


def test_all_votes_taken_back_leave_every_pair_to_be_heard(tmp_path: Path) -> None:
    _listen(_results(tmp_path).listening)
    again = _results(tmp_path).listening
    while again.sitting().take_back():
        pass
    assert again.sitting().voted == 0
    assert _listen(again) == 24


def test_a_pair_that_another_process_has_a_vote_on_is_not_heard_again(tmp_path: Path) -> None:
    one, other = _results(tmp_path).listening.sitting(), _results(tmp_path).listening.sitting()
    for sitting in (one, other, one, other):
        shown = sitting.current()
        assert shown is not None
        sitting.vote(shown.token, "first")
    assert len({vote.pair for vote in VoteLog(tmp_path).votes()}) == 4
    assert (one.voted, other.voted) == (4, 4)


def test_listeners_have_their_own_order_and_votes() -> None:
    results = _results()
    me, you = results.listening.sitting(), results.listening.sitting(listener="you")
    _listen(results.listening, votes=7)
    _listen(results.listening, "cedar", listener="you")
    assert (me.voted, you.voted) == (7, 24)
    assert results.preferences(listener="you")[0].name == "cedar"
    assert results.preferences(listener="me").votes == 7
    assert set(results.preferences().listeners) == {"me", "you"}
    with pytest.raises(ConfigError, match="no votes of 'them'"):
        results.preferences(listener="them")


def test_sides_are_even_and_nothing_of_a_pair_tells_the_variant() -> None:
    listening = _results(rows=_rows(utterances=8)).listening
    sitting = listening.sitting()
    firsts, tokens = Counter[str](), set()
    while (shown := sitting.current()) is not None:
        firsts[_variant(listening, shown.pair.first)] += 1
        tokens.add(shown.token)
        assert len(shown.sounds) == 2
        sitting.vote(shown.token, "neither")
    assert set(firsts.values()) == {16}
    assert len(tokens) == 48


def test_a_setting_is_ranked_by_votes_on_answers_that_differ_in_it_alone() -> None:
    variants = {
        f"{voice} {words}": {"voice": voice, "instructions": words}
        for voice in ("marin", "cedar")
        for words in ("Be brief.", "Be long.")
    }
    results = _results(rows=_rows(variants))
    assert set(results.listening.settings) == {"variant", "voice", "instructions"}
    _listen(results.listening, "marin Be brief.")
    by_voice = results.preferences("voice")
    assert by_voice.votes == 16
    assert any("differ in more settings than voice" in note for note in by_voice.notes)
    assert by_voice[0].name == "marin"


def test_failed_trials_and_missing_sounds_are_left_out() -> None:
    rows = [failed(row) if row["variant"] == "alloy" else row for row in _rows()]
    missing = {row["trial_id"] for row in rows if row["utterance"] == "question 0.wav"}

    def audio(row: Any) -> AudioClip | None:
        if row["utterance"] == "question 1.wav":
            raise AudioError("it is damaged")
        return None if row["trial_id"] in missing else _clip(row)

    results = _results(rows=rows, audio=audio)
    assert _listen(results.listening) == 4
    sitting = results.listening.sitting()
    assert (sitting.total, sitting.unheard) == (4, 4)
    assert {each.name for each in results.preferences()} == {"marin", "cedar"}


def test_written_answers_are_compared_in_writing() -> None:
    rows = [{**row, "speech_end_to_first_audio_ms": None} for row in _rows()]
    shown = _results(rows=rows, audio=lambda row: None).listening.sitting().current()
    assert shown is not None
    assert shown.sounds == ()


def test_results_without_votes_or_pairs_say_what_to_do() -> None:
    results = _results()
    with pytest.raises(ConfigError, match=r"no votes on these trials.*Blind"):
        results.preferences()
    with pytest.raises(ConfigError, match="Did you mean 'voice'"):
        results.preferences("voise")
    with pytest.raises(ConfigError, match="level=2"):
        results.preferences(level=2)
    with pytest.raises(ConfigError, match="nothing to compare"):
        _results(rows=_rows({"marin": {"voice": "marin"}})).listening.sitting()
    with pytest.raises(ConfigError, match="a name of at most 60"):
        results.listening.sitting(listener=" ")


def test_hostile_names_are_inert_in_the_table() -> None:
    rows = _rows({"<img src=x onerror=alert(1)>": {"voice": "a"}, "b": {"voice": "b"}})
    results = _results(rows=rows)
    _listen(results.listening, "b")
    assert "<img" not in results.preferences()._repr_html_()


def test_a_listener_who_votes_in_two_kernels_has_one_vote_for_each_pair(tmp_path: Path) -> None:
    sittings = [_results(tmp_path).listening.sitting() for _ in range(2)]
    shown = [sitting.current() for sitting in sittings]
    assert shown[0] is not None
    assert shown[1] is not None
    assert shown[0].pair == shown[1].pair
    sittings[0].vote(shown[0].token, "first")
    with pytest.raises(ConfigError, match="another notebook"):
        sittings[1].vote(shown[1].token, "second")
    for number in range(23):
        found = sittings[number % 2].current()
        assert found is not None
        sittings[number % 2].vote(found.token, "second")
    assert [sitting.voted for sitting in sittings] == [24, 24]
    assert len(VoteLog(tmp_path).votes()) == 24


def test_a_vote_of_another_kernel_that_is_taken_back_is_heard_once_more(tmp_path: Path) -> None:
    here, there = (_results(tmp_path).listening.sitting() for _ in range(2))
    shown = there.current()
    assert shown is not None
    there.vote(shown.token, "first")
    assert here.take_back()
    again = []
    while (found := here.current()) is not None:
        again.append(found.pair.key)
        here.vote(found.token, "neither")
    assert len(again) == len(set(again)) == 24


def test_a_thousand_names_do_not_keep_a_thousand_sittings_and_lose_no_vote() -> None:
    listening = _results(rows=_rows(utterances=1, repeats=1)).listening
    first = listening.sitting(listener="Ada")
    shown = first.current()
    assert shown is not None
    first.vote(shown.token, "first")
    sittings = {id(listening.sitting(listener=f"listener {number}")) for number in range(40)}
    assert sittings
    again = listening.sitting(listener="Ada")
    assert again is not first
    assert again.voted == 1
