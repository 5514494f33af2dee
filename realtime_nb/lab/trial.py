"""What one trial is, what it needs to run anywhere, and what it leaves: rows and a record of events.

Owns these forms, and how a record becomes rows. Must not know how trials are run, kept or compared. All of it can be
pickled, because a trial may run in another process.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec
import numpy as np

from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.replay.trace import ReplayRecord, TrialTrace
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation import FREE, Prices
from realtime_nb.keys.secret import ApiKey
from realtime_nb.lab.backend_name import backend_name
from realtime_nb.lab.measure import Measures, measure
from realtime_nb.lab.planning.price_bound import CostBound
from realtime_nb.lab.turn_taking import Curve, turn_taking_score
from realtime_nb.redact import redact
from realtime_nb.wire.realtime import to_dict

Row: TypeAlias = dict[str, Any]
"""One user turn of a trial as plain values, by column."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One trial: an utterance or a scenario, said once to one variant.

    Attributes:
        id: the hash of everything that could change its outcome, see `keeping/cache_key.py`.
        said: what is said.
        variant: the settings.
        repeat: the how-manieth trial of both, from 0.
        place: in the order of the sweep, from 0.
        warmup: whether it only warms the server up, and is left out of all results.
        bound_usd: the most that it can cost; None where nothing limits the money.
        max_responses: so many responses its bound allows; None: as many as the setup's options.
        bound: computes what its session can cost at any time; None where nothing limits the money.
        first_usd: what its session needs to begin, before it asks for more; None: `bound_usd`.
        likely_usd: what it will need where the server does the usual; None: `first_usd`.
    """

    id: str
    said: Utterance | Scenario
    variant: Variant
    repeat: int
    place: int
    warmup: bool = False
    bound_usd: float | None = None
    max_responses: int | None = None
    bound: CostBound | None = None
    first_usd: float | None = None
    likely_usd: float | None = None

    @property
    def turns(self) -> tuple[Utterance, ...]:
        """What is said, a user turn each."""
        if isinstance(self.said, Utterance):
            return (self.said,)
        return tuple(turn.utterance if isinstance(turn, BargeIn) else turn for turn in self.said.turns)  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class TrialSetup:
    """What the trials of a sweep have in common.

    Attributes:
        options: pace and limits of a session.
        backend: as for `backends.resolve`, for variants without one.
        model: the same.
        api_key: the same; a function where trials run in other processes, which call it there.
        prices: in US dollars for a million tokens; None: those of the backend, or of the model.
        curve: of the turn-taking score.
        order_seed: of the order, for the rows.
    """

    options: ReplayOptions = field(default_factory=ReplayOptions)
    backend: Any = "auto"
    model: str | None = None
    api_key: ApiKey | None = field(default=None, repr=False)
    prices: Prices | None = None
    curve: Curve = turn_taking_score
    order_seed: int = 0


@dataclass(frozen=True)
class Attempt:
    """One session that was opened for a trial, or could not be.

    Attributes:
        started_at: in seconds since 1970.
        worker: the host and process that ran it.
        error: why it failed, or None.
        billed: whether it may have cost something.
        cost_usd: what it cost; None where that is not known.
    """

    started_at: float
    worker: str
    error: str | None
    billed: bool
    cost_usd: float | None


@dataclass(frozen=True)
class TrialOutcome:
    """What one attempt at a trial left.

    Attributes:
        trial_id: of the trial.
        rows: one a user turn.
        attempt: how it ended.
        record: of the session; None where there is none.
        retryable: whether the same session may succeed when it is repeated.
        retry_after_s: how long the server asked to wait before that.
        by_budget: whether it was ended because the money did not suffice for the rest of it.
    """

    trial_id: str
    rows: tuple[Row, ...]
    attempt: Attempt
    record: ReplayRecord | None = field(default=None, repr=False)
    retryable: bool = False
    retry_after_s: float | None = None
    by_budget: bool = False

    @property
    def error(self) -> str | None:
        """Why the trial failed, or None."""
        return self.attempt.error


def this_worker() -> str:
    """Return the name of this host and the number of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def unit_hash(said: Utterance | Scenario, turn: int = 0) -> str:
    """Return the hash of what is said in a turn; in a scenario, what was said before it belongs to it."""
    if isinstance(said, Utterance):
        return said.hash
    parts = ["scenario"]
    for each in said.turns[: turn + 1]:
        barge_in = isinstance(each, BargeIn)
        utterance: Any = each.utterance if isinstance(each, BargeIn) else each
        parts += [utterance.hash, f"{each.after_ms:g}" if barge_in else ""]  # type: ignore[union-attr]
    return sha256("\x00".join(parts).encode()).hexdigest()


def outcome_of(trial: Trial, record: ReplayRecord, setup: TrialSetup) -> TrialOutcome:
    """Return the rows of a record, and what it cost."""
    measures = [_measured(trace, record, trial, setup) for trace in record.turns]
    costs = [each.cost_usd for each in measures]
    cost: float | None = None if None in costs else sum(cost or 0.0 for cost in costs)
    error = None if record.error is None else redact(record.error)
    if prices_of(record, setup) == FREE:
        cost = 0.0
    elif record.billed and (error is not None or not measures) and not record.settled:
        cost = None  # an answer that was begun and not reported may be on the bill all the same
    elif not record.billed and cost is None:
        cost = 0.0
    attempt = Attempt(record.started_at, this_worker(), error, record.billed, cost)
    rows = [
        _row(trial, turn, measures[turn] if turn < len(measures) else None, record, attempt, setup)
        for turn in range(len(trial.turns))
    ]
    if len(rows) == 1 and len(measures) == 1:
        rows[0]["cost_usd"] = cost
    return TrialOutcome(
        trial_id=trial.id,
        rows=tuple(rows),
        attempt=attempt,
        record=record if record.turns else None,
        retryable=record.retryable and not record.billed,
        retry_after_s=record.retry_after_s,
        by_budget=record.by_budget,
    )


