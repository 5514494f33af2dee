"""The tutorial notebooks run from top to bottom without a browser, and are stored without outputs."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from realtime_nb.tutorials import tutorials_folder
from tests.chat_rules import Answer, answer
from tests.chat_server import ChatServer

_NOTEBOOKS = sorted(tutorials_folder().glob("*.ipynb"))
_MODELS = tutorials_folder() / "07_models_and_backends.ipynb"
_LAB = tutorials_folder() / "03_prompt_lab.ipynb"
_TURNS = tutorials_folder() / "05_turn_detection.ipynb"
_IDS = [path.stem for path in _NOTEBOOKS]

_CLAIMS = {
    # What the text says of the numbers, checked in the notebook's own kernel after its last cell.
    "03_prompt_lab": """
assert not results.errors and len(results) == planned_sweep.trials == 60
pairs = frame.groupby(["utterance", "variant"])
assert (pairs.size() == 2).all()
assert set(first["variant"]) == set(once.frame["variant"]) == {"plain", "brief", "plain again"}
low, high = found["Think first"].typical.low, found["Think first"].typical.high
assert truth == {"Think first.": 50, "Be quick.": 0}
# One interval in twenty misses the truth by chance, and a busy machine adds waits: it is near it all the same.
assert low - 25 <= 50 <= high + 25 and found["Think first"].clear, (low, high)
assert found["Be quick"].typical.low - 25 <= 0 <= found["Be quick"].typical.high + 25
assert practised.needed(10).trials > 4 * practised.needed(50).trials
assert fastest < 295
assert 0.03 < one_look < 0.07 and 0.15 < any_of_seven < 0.3 and corrected < 0.06
assert 0.03 < at_the_end < 0.07 and 0.12 < at_any_look < 0.3
assert early.compare("instructions")[0].clear and len(early) < planned.plan().trials
assert hosted.plan(budget_usd=5).bound_usd < 5
assert 0 < price["gpt-realtime-2.1", "text"] < price["gpt-realtime-2.1", "audio"] / 3
""",
    "05_turn_detection": """
assert usual.rows[0]["cut_offs"] == 1
by_silence = {row["variant"].split()[-2]: row for row in three.rows}
assert {name: row["cut_offs"] for name, row in by_silence.items()} == {"200": 2, "400": 1, "800": 0}
first_end = by_silence["200"]["detected_ms"][0][1]
assert 0 < first_end < 1_000, "the turn ends after the first word, whose pause has 150 ms"
ends = [by_silence[name]["detected_ms"][-1][1] - count.speech.end_ms for name in ("200", "400", "800")]
assert all(silence < end < silence + 250 for silence, end in zip((200, 400, 800), ends)), ends
assert len(pieces(three, count, "server_vad silence 200 ms")) == 3
cuts = silences.frame.groupby("variant")["cut_offs"].mean()
cuts = [cuts[f"server_vad silence {ms} ms"] for ms in (200, 400, 600, 800)]
assert cuts == sorted(cuts, reverse=True) and cuts[0] > cuts[1] > cuts[2] == cuts[3] == 0
frontier = points.set_index("value")["on_frontier"]
assert frontier["server_vad silence 600 ms"] and not frontier["server_vad silence 800 ms"]
assert own is silences and chosen == "server_vad silence 600 ms"
found = {(row["utterance"], row["variant"][-3:]): row for row in thresholds.rows}
tv, far = with_television.label, far_away.label
assert [found[tv, each]["false_starts"] for each in ("0.3", "0.5", "0.9")] == [1, 1, 0]
assert [found[far, each]["missed"] for each in ("0.3", "0.5", "0.9")] == [False, False, True]
for each in (usual, three, silences, paddings, eager):
    assert not each.errors, each.errors
lost = [row["detected_ms"][0][0] - softly.speech.start_ms for row in paddings.rows]
assert sorted(each > 0 for each in lost) == [False, False, True] and 50 < max(lost) < 150
assert {row["variant"][-4:]: row["cut_offs"] for row in eager.rows} == {" low": 0, "dium": 0, "high": 1}
assert hosted.plan(budget_usd=2).expected_usd < 2
assert card.turn_detection == {"type": "server_vad", "silence_duration_ms": 600}
""",
}
_PRINTED = {
    "05_turn_detection": (
        "Now we ask for the answer.\n   response.created\n   response.done completed",
        "You speak into it.\n   input_audio_buffer.speech_started\n   response.done cancelled",
        "input_audio_buffer.committed\n   error conversation_already_has_active_response\n   response.done completed",
        "Nobody says anything.\n   input_audio_buffer.timeout_triggered",
    )
}
_EXERCISES = """
cuts = slowly.frame.groupby("variant")["cut_offs"].sum()
assert {name.split()[-2]: cut > 0 for name, cut in cuts.items()} == {"500": True, "800": True, "1200": False}
assert list(coughed.frame["false_starts"]) == [0, 0, 0] and not coughed.frame["missed"].any()
"""
_ON_PRACTICE = {
    "05_turn_detection": """
answers = {row["variant"].split()[-2]: row["text"] for row in three.rows}
assert answers["800"].startswith("2, 3, 4") and answers["200"] != answers["800"]
""",
    "03_prompt_lab": """
