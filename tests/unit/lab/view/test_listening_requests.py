"""The requests of the panes Pairs and Blind: what they send, what they keep, and what they never tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.listening.loudness import loudness_lufs
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.view.requests import answer
from realtime_nb.lab.view.static_page import static_html
from tests.unit.lab.results.sweeps import row, rows_of

VOICES: dict[str, dict[str, Any]] = {
    "marin quick": {"voice": "marin", "instructions": "Speak quickly."},
    "cedar slow": {"voice": "cedar", "instructions": "Speak slowly."},
}
SITTING = {"by": "variant", "listener": "Ada"}


def _tone(level: float, seconds: float = 0.5) -> AudioClip:
    t = np.arange(round(24_000 * seconds))
    return AudioClip(np.rint(level * 32_767 * np.sin(2 * np.pi * 400 / 24_000 * t)).astype(np.int16))


def _audio(row: Any) -> AudioClip:
    return _tone(0.4 if row["voice"] == "marin" else 0.02, 0.5 + 0.1 * row["repeat"])


def _results(folder: Path | None = None, *, written: bool = False, **columns: Any) -> Results:
    rows = rows_of(VOICES, utterances=3, repeats=1)
    first = None if written else 400.0
    rows = [{**each, "speech_end_to_first_audio_ms": first, **columns} for each in rows]
    return Results(rows, folder=folder, audio=_audio, user_audio=lambda row: _tone(0.1))


def _ask(results: Results, request: str, **content: Any) -> tuple[dict[str, Any], list[bytes]]:
    reply = answer(results, {"kind": "ask", "id": "1", "request": request, "content": content})
    assert reply is not None
    message, buffers = reply
    assert message["kind"] == "answer", message
    return message["content"], list(buffers)


def _refusal(results: Results, request: str, **content: Any) -> str:
    reply = answer(results, {"kind": "ask", "id": "1", "request": request, "content": content})
    assert reply is not None
    assert reply[0]["kind"] == "refused"
    return str(reply[0]["reason"])


def test_nothing_that_is_sent_before_the_ranking_tells_the_variants_apart() -> None:
    results = _results()
    sent = [_ask(results, "blind-options")[0]]
    content, buffers = _ask(results, "blind-pair", **SITTING)
    while (pair := content["pair"]) is not None:
        sent += [content, _ask(results, "blind-words", token=pair["token"], **SITTING)[0]]
        sent.append(_ask(results, "blind-question", token=pair["token"], **SITTING)[0])
        assert len(buffers) == 2
        loudness = [loudness_lufs(np.frombuffer(buffer, np.int16), 24_000) for buffer in buffers]
        assert loudness[0] == pytest.approx(loudness[1], abs=0.3), "a louder answer would be known by that"
        content, buffers = _ask(results, "blind-vote", token=pair["token"], choice="first", **SITTING)
    text = json.dumps(sent)
    secrets = {*VOICES, "marin", "cedar", "Speak quickly.", "Speak slowly."}
    secrets |= {each["trial_id"] for each in results.rows} | {each["trial_id"][:8] for each in results.rows}
    assert not [secret for secret in secrets if secret in text]
    assert [each["voted"] for each in sent if "voted" in each] == [0, 1, 2]
    ranking = _ask(results, "blind-ranking", everyone=False, **SITTING)[0]
    assert {each["name"] for each in ranking["places"]} == set(VOICES)


@pytest.mark.parametrize(("by", "spoken"), [("variant", True), ("degradation", False)])
def test_what_one_server_heard_and_how_a_recording_was_degraded_tell_no_variant(by: str, spoken: bool) -> None:
    clean = rows_of({"a": {"voice": "marin"}, "b": {"voice": "cedar"}}, utterances=2, repeats=1)
    for each in clean:
        each |= {"said": None, "heard": f"as {each['variant']} heard it", "speech_end_to_first_audio_ms": 400.0}
        each["sound_hash"] = each["utterance_hash"]
    noisy = [
        {**each, "trial_id": f"noisy {each['trial_id']}", "twin": each["utterance_hash"]}
        | {"utterance": f"{each['utterance']} (noise 10 dB)"}
        | dict.fromkeys(("utterance_hash", "sound_hash"), f"noisy {each['utterance_hash']}")
        for each in clean
    ]
    results = Results([*clean, *noisy], audio=_audio, user_audio=lambda row: _tone(0.1))
    sitting = {"by": by, "listener": "Ada"}
    content, _ = _ask(results, "blind-pair", **sitting)
    asked = set()
    while (pair := content["pair"]) is not None:
        asked.add((pair["question"], pair["spoken"]))
        content, _ = _ask(results, "blind-vote", token=pair["token"], choice="first", **sitting)
    assert asked == {("question 0.wav", spoken), ("question 1.wav", spoken)}


def test_a_page_that_is_loaded_again_gets_the_same_pair_and_another_kernel_the_next_one(tmp_path: Path) -> None:
    results = _results(tmp_path)
    first = _ask(results, "blind-pair", **SITTING)[0]
    assert _ask(results, "blind-pair", **SITTING)[0] == first
    token = first["pair"]["token"]
    second = _ask(results, "blind-vote", token=token, choice="second", **SITTING)[0]
    again = _ask(_results(tmp_path), "blind-pair", **SITTING)[0]
    assert (again["voted"], again["total"]) == (second["voted"], second["total"]) == (1, 3)
    assert again["pair"]["question"] == second["pair"]["question"]
    # The answer to the vote was lost on its way, and the page sends it again.
    assert _ask(results, "blind-vote", token=token, choice="second", **SITTING)[0] == second
    options = _ask(results, "blind-options")[0]
    assert options["last"] == {**SITTING, "voted": 1}
    assert options["listeners"] == ["Ada"]
    assert options["kept"] is True


def test_a_vote_is_taken_back_and_given_anew() -> None:
    results = _results()
    assert "no vote to take back" in _refusal(results, "blind-back", **SITTING)
    first = _ask(results, "blind-pair", **SITTING)[0]["pair"]
    _ask(results, "blind-vote", token=first["token"], choice="first", **SITTING)
    back = _ask(results, "blind-back", **SITTING)[0]
    assert (back["voted"], back["pair"]["question"]) == (0, first["question"])
    assert "this pair is over" in _refusal(results, "blind-words", token=first["token"], **SITTING)


def test_written_answers_are_sent_as_words() -> None:
    content, buffers = _ask(_results(written=True), "blind-pair", **SITTING)
    assert not buffers
    assert content["pair"]["rates"] == []
    assert len(content["pair"]["words"]) == 2


@pytest.mark.parametrize(
    ("request_kind", "content"),
    [
        ("blind-pair", {}),
        ("blind-pair", {"by": 1, "listener": "Ada"}),
        ("blind-pair", {"by": "variant", "listener": ""}),
        ("blind-pair", {"by": "variant", "listener": "x" * 300}),
        ("blind-pair", {"by": "nothing", "listener": "Ada"}),
        ("blind-vote", {**SITTING, "token": "0", "choice": "first"}),
        ("blind-vote", {**SITTING, "token": 3, "choice": "first"}),
        ("blind-words", {**SITTING, "token": "0"}),
        ("blind-question", SITTING),
        ("blind-ranking", SITTING),
        ("blind-ranking", {**SITTING, "everyone": False}),
        ("pair-trials", {"utterance": "none"}),
        ("pair-trials", {"utterance": ["none"]}),
        ("pair-sounds", {}),
        ("pair-sounds", {"first": {"trial": "x"}, "second": {"trial": "y"}}),
    ],
)
def test_bad_requests_are_refused_and_change_nothing(
    request_kind: str, content: dict[str, Any], tmp_path: Path
) -> None:
    results = _results(tmp_path)
    assert _refusal(results, request_kind, **content)
    assert not list(tmp_path.iterdir())


def test_a_choice_that_is_none_is_refused_and_the_pair_stays() -> None:
    results = _results()
    pair = _ask(results, "blind-pair", **SITTING)[0]["pair"]
    for choice in (None, "both", 1, ["first"]):
        assert _refusal(results, "blind-vote", token=pair["token"], choice=choice, **SITTING)
    assert _ask(results, "blind-pair", **SITTING)[0]["pair"] == pair


def test_two_answers_come_with_words_numbers_and_gains() -> None:
    results = _results(text="It is one.")
    utterances = _ask(results, "pair-utterances")[0]["utterances"]
    assert len(utterances) == 3
    trials = _ask(results, "pair-trials", utterance=utterances[0])[0]["trials"]
    assert [each["name"] for each in trials] == list(VOICES)
    content, buffers = _ask(results, "pair-sounds", first=trials[0], second=trials[1])
    first, second = content["answers"]
    assert first["text"] == "It is one."
    assert [word[:2] for word in first["words"]] == [[0, 2], [3, 2], [6, 4]]
    assert first["from_events"] is False
    assert second["gain"] / first["gain"] == pytest.approx(20, rel=0.05), "0.4 against 0.02"
    assert [first["sound"], second["sound"]] == [0, 1]
    assert len(buffers[0]) == 24_000
    assert first["numbers"]["speech_end_to_first_audible_ms"] > 0


def test_a_trial_without_sound_stands_beside_one_with_it() -> None:
    rows = [row("a", {"voice": "marin"}), row("b", {"voice": "cedar"}, error="it broke", text="")]
    results = Results(rows, audio=lambda row: _tone(0.1) if row["variant"] == "a" else None)
    trials = _ask(results, "pair-trials", utterance="question 0.wav")[0]["trials"]
    assert trials[1]["name"] == "b (failed)"
    content, buffers = _ask(results, "pair-sounds", first=trials[0], second=trials[1])
    assert [each["sound"] for each in content["answers"]] == [0, None]
    assert len(buffers) == 1
    assert content["answers"][1]["error"] == "it broke"


def test_static_page_has_the_ranking_once_there_are_votes(tmp_path: Path) -> None:
    results = _results(tmp_path)
    assert "blind listening" not in static_html(results)
    pair = _ask(results, "blind-pair", **SITTING)[0]["pair"]
    _ask(results, "blind-vote", token=pair["token"], choice="first", **SITTING)
    page = static_html(results)
    assert "blind listening by variant: 1 vote (Ada)" in page


def test_a_question_that_cannot_be_heard_is_said_to_be_so() -> None:
    def damaged(row: Any) -> AudioClip:
        raise AudioError("it is damaged")

    for user_audio, spoken in ((None, False), (damaged, False), (lambda row: _tone(0.1), True)):
        rows = [{**each, "speech_end_to_first_audio_ms": 1.0} for each in rows_of(VOICES, utterances=1, repeats=1)]
        results = Results(rows, audio=_audio, user_audio=user_audio)
        pair = _ask(results, "blind-pair", **SITTING)[0]["pair"]
        assert pair["spoken"] is spoken
        question = _ask(results, "blind-question", token=pair["token"], **SITTING)[1]
        assert len(question) == spoken


def test_a_damaged_log_of_events_does_not_keep_two_answers_from_being_heard(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        rows = [{**each, "speech_end_to_first_audio_ms": 1.0} for each in rows_of(VOICES, utterances=1, repeats=1)]
        for each in rows:
            folder.keep(each["trial_id"], [each], None)
            (tmp_path / "events" / f"{each['trial_id']}.jsonl.gz").write_bytes(b"torn")
        results = Results(rows, audio=_audio, trace=lambda row: folder.record(row["trial_id"]))  # type: ignore[arg-type, return-value]
        first, second = ({"trial": each["trial_id"]} for each in rows)
        content, buffers = _ask(results, "pair-sounds", first=first, second=second)
    assert len(buffers) == 2
    assert not any(each["from_events"] for each in content["answers"])
    with pytest.raises(ConfigError, match="damaged"):
        folder.record(rows[0]["trial_id"])
