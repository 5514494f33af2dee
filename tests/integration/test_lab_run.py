"""`lab.run` end to end: on the practice backend, on a server with known latencies, in a script and in a notebook."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

import realtime_nb as rt
from realtime_nb.lab.running.progress import SweepProgress
from realtime_nb.lab.statistics.compare import Comparison

_PRICES = rt.Prices(text_in=4, text_out=16, audio_in=32, audio_out=64, transcription_in=1, transcription_out=1)
_ASKED = ["What time is it?", "Count to three.", "Tell me a joke."]
_SETTINGS = rt.grid(instructions={"brief": "Be brief.", "slow": "Think first."}, output="text")


@pytest.fixture(scope="module")
def server() -> Iterator[rt.testing.SimulatedBackend]:
    with rt.testing.SimulatedBackend(base_ms=20, shifts_ms={"Be brief.": 0, "Think first.": 150}) as running:
        yield running


def _lab(server: rt.testing.SimulatedBackend, *, priced: bool = False, **options: Any) -> rt.Lab:
    backend = rt.Backend(url=server.url, prices=_PRICES) if priced else rt.Backend(url=server.url)
    return rt.Lab(_ASKED, _SETTINGS, **{"repeats": 2, "backend": backend, **options})


async def test_a_sweep_finds_the_known_difference_and_names_it(server: rt.testing.SimulatedBackend) -> None:
    seen: list[SweepProgress] = []
    results = await _lab(server, graders=[rt.graders.length()]).run(progress=seen.append)
    assert len(results) == 12
    assert results.errors == {}
    assert (seen[-1].done, seen[-1].total) == (12, 12)
    (found,) = results.compare("instructions", metric="speech_end_to_first_text_ms")  # with the first of the grid
    assert isinstance(found, Comparison)
    assert 100 < found.typical.value < 250
    assert set(results.frame["instructions"]) == {"brief", "slow"}
    assert results.frame["length"].notna().all()


async def test_a_second_run_takes_everything_from_the_cache(
    server: rt.testing.SimulatedBackend, tmp_path: Path
) -> None:
    first = await _lab(server).run(cache=tmp_path, progress=False)
    seen: list[SweepProgress] = []
    more = _lab(server, repeats=3, order="shuffled", graders=[rt.graders.contains("a")])
    assert more.plan(cache=tmp_path).cached == 12
    second = await more.run(cache=tmp_path, progress=seen.append)
    assert (seen[-1].cached, len(second)) == (12, 18)
    assert set(first.frame["trial_id"]) < set(second.frame["trial_id"])
    assert (first.frame["cached"].sum(), second.frame["cached"].sum()) == (0, 12)
    renamed = rt.Lab(
        [rt.Utterance(text=_ASKED[0], label="the time")],
        [rt.Variant("another name", dict(_SETTINGS[0].settings))],
        repeats=2,
        backend=rt.Backend(url=server.url),
    )
    third = await renamed.run(cache=tmp_path, progress=seen.append)
    assert seen[-1].cached == 2
    assert {(row["variant"], row["utterance"]) for row in third.rows} == {("another name", "the time")}
    assert len(rt.Results.open(tmp_path)) == 2


async def test_equal_settings_under_two_names_are_measured_apart(
    server: rt.testing.SimulatedBackend, tmp_path: Path
) -> None:
    same = [rt.Variant(name, {"instructions": "Be brief.", "output": "text"}) for name in ("a", "b")]
    lab = rt.Lab(_ASKED, same, repeats=2, backend=rt.Backend(url=server.url))
    results = await lab.run(cache=tmp_path, progress=False)
    assert len(set(results.frame["trial_id"])) == len(results) == 12
    again = await lab.run(cache=tmp_path, progress=False)
    assert list(again.frame["started_at"]) == list(results.frame["started_at"])


async def test_an_interrupted_run_keeps_what_is_done(server: rt.testing.SimulatedBackend, tmp_path: Path) -> None:
    lab = _lab(server, repeats=20)
    enough = asyncio.Event()

    def report(progress: SweepProgress) -> None:
        if progress.done >= 5:
            enough.set()

    running = asyncio.create_task(lab.run(cache=tmp_path, progress=report))
    await enough.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert lab.results is not None
    done = len(lab.results)
    assert 5 <= done < 120
    assert lab.plan(cache=tmp_path).cached == done


async def test_a_budget_ends_the_sweep_and_is_kept(server: rt.testing.SimulatedBackend) -> None:
    lab = _lab(server, priced=True, repeats=40, warmup=0)
    with pytest.raises(rt.ConfigError, match="budget_usd="):
        await lab.run(progress=False)
    bound = lab.plan(budget_usd=9).trial_bound_usd
    assert bound is not None
    with pytest.raises(rt.BudgetError):
        await lab.run(budget_usd=bound / 2, progress=False)
    budget = 1.5 * bound
    with pytest.warns(UserWarning, match=r"of 240 trials were not run: .* of budget_usd=") as warned:
        results = await lab.run(budget_usd=budget, progress=False)
    assert warned[0].filename == __file__  # the line that ran it
    assert results.cost_usd is not None
    assert 0 < results.cost_usd <= budget
    assert 3 < len(results) < 240
    assert set(results.frame["max_output_tokens"].astype(str)) == {"400"}
    assert "not run" in repr(results)


async def test_the_cache_holds_for_another_simulated_server_that_answers_alike(tmp_path: Path) -> None:
    """The port of a server is another one in each kernel."""

    def short(asked: rt.testing.Asked) -> str:
        return f"{words}: {asked.words}"

    async def run(**options: Any) -> float:
        with rt.testing.SimulatedBackend(**{"base_ms": 1, "answers": short, "seed": 3, **options}) as server:
            lab = rt.Lab(["Hi."], rt.grid(output="text"), 2, backend=server.url, warmup=0)
            planned = lab.plan(cache=tmp_path).cached
            results = await lab.run(cache=tmp_path, progress=False)
            assert planned == results.frame["cached"].sum()
            return float(planned or 0)

    words = "I heard"
    assert [await run(), await run(), await run(seed=4), await run(base_ms=2)] == [0, 2, 0, 0]
    words = "You said"
    assert [await run(), await run()] == [0, 2]
    assert await run(answers=lambda asked: "yes") == 0


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda lab: rt.Lab(["Hi"], concurrency=4), r"no option 'concurrency'\. Give it to lab.run\(concurrency"),
        (lambda lab: lab.run(repeats=4), r"no option 'repeats'\. Give it to rt.Lab\(repeats"),
        (lambda lab: lab.plan(executor=4), r"Give it to lab.run\(executor"),
        (lambda lab: lab.run(budget=1), "Did you mean 'budget_usd'"),
    ],
)
def test_an_unknown_option_says_where_it_belongs(call: Any, hint: str, server: rt.testing.SimulatedBackend) -> None:
    with pytest.raises(TypeError, match=hint):
        call(_lab(server))


def test_a_run_that_is_not_awaited_says_so(server: rt.testing.SimulatedBackend) -> None:
    pending = _lab(server).run()
    assert "nothing is run yet, await me: `results = await lab.run(...)`" in repr(pending)
    with pytest.warns(RuntimeWarning, match=r"lab.run\(\) was never awaited: nothing was run") as warned:
        del pending
    assert warned[0].filename == __file__


async def test_a_grader_that_takes_too_long_is_missing(server: rt.testing.SimulatedBackend) -> None:
    async def slow(trial: Any) -> bool:
        await asyncio.sleep(3600)
        return True

    with pytest.raises(rt.ConfigError, match="grade_timeout_s=0"):
        _lab(server, grade_timeout_s=0)
    results = await _lab(server, repeats=1, graders=[slow], grade_timeout_s=0.1).run(progress=False)
    assert set(results.frame["slow_missing"]) == {"no grade within 0.1 s"}


def test_an_interrupted_run_in_a_script_says_what_is_kept(tmp_path: Path) -> None:
    script = f"""if True:
        import os, signal, realtime_nb as rt
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
        interrupted = []
        def seen(progress):
            if progress.done == 3 and not interrupted:
                interrupted.append(True)
                os.kill(os.getpid(), signal.SIGINT)
        with rt.testing.SimulatedBackend(base_ms=50) as server:
            lab = rt.Lab(["Hi."], rt.grid(output="text"), 400, backend=server.url)
            try:
                rt.run(lab.run(cache={str(tmp_path)!r}, progress=seen))
            except KeyboardInterrupt:
                print(len(lab.results) >= 3)
                raise
    """
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=_environment()
    )
    assert done.stdout == "True\n", done.stderr
    assert f"What is done is kept: lab.results, or a run with cache='{tmp_path}'" in done.stderr


async def test_a_temporary_folder_goes_with_its_results(server: rt.testing.SimulatedBackend) -> None:
    lab = _lab(server, repeats=1)
    results: rt.Results | None = await lab.run(progress=False)
    assert results is not None
    folder = results.folder
    assert folder is not None
    assert folder.is_dir()
    del lab, results
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    "options", [{"progress": 3}, {"stop_early": 2}, {"stop_early": "total"}, {"budget_usd": "1"}, {"concurrency": 0}]
)
async def test_an_option_that_makes_no_sense_is_refused_before_the_start(
    server: rt.testing.SimulatedBackend, options: dict[str, Any]
) -> None:
    with pytest.raises(rt.ConfigError):
        await _lab(server).run(**options)


async def test_a_scenario_has_a_row_for_each_turn(server: rt.testing.SimulatedBackend) -> None:
    lab = rt.Lab(rt.Scenario(["Hello!", "And now?"], label="two"), _SETTINGS[:1], 2, backend=rt.Backend(url=server.url))
    results = await lab.run(progress=False)
    assert [(row["utterance"], row["turn"]) for row in results.rows] == [("two, turn 1", 0), ("two, turn 2", 1)] * 2


_EXAMPLE = """
import realtime_nb as rt

