"""Prints what a flood of prints costs a live conversation: `python -m tests.flood --times 10`.

Two lines a run, in one JupyterLab and one Chromium, each part in a notebook of its own. The losses are rare: believe a
run only among ten (docs/notebook.md 38). The exit status is 1 where less than 98 % of an answer sounded, or a frame of
the microphone is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.e2e.flood import cells, flood_answer, flood_microphone, shown
from tests.e2e.harness.browser import find_chromium, new_context, start_chromium
from tests.e2e.harness.lab_server import LabServer
from tests.e2e.harness.notebook import Notebook
from tests.e2e.harness.speech import Speech

LEAST_SHARE = 0.98


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _answer(book: Notebook) -> bool:
    card = await shown(book)
    run = await flood_answer(book, card)
    whole = run.share >= LEAST_SHARE and run.heard_all
    _say(
        f"     answer: {run.sounded_s:.2f} of {run.sent_s:.2f} s sounded ({run.share:.1%}), {run.underruns} underruns, "
        f"heard {'all' if run.heard_all else 'less'}; printed for {run.flood_s:.1f} s, over after {run.over_s:.0f} s  "
        f"{'ok' if whole else 'LOST'}"
    )
    return whole


async def _microphone(book: Notebook) -> bool:
    card = await shown(book)
    run = await flood_microphone(book, card)
    _say(
        f"     microphone: {run.missing} of {run.frames} frames missing; printed for {run.flood_s:.1f} s, over after "
        f"{run.over_s:.0f} s; {await book.kernel.get('repr(w.health)')}  {'LOST' if run.missing else 'ok'}"
    )
    return not run.missing


async def _one(server: LabServer, browser: Browser, name: str, act: Callable[[Notebook], Awaitable[bool]]) -> bool:
    """Act in a notebook of its own; a failure is printed, with what was kept to find its cause."""
    context = await new_context(browser)
    book = Notebook(server, context, name)
    book.write(*cells())
    try:
        await book.open()
        return await act(book)
    except Exception as error:
        _say(f"     failed: {type(error).__name__}: {str(error)[:300]}")
        kept = await book.keep_evidence(Path(tempfile.mkdtemp(prefix="realtime-nb-flood-")), book.path.stem)
        _say("     " + " ".join(map(str, kept)))
        return False
    finally:
        await book.close()
        await context.close()


async def _run(times: int) -> bool:
    executable = find_chromium()
    if executable is None:
        sys.exit("no Chromium: install Debian's `chromium`, or name one in REALTIME_NB_CHROMIUM")
    good = 0
    with tempfile.TemporaryDirectory(prefix="realtime-nb-flood-") as home:
        speech = Speech(Path(home))
        async with LabServer(Path(home) / "lab") as server, async_playwright() as playwright:
            browser = await start_chromium(playwright, executable, mic=speech.say())
            for number in range(times):
                _say(f"{number + 1:>3}")
                answer = await _one(server, browser, f"answer-{number}.ipynb", _answer)
                good += await _one(server, browser, f"microphone-{number}.ipynb", _microphone) and answer
            await browser.close()
    _say(f"{good} of {times} runs lost nothing")
    return good == times


def main() -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.flood", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--times", type=int, default=10, help="how many runs; default 10")
    given = parser.parse_args()
    return 0 if asyncio.run(_run(given.times)) else 1


if __name__ == "__main__":
    sys.exit(main())
