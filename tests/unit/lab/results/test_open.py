"""A run of last week, read from its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.audio import AudioClip
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.results.early_stop import EarlyStop
from realtime_nb.lab.results.manifest import ListedTrial, Manifest
from realtime_nb.lab.results.results import Results
from tests.unit.lab.results.sweeps import rows_of

VOICES: dict[str, dict[str, Any]] = {"marin": {"voice": "marin"}, "cedar": {"voice": "cedar"}}


def lookup(city: str) -> str:
    """Look a city up."""
    return city


VARIANTS = (
    Variant("marin", {"voice": "marin", "turn_detection": rt.ServerVad(silence_duration_ms=300)}),
    Variant("cedar", {"voice": "cedar", "tools": [lookup]}, backend="local", model="practice"),
)


def _keep(path: Path, rows: list[dict[str, Any]], run: str, **names: Any) -> None:
    with RunFolder(path, write=True) as folder:
        for row in rows:
            if row["trial_id"] not in folder.trials:
                folder.keep(row["trial_id"], [row], None)
        listed = tuple(ListedTrial(row["trial_id"], (names,)) for row in rows)
        folder.keep_run(run, Manifest(listed, VARIANTS, trials_a_round=24, early=EarlyStop(5)).to_dict())


def test_run_is_read_again_with_its_variants_grades_and_plan(tmp_path: Path) -> None:
    rows = rows_of(VOICES, repeats=5)
    _keep(tmp_path, rows[:100], "first")
    results = Results.open(tmp_path)
    assert len(results) == 100
    assert results.frame["trial_id"].tolist() == [row["trial_id"] for row in rows[:100]]
    results.grade(lambda trial: len(trial.text)).rate(rows[0]["trial_id"], "fine")
    again = Results.open(str(tmp_path), "first")
    assert again.trial(rows[0]["trial_id"]).rating == "fine"
    assert again.payload("marin") == VARIANTS[0].payload
    assert again.variant("marin").settings["turn_detection"] == rt.ServerVad(silence_duration_ms=300)
    assert (again._variants.named("cedar").backend, again._variants.named("cedar").model) == ("local", "practice")
    with pytest.raises(ConfigError, match="lookup, which no file keeps"):
        again.variant("cedar")
    assert Results.open(tmp_path, variants=VARIANTS).variant("cedar") is VARIANTS[1]
    assert any("Look after 4 of 5 rounds" in note for note in again.compare().notes)


def test_recording_of_a_scenarios_turn_is_read_by_the_hash_of_its_sound(tmp_path: Path) -> None:
    said = rt.Utterance(np.full(2_400, 7, np.int16))
    rows = rows_of(VOICES, utterances=1, repeats=1)
    rows[0] |= {"utterance_hash": "of-the-scenario", "sound_hash": said.hash}
    rows[1] |= {"utterance_hash": said.hash}  # as runs before this column have it
    _keep(tmp_path, rows, "first")
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep_said([said])
    results = Results.open(tmp_path)
    for row in rows:
        assert results.trial(row["trial_id"]).user_audio.duration_ms == 100  # type: ignore[union-attr]


def test_trials_of_the_cache_stand_under_the_names_of_their_run(tmp_path: Path) -> None:
    rows = rows_of({"marin": {"voice": "marin"}}, repeats=2)
    _keep(tmp_path, rows, "first")
    _keep(tmp_path, rows, "second", variant="renamed", cached=True)
    assert set(Results.open(tmp_path).frame["variant"]) == {"renamed"}
    assert Results.open(tmp_path).frame["cached"].all()
    assert set(Results.open(tmp_path, "first").frame["variant"]) == {"marin"}
    with pytest.raises(ConfigError, match="first, second"):
        Results.open(tmp_path, "third")


def test_sweep_under_way_says_what_is_missing_and_sound_is_found(tmp_path: Path) -> None:
    rows = rows_of(VOICES, repeats=2)
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep_run("now", Manifest(tuple(ListedTrial(row["trial_id"]) for row in rows)).to_dict())
        with pytest.raises(ConfigError, match="no trials"):
            Results.open(tmp_path)
        folder.keep(rows[0]["trial_id"], [rows[0]], None)
        results = Results.open(tmp_path)
        assert "47 of 48 trials were not run" in repr(results)
        assert results.trial(rows[0]["trial_id"]).audio is None
        AudioClip(np.ones(2400, np.int16)).save(tmp_path / "audio" / f"{rows[0]['trial_id']}-0.wav")
        clip = results.trial(rows[0]["trial_id"]).audio
        assert clip is not None
        assert clip.duration_ms == 100


def test_manifest_holds_no_key(tmp_path: Path) -> None:
    secret = "sk-" + "b2" * 20
    tool = rt.McpTool(server_label="docs", server_url="https://docs.example/mcp", authorization=secret)
    variants = (
        Variant("a", {"tools": [tool]}, backend=rt.Backend(url="ws://127.0.0.1:9/v1/realtime", api_key=secret)),
        Variant("b", {}, backend=rt.LocalModels(chat_url="http://127.0.0.1:9/v1", chat_model="m", chat_key=secret)),
    )
    text = json.dumps(Manifest((), variants).to_dict())
    assert secret not in text
    again = Manifest.from_dict(json.loads(text))
    assert [each.name for each in again.variants] == ["a", "b"]
    assert again.variants[0].backend == "ws://127.0.0.1:9/v1/realtime"


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        Results.open(tmp_path)
    with pytest.raises(ConfigError, match="holds no run"):
        Results.open(tmp_path / "nowhere")
