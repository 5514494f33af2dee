"""Rows of simulated sweeps in the form that a run keeps: known latencies, pass rates and stalls.

Owns the rows. Must not know results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

Truth = Mapping[str, float]

NO_SHIFT: Truth = {}


def rows_of(
    variants: Mapping[str, Mapping[str, Any]],
    *,
    utterances: int = 12,
    repeats: int = 4,
    seed: int = 1,
    shift_ms: Callable[[Mapping[str, Any]], float] = lambda settings: 0.0,
    passes: Callable[[Mapping[str, Any]], float] = lambda settings: 0.8,
    turns: Sequence[int] = (0,),
    stalls: float = 0.0,
) -> list[dict[str, Any]]:
    """Return the rows of a sweep.

    Args:
        variants: settings by name.
        utterances: how many.
        repeats: of each.
        seed: of all chance.
        shift_ms: what a variant's settings add to the latency.
        passes: the chance that the grade `polite` is True.
        turns: of each trial.
        stalls: the share of trials that take 1.5 s longer.
    """
    rng = np.random.default_rng(seed)
    base = rng.normal(700, 150, utterances)
    rows = []
    for repeat in range(repeats):
        for number in range(utterances):
            for name, settings in variants.items():
                for turn in turns:
                    late = float(base[number] + shift_ms(settings) + rng.normal(0, 60))
                    late += 1500.0 * (rng.random() < stalls)
                    words = int(rng.integers(8, 20))
                    rows.append(
                        row(
                            name, settings, number, repeat, turn,
                            speech_end_to_first_audible_ms=late, total_ms=late + 300.0 * words, words=words,
                            polite=bool(rng.random() < passes(settings)),
                        )
                    )  # fmt: skip
    return rows


def row(
    variant: str, settings: Mapping[str, Any], utterance: int = 0, repeat: int = 0, turn: int = 0, **columns: Any
) -> dict[str, Any]:  # fmt: skip
    """Return one row; `columns` lie over the measured ones."""
    label = f"question {utterance}.wav"
    return {
        "trial_id": sha256(f"{variant} {utterance} {repeat}".encode()).hexdigest(),
        "turn": turn,
        "utterance": label,
        "utterance_hash": sha256(label.encode()).hexdigest(),
        "twin": None,
        "said": f"What is {utterance} plus one?",
        "variant": variant,
        "repeat": repeat,
        "place": 0,
        "order_seed": 0,
        "pacing": "realtime",
        "attempts": 1,
        "started_at": 1_700_000_000.0 + repeat,
        "worker": "here",
        **settings,
        "speech_end_to_stopped_ms": 500.0,
        "speech_end_to_first_text_ms": None,
        "speech_end_to_first_audible_ms": 700.0,
        "total_ms": 2_000.0,
        "words": 6,
        "truncated": False,
        "cut_offs": 0,
        "turn_taking": 0.9,
        "input_tokens": 20,
        "cost_usd": 0.0001,
        "tool_calls": [],
        "heard": f"What is {utterance} plus one?",
        "text": f"It is {utterance + 1}.",
        "cached": False,
        "error": None,
        **columns,
    }


def failed(row: Mapping[str, Any], error: str = "ConnectionClosed: the server went away") -> dict[str, Any]:
    """Return a row as one whose trial failed before the answer."""
    missing = (
        "speech_end_to_stopped_ms",
        "speech_end_to_first_audible_ms",
        "total_ms",
        "words",
        "turn_taking",
        "polite",
    )
    gone = {name: None for name in missing if name in row}
    return {**row, **gone, "text": "", "error": error}