assert same.loc["brief", "answer_ms"] < same.loc["plain", "answer_ms"]
assert length["brief"].typical.high < -WORTH_MS and length["brief"].clear
assert best.value == "brief"
assert abs(results.compare("variant", metric="words", baseline="plain")["plain again"].typical.value) == 0
obeys = results.pass_rates("one_sentence")
assert obeys["brief"]["pass@1"].value == 1 > obeys["plain"]["pass@1"].value
""",
}


@pytest.fixture
def practice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the practice backend answer, whatever is set up on this machine."""
    for name in ("REALTIME_NB_CHAT_URL", "REALTIME_NB_CHAT_MODEL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """Run a chat server of the tests, and set it up for local models."""
    with ChatServer() as running:
        monkeypatch.setenv("REALTIME_NB_CHAT_URL", running.url)
        monkeypatch.setenv("REALTIME_NB_CHAT_MODEL", "test-model")
        yield running


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path, practice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _run(path, tmp_path, monkeypatch, claims=_CLAIMS.get(path.stem, "") + _ON_PRACTICE.get(path.stem, ""))
    _assert_printed(path, shown)


@pytest.mark.long
def test_the_answers_to_the_exercises_of_the_prompt_lab_show_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _run(_LAB, tmp_path, monkeypatch, answers=True)
    assert "words: warm against plain: not clear\n  typical 0 [0, 0]" in shown
    assert re.search(r"sequential\s+speech_end_to_first_audible_ms: B against A: clear", shown)
    assert "with 1 session at once" in shown


@pytest.mark.long
def test_the_prompt_lab_compares_answers_of_local_models(
    tmp_path: Path, chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _run(_LAB, tmp_path, monkeypatch, claims=_CLAIMS[_LAB.stem])
    instructions = {request.messages[0]["content"] for request in chat.chats}
    assert "Answers come from the language model test-model" in shown
    assert len(instructions) == 2
    # This model repeats the question whatever its instructions say.
    assert "no variant is clearly best by answer_ms" in shown
    assert "no difference that matters" in shown


@pytest.mark.long
def test_the_answers_to_the_exercises_of_turn_detection_show_what_they_say(
    tmp_path: Path, practice: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(_TURNS, tmp_path, monkeypatch, answers=True, claims=_EXERCISES)


@pytest.mark.long
def test_turn_detection_is_the_same_with_a_language_model_of_many_words(
    tmp_path: Path, chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_length(*request: Any) -> Answer:
        reply = answer(*request)
        return replace(reply, text=f"{reply.text}. {'Let me tell you more about it. ' * 6}")

    monkeypatch.setattr("tests.chat_server.answer", at_length)
    shown = _run(_TURNS, tmp_path, monkeypatch, claims=_CLAIMS[_TURNS.stem])
    assert "Answers come from the language model test-model" in shown
    _assert_printed(_TURNS, shown)


def _run(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    claims: str = "",
    answers: bool = False,
) -> str:
    """Run a notebook and return what its cells print and show.

    Args:
        path: of the notebook.
        tmp_path: where it runs.
        monkeypatch: sets its environment.
        claims: a last cell.
        answers: whether the code in its text, such as an exercise's answer, is run where it stands.
    """
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    if answers:
        notebook.cells = [each for cell in notebook.cells for each in (cell, *_answers(cell))]
    notebook.cells.append(nbformat.v4.new_code_cell(claims))  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("text") or str(output.get("data", {}).get("text/plain", "")) for output in outputs)


def _assert_printed(path: Path, shown: str) -> None:
    for printed in _PRINTED.get(path.stem, ()):
        assert printed in re.sub(r"\n+", "\n", shown), "what is printed comes in pieces"


def _answers(cell: Any) -> list[Any]:
    code = re.findall(r"```python\n(.*?)```", cell.source, flags=re.DOTALL) if cell.cell_type == "markdown" else []
    return [nbformat.v4.new_code_cell(each) for each in code]  # type: ignore[no-untyped-call]


def test_backends_that_are_not_set_up_are_named_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _run(_MODELS, tmp_path, monkeypatch)
    for missing in ("REALTIME_NB_CHAT_URL and REALTIME_NB_CHAT_MODEL", "OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        assert f"not set up here: {missing}" in shown
    assert re.findall(r"^ +(practice|own server) \|", shown, flags=re.MULTILINE) == ["practice"] * 2 + ["own server"]


def test_local_models_answer_where_they_are_set_up(
    tmp_path: Path, chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _run(_MODELS, tmp_path, monkeypatch)
    instructions = [request.messages[0]["content"] for request in chat.chats]
    assert len(set(instructions)) == 2, "the same question, with two instructions"
    for role in ("pirate", "professor"):
        assert re.search(rf"local models \| +{role} \| cost 0\.0 \| You said: Why is the sea salty", shown)


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_stores_no_output(path: Path) -> None:
    code = [cell for cell in _cells(path) if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_no_blocking_cell_follows_the_cell_of_a_widget(path: Path) -> None:
    """Under "run all", a card is drawn only when the cell after it has ended (docs/notebook.md 23)."""
    code = ["".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code"]
    widgets = {
        line.split(" = rt.RealtimeWidget")[0] for each in code for line in each.splitlines() if "Widget(" in line
    }
    for cell, following in itertools.pairwise(code):
        if cell.splitlines()[-1] in widgets:
            assert "await" not in following
            assert "rt.run" not in following