def failed_outcome(
    trial: Trial, setup: TrialSetup, error: str, *, started_at: float, billed: bool, retryable: bool = False
) -> TrialOutcome:
    """Return the rows of a trial that left no record."""
    record = ReplayRecord(turns=(), started_at=started_at, billed=billed, error=error, retryable=retryable)
    return outcome_of(trial, record, setup)


def prices_of(record: ReplayRecord, setup: TrialSetup) -> Prices | None:
    """Return the prices of a record's responses; None where they are unknown."""
    if setup.prices is not None:
        return setup.prices
    return record.billing.prices_of(record.model) if record.billing is not None else None


def _measured(trace: TrialTrace, record: ReplayRecord, trial: Trial, setup: TrialSetup) -> Measures:
    audio = trial.variant.payload.get("audio", {}).get("input", {})
    transcription = (audio.get("transcription") or {}).get("model")
    prices = prices_of(record, setup)
    return measure(trace, prices=prices, transcription_model=transcription, curve=setup.curve)


def _row(
    trial: Trial, turn: int, measures: Measures | None, record: ReplayRecord, attempt: Attempt, setup: TrialSetup
) -> Row:
    utterance = trial.turns[turn]
    if isinstance(trial.said, Utterance):
        label, scenario = str(utterance.label), None
    else:
        scenario = trial.said.label
        label = f"{scenario}, turn {turn + 1}"
    pacing = record.turns[turn].pacing if turn < len(record.turns) else setup.options.pacing
    row: Row = {
        "trial_id": trial.id,
        "turn": turn,
        "utterance": label,
        "utterance_hash": unit_hash(trial.said, turn),
        "sound_hash": utterance.hash if utterance.text is None else None,
        "scenario": scenario,
        "twin": utterance.twin,
        "synthetic": utterance.synthetic,
        "said": utterance.said if utterance.text is None else utterance.text,
        "variant": trial.variant.name,
        "repeat": trial.repeat,
        "place": trial.place,
        "warmup": trial.warmup,
        "order_seed": setup.order_seed,
        "pacing": pacing,
        "attempts": 1,
        "started_at": record.started_at,
        "worker": attempt.worker,
        **setting_columns(trial.variant, setup),
        **(_NOT_MEASURED if measures is None else measures.row()),
        "served_model": record.model,
        "pacing_lag_ms": record.pacing_lag_ms,
        "loop_lag_ms": record.loop_lag_ms,
        "bound_usd": trial.bound_usd,
        "cached": False,
    }
    if measures is None:
        row["cost_usd"] = 0.0 if not attempt.billed or turn or attempt.cost_usd == 0 else None
        row["error"] = attempt.error or "the session ended before this turn"
    row["error"] = None if row["error"] is None else redact(row["error"])
    row["tool_calls"] = [dict(call) for call in row["tool_calls"]]
    row["detected_ms"] = [list(pair) for pair in row["detected_ms"]]
    return {name: _json_number(value) for name, value in row.items()}


def with_hearing(outcome: TrialOutcome, trial: Trial, hearing: str | None) -> TrialOutcome:
    """Return an outcome whose spoken turns have, in the column `recognition`, why free speech is not recognised."""
    if hearing is None:
        return outcome
    spoken = [utterance.text is None for utterance in trial.turns]
    rows = [{**row, "recognition": hearing if spoken[row["turn"]] else None} for row in outcome.rows]
    return replace(outcome, rows=tuple(rows))


def _json_number(value: Any) -> Any:
    """Return a number as JSON has it: a user's curve may return one of numpy's, or NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


_NOT_MEASURED: Mapping[str, Any] = {
    **{each.name: None for each in fields(Measures)},
    "tool_calls": (),
    "detected_ms": (),
    "heard": "",
    "text": "",
}


def setting_columns(variant: Variant, setup: TrialSetup) -> dict[str, Any]:
    """Return a variant's settings as plain values, by column; those that it does not give have their defaults."""
    columns = {name: _readable(name, value) for name, value in variant.whole.items()}
    columns["model"] = variant.model or setup.model
    columns["backend"] = backend_name(variant.backend if variant.backend is not None else setup.backend)
    columns.update({name: label for name, label in variant.labels.items() if name != "session"})
    if variant.session:
        columns["session"] = redact(msgspec.json.encode(variant.session).decode())
    return columns


def _readable(name: str, value: Any) -> Any:
    if name == "tools":
        return ", ".join(str(getattr(tool, "name", None) or getattr(tool, "server_label", tool)) for tool in value)
    if name == "turn_detection" and value is None:
        return "none"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    plain = to_dict(value) if isinstance(value, msgspec.Struct) else msgspec.to_builtins(value)
    if not isinstance(plain, dict):
        return str(plain)
    kind = [str(plain.pop("type"))] if "type" in plain else []
    return " ".join([*kind, *(f"{key}={each}" for key, each in plain.items() if each is not None)])


def with_columns(outcome: TrialOutcome, **columns: Any) -> TrialOutcome:
    """Return an outcome with further columns in each of its rows."""
    return replace(outcome, rows=tuple({**row, **columns} for row in outcome.rows))
