"""What a run keeps: whole trials only, in order, readable again to the sample, by one process at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.trace import ReplayRecord, StampedEvent, TrialTrace
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.wire.realtime import decode_server, to_dict

SOUND = np.arange(-2000, 2000, dtype=np.int16)


def _event(**fields: Any) -> Any:
    return decode_server(json.dumps({"event_id": "e", **fields}))


def _delta(samples: Any, **fields: Any) -> Any:
    where = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    data = samples if isinstance(samples, bytes) else samples.astype("<i2").tobytes()
    return _event(type="response.output_audio.delta", delta=b64encode(data).decode(), **where, **fields)


def record() -> ReplayRecord:
    events = [
        StampedEvent(0.5, _event(type="input_audio_buffer.speech_stopped", item_id="i0", audio_end_ms=900)),
        StampedEvent(100.25, _delta(SOUND[:1500])),
        StampedEvent(101.0, _event(type="vendor.thing", shape=[1, {"a": "é\u2028"}])),
        StampedEvent(120.75, _delta(SOUND[1500:])),
        StampedEvent(121.0, _delta(b"odd")),
    ]
    spoken = TrialTrace(events, 12.5, SpeechSpan(2400, 20000), 40.0)
    typed = TrialTrace([StampedEvent(3.0, _delta(SOUND))], 1.0, None, pacing="fast", output_rate_hz=8000, error="x")
    return ReplayRecord((spoken, typed), "m", {"voice": "marin"}, None, 1e9, 0.5, 1.5, True, "late", True, 2.0)


def rows(trial_id: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"trial_id": trial_id, "turn": turn, "text": "Grüße 🙂", **fields} for turn in range(2)]


def _plain(kept: ReplayRecord) -> list[Any]:
    return [
        (
            (turn.speech_end_at_ms, turn.speech, turn.buffer_offset_ms, turn.pacing, turn.output_rate_hz, turn.error),
            [(each.at_ms, type(each.event), to_dict(each.event)) for each in turn.events],
        )
        for turn in kept.turns
    ]


def test_a_kept_session_is_read_again_event_for_event(tmp_path: Path) -> None:
    made = record()
    with RunFolder(tmp_path / "run", write=True) as folder:
        folder.keep("t1", rows("t1"), made)
    found = RunFolder(tmp_path / "run").record("t1")
    assert found is not None
    assert _plain(found) == _plain(made)
    assert (found.model, found.session, found.started_at, found.billed, found.error) == (
        "m",
        {"voice": "marin"},
        1e9,
        True,
        "late",
    )


def test_the_answers_sound_is_kept_to_the_sample(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t1", rows("t1"), record())
        first, second = folder.sound("t1"), folder.sound("t1", 1)
    assert first is not None
    assert second is not None
    assert np.array_equal(first.samples, SOUND)
    assert (second.rate, folder.sound("none")) == (8000, None)


def test_recordings_are_kept_once_and_typed_words_not(tmp_path: Path) -> None:
    spoken, typed = rt.Utterance(samples=SOUND), rt.Utterance(text="Hello")
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep_said([spoken, typed, spoken])
        found = folder.said(spoken.hash)
        assert found is not None
        assert np.array_equal(found.samples, SOUND)
        assert folder.said(typed.hash) is None


@pytest.mark.parametrize("torn", [b'{"id": "t3", "ro', b'{"id": "t3", "rows": []}', b"\xff\x00"])
def test_a_torn_last_line_loses_its_trial_only_and_is_mended(tmp_path: Path, torn: bytes) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t1", rows("t1"), None)
        folder.keep("t2", rows("t2"), None)
    with (tmp_path / "index.jsonl").open("ab") as file:
        file.write(torn)
    assert list(RunFolder(tmp_path).trials) == ["t1", "t2"]
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t3", rows("t3"), None)
    assert list(RunFolder(tmp_path).trials) == ["t1", "t2", "t3"]


def test_a_damaged_line_in_the_middle_costs_its_trial_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t1", rows("t1"), None)
    with (tmp_path / "index.jsonl").open("ab") as file:
        file.write(b'{"id": 3}\n[]\n')
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t2", rows("t2"), None)
    assert list(RunFolder(tmp_path).trials) == ["t1", "t2"]
    assert "run again" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        {"id": "../../b", "rows": []},
        {"id": "b", "rows": [{"trial_id": "../../b"}]},
        {"id": "b", "rows": [{"trial_id": "b", "utterance_hash": "/etc/x"}]},
        {"id": "b", "rows": [{"trial_id": "b", "sound_hash": "..\\x"}]},
        {"id": "b", "rows": ["not a row"]},
        {"id": 7, "rows": []},
    ],
)
def test_a_line_that_leads_out_of_the_folder_costs_its_trial_only(tmp_path: Path, line: dict[str, Any]) -> None:
    with RunFolder(tmp_path / "f", write=True) as folder:
        folder.keep("a", rows("a"), None)
    with (tmp_path / "f" / "index.jsonl").open("a") as index:
        index.write(json.dumps(line) + "\n")
    assert list(RunFolder(tmp_path / "f").trials) == ["a"]


def test_a_trial_that_is_kept_again_replaces_the_old_one(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t1", rows("t1", n=1), None)
        folder.keep("t1", rows("t1", n=2), None)
    assert [row["n"] for row in RunFolder(tmp_path).trials["t1"]] == [2, 2]


def test_a_value_that_is_no_json_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        with pytest.raises(ValueError, match="JSON"):
            folder.keep("t1", rows("t1", x=float("nan")), record())
        assert not list((tmp_path / "audio").iterdir())
        assert not folder.trials


def test_a_second_process_is_refused_while_one_writes(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder, pytest.raises(rt.ConfigError, match=f"process {os.getpid()} on"):
        RunFolder(folder.path, write=True)
    RunFolder(tmp_path, write=True).close()


def test_a_reader_sees_finished_trials_while_another_writes(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep("t1", rows("t1"), None)
        reader = RunFolder(tmp_path)
        assert list(reader.trials) == ["t1"]
        with pytest.raises(rt.ConfigError, match="reading only"):
            reader.keep("t2", rows("t2"), None)


def test_a_folder_of_something_else_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("words")
    with pytest.raises(rt.ConfigError, match=r"thesis\.tex"):
        RunFolder(tmp_path, write=True)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(rt.ConfigError, match="holds no run"):
        RunFolder(tmp_path)
    with pytest.raises(rt.ConfigError, match="is a file"):
        RunFolder(tmp_path / "thesis.tex", write=True)


def test_runs_are_found_by_name_and_the_newest_by_none(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep_run("b", {"seed": 1})
        folder.keep_run("a", {"seed": 2})
        os.utime(tmp_path / "runs" / "b.json", ns=(1, 1))
        assert (folder.runs, folder.run("b"), folder.run()) == (("b", "a"), {"seed": 1}, {"seed": 2})
        with pytest.raises(rt.ConfigError, match="it has b, a"):
            folder.run("c")


_WRITER = """
    import sys
    from realtime_nb.lab.keeping.run_folder import RunFolder
    from tests.unit.lab.keeping.test_run_folder import record, rows

    with RunFolder(sys.argv[1], write=True) as folder:
        for number in range(len(folder.trials), 100000):
            folder.keep(f"t{number}", rows(f"t{number}", said="x" * 3000), record())
            print(number, flush=True)
"""


def test_a_killed_process_loses_no_trial_that_it_reported(tmp_path: Path) -> None:
    for kept in (3, 9):  # resumed once
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_WRITER), str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                if int(line) >= kept:
                    break
            writer.send_signal(signal.SIGKILL)
        found = RunFolder(tmp_path)
        assert list(found.trials) == [f"t{number}" for number in range(len(found.trials))]
        assert len(found.trials) > kept
        for trial_id in found.trials:
            kept_record = found.record(trial_id)
            assert kept_record is not None
            assert _plain(kept_record) == _plain(record())


def test_a_damaged_run_is_named_with_those_that_can_be_opened(tmp_path: Path) -> None:
    with RunFolder(tmp_path, write=True) as folder:
        folder.keep_run("whole", {"seed": 1})
        folder.keep_run("torn", {"seed": 2})
        (tmp_path / "runs" / "torn.json").write_bytes(b'{"seed": ')
        with pytest.raises(rt.ConfigError, match=r"torn\.json: it is damaged .* There is whole\."):
            folder.run("torn")
        assert folder.run("whole") == {"seed": 1}
