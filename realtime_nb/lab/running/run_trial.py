"""Runs one attempt at a trial: opens a session, says the turns, and returns rows.

Owns the last time limit of a trial. Must not know sweeps, folders or budgets. It runs wherever it is called: arrivals
are stamped, and keys are read, in that process.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from realtime_nb.backends import connector_of
from realtime_nb.client.replay.allowance import SpendingGuard
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.replay import replay
from realtime_nb.errors import ConfigError
from realtime_nb.lab.trial import Trial, TrialOutcome, TrialSetup, failed_outcome, outcome_of, with_hearing

_CLOSING_S = 15.0
"""A session is closed politely for some seconds, after the limits that `replay` keeps."""


def longest_s(trial: Trial, options: ReplayOptions) -> float:
    """Return how long one attempt at a trial may take: between two turns, an answer is heard for as long as a turn."""
    return options.open_timeout_s + options.limit_s * (2 * len(trial.turns) - 1) + _CLOSING_S


async def run_trial(trial: Trial, setup: TrialSetup, guard: SpendingGuard | None = None) -> TrialOutcome:
    """Run one attempt at a trial; whatever fails becomes rows with an error. Raises nothing but cancellation.

    Args:
        trial: what is run.
        setup: of the sweep.
        guard: grants what the trial may cost beyond its `first_usd`; None: there is no limit.
    """
    started_at, options = time.time(), setup.options
    if trial.max_responses is not None:
        options = replace(options, max_responses=trial.max_responses)
    try:
        connector = connector_of(
            trial.variant, backend=setup.backend, model=setup.model, api_key=setup.api_key
        )  # fmt: skip
        async with asyncio.timeout(longest_s(trial, options)) as limit:
            record = await replay(trial.said, trial.variant, connector, options, guard=guard)
    except ConfigError as error:
        return failed_outcome(trial, setup, str(error), started_at=started_at, billed=False)
    except TimeoutError as error:
        words = f"the session did not end within {longest_s(trial, options):g} s" if limit.expired() else str(error)
        return failed_outcome(trial, setup, words, started_at=started_at, billed=True)
    except Exception as error:
        # `replay` returns what failed in a session; this is what it could not.
        return failed_outcome(trial, setup, f"{type(error).__name__}: {error}", started_at=started_at, billed=True)
    try:
        return with_hearing(outcome_of(trial, record, setup), trial, connector.hearing)
    except Exception as error:  # of a turn-taking curve that the user gave
        words = f"the measures failed: {type(error).__name__}: {error}"
        return failed_outcome(trial, setup, words, started_at=record.started_at, billed=record.billed)