lab = rt.Lab(["What time is it?", "Count to three."], rt.grid(voice=["marin", "cedar"], output="text"), repeats=1)
"""


def _environment() -> dict[str, str]:
    hidden = {"OPENAI_API_KEY", "REALTIME_NB_CHAT_URL"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def test_the_example_runs_in_a_script_with_a_line_of_progress() -> None:
    script = f"{_EXAMPLE}results = rt.run(lab.run())\nprint(len(results), results.errors)\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=_environment()
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "4 {}"
    assert "4/4" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_runs_in_a_notebook(tmp_path: Path) -> None:
    cells = [_EXAMPLE, "lab.plan()", "results = await lab.run()", "results", "print(len(results), results.errors)"]
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    path = tmp_path / "lab.ipynb"
    path.write_text(v4.writes(notebook), encoding="utf-8")
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 0, done.stderr
    made = json.loads(path.read_text(encoding="utf-8"))["cells"]
    plan, progress, table, printed = (cell["outputs"] for cell in made[1:])
    assert "text/html" in plan[0]["data"]
    assert "warm-up" in "".join(plan[0]["data"]["text/html"])
    assert not [output for output in progress if output["output_type"] == "error"]
    assert any("text/html" in output["data"] for output in table)  # beside the card
    assert "".join(printed[0]["text"]) == "4 {}\n"
