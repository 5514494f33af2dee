"""From a sweep over a socket to answers: known latencies are recovered, the winner is applied, a run is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import realtime_nb as rt
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.lab.grading.builtin import contains
from realtime_nb.lab.keeping.cache_key import trial_key
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.planning.order import schedule
from realtime_nb.lab.results.early_stop import EarlyStop, decide
from realtime_nb.lab.results.manifest import ListedTrial, Manifest
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.running.sweep import SweepEnd, sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import Trial, TrialSetup
from realtime_nb.testing import SimulatedBackend

SAID = tuple(Utterance(text=f"What is {number} plus one?") for number in range(12))
VARIANTS = (
    Variant("quick", {"instructions": "Answer at once.", "output": "text"}),
    Variant("slow", {"instructions": "Think first.", "output": "text"}),
)
# So large that no load of the machine hides it.
SHIFT_MS = 300.0
SHIFTS_MS = {"Answer at once.": 0.0, "Think first.": SHIFT_MS}


async def _run(folder: Path, run: str, url: str, *, repeats: int, early: EarlyStop | None = None) -> SweepEnd:
    setup = TrialSetup(backend=rt.Backend(url=url, allow_insecure=True))
    slots = schedule(len(SAID), len(VARIANTS), repeats, seed=3)
    trials = []
    for place, slot in enumerate(slots):
        said, variant = SAID[slot.utterance], VARIANTS[slot.variant]
        key = trial_key(said, variant, setup.options, endpoint=url, model=None, repeat=slot.repeat)
        trials.append(Trial(key, said, variant, slot.repeat, place))
    count = len(SAID) * len(VARIANTS)

    def look(done: int, rows: Any) -> str | None:
        assert early is not None
        found = decide(rows, early, done, variants=[each.name for each in VARIANTS])
        return found.reason if found.stop else None

    with RunFolder(folder, write=True) as kept:
        listed = tuple(ListedTrial(each.id) for each in trials)
        kept.keep_run(run, Manifest(listed, VARIANTS, trials_a_round=count, early=early).to_dict())
        options = SweepOptions(concurrency=6)
        graders = [contains("plus")]
        return await sweep(trials, setup, kept, options, graders=graders, look=look if early is not None else None)


async def test_slow_variant_is_seen_and_the_winner_is_taken_away(tmp_path: Path) -> None:
    with SimulatedBackend(base_ms=5.0, shifts_ms=SHIFTS_MS) as backend:
        end = await _run(tmp_path, "first", backend.url, repeats=1)
        assert (end.reason, end.ran) == ("done", 24)
        results = Results.open(tmp_path)
        (found,) = results.compare("instructions")
        assert (found.metric, found.baseline, found.clear) == ("speech_end_to_first_text_ms", "Answer at once.", True)
        assert found.decisive.value > SHIFT_MS / 2
        assert set(results.frame["contains"]) == {True}
        assert results.graders == {"contains": "('plus',)"}
        results.grade(lambda trial: "minus" in trial.text)
        assert not results.frame["<lambda>"].any()
        best = results.best()
        assert best.value == "quick"
        assert best.variant is not None
        widget = rt.RealtimeWidget(backend=rt.Backend(url=backend.url, allow_insecure=True))
        widget.apply(best.variant)
        assert (await widget.ask("Hello!")).text
        assert widget.effective["instructions"] == "Answer at once."
        await widget.stop()
        widget.close()


async def test_sweep_stops_early_and_its_answers_say_so(tmp_path: Path) -> None:
    early = EarlyStop(8, "speech_end_to_first_text_ms")
    with SimulatedBackend(base_ms=5.0, shifts_ms=SHIFTS_MS) as backend:
        end = await _run(tmp_path, "short", backend.url, repeats=8, early=early)
    assert end.reason == "early"
    assert end.not_run > 0
    found = Results.open(tmp_path).compare()
    assert [each.clear for each in found] == [True]
    assert any(note.startswith("Look after") for note in found.notes)
    assert f"{end.not_run} of 192 trials were not run" in repr(Results.open(tmp_path))


async def test_two_runs_show_that_a_server_became_slower(tmp_path: Path) -> None:
    for run, base_ms in (("before", 5.0), ("now", SHIFT_MS)):
        with SimulatedBackend(base_ms=base_ms) as backend:
            await _run(tmp_path / run, run, backend.url, repeats=1)
    (found,) = (against := Results.open(tmp_path / "now").against(Results.open(tmp_path / "before")))
    assert any("differs between the runs in backend" in note for note in against.notes)
    assert found.decisive.value > SHIFT_MS / 2
    assert found.decisive.n == 12
    assert found.clear
