"""What is known of each measured column: its unit, which direction is better, and how it is compared.

Owns these facts. Must not know rows or statistics.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from realtime_nb.client.settings import DEFAULTS
from realtime_nb.errors import ConfigError
from realtime_nb.lab.measure import Measures

Better: TypeAlias = Literal["lower", "higher"]
Kind: TypeAlias = Literal["number", "count", "pass"]


@dataclass(frozen=True)
class Metric:
    """A column that can be compared.

    Attributes:
        name: of the column.
        kind: `"number"`: typical values are compared; `"count"`: 0 in most trials, so that means are; `"pass"`: rates.
        unit: such as `"ms"`; empty for none.
        better: the direction that is better; None where it depends on the purpose.
        least: no value is below it; None: any number may be one.
        most: no value is above it.
    """

    name: str
    kind: Kind = "number"
    unit: str = ""
    better: Better | None = None
    least: float | None = None
    most: float | None = None


FIRST = "speech_end_to_first_audible_ms"
"""The metric of comparisons where none is named: the wait of a listener."""

FIRST_TYPED = "speech_end_to_first_text_ms"
"""The same for answers without sound."""

_LATENCIES = (
    "speech_end_to_stopped_ms", "speech_end_to_committed_ms", "speech_end_to_response_ms", FIRST_TYPED,
    "speech_end_to_first_audio_ms", FIRST, "total_ms",
)  # fmt: skip

_KNOWN = {
    metric.name: metric
    for metric in (
        # A server that cuts a turn off answers before the end of speech: these may be below 0.
        *(Metric(name, "number", "ms", "lower") for name in _LATENCIES),
        Metric("audio_gaps_ms", unit="ms", better="lower", least=0),
        Metric("answer_ms", unit="ms", least=0),
        Metric("words", least=0),
        Metric("words_per_minute", unit="words/min", least=0),
        Metric("turn_taking", better="higher", least=0, most=1),
        Metric("cost_usd", unit="USD", better="lower", least=0),
        Metric("wer", better="lower", least=0),
        Metric("similarity", better="higher", least=0, most=1),
        *(Metric(name, "count", "", "lower", least=0) for name in ("interruptions", "cut_offs", "false_starts")),
        *(Metric(name, "pass", "", "lower") for name in ("missed", "truncated", "failed")),
        *(
            Metric(name, "number", "tokens", "lower", least=0)
            for name in (
                "input_tokens", "output_tokens", "input_text_tokens", "input_audio_tokens", "input_image_tokens",
                "output_text_tokens", "output_audio_tokens",
            )
        ),
        Metric("cached_tokens", unit="tokens", better="higher"),
        Metric("bound_usd", unit="USD"),
        Metric("pacing_lag_ms", unit="ms", better="lower"),
        Metric("loop_lag_ms", unit="ms", better="lower"),
    )
}  # fmt: skip

MEASURED = frozenset(_KNOWN) - {"wer", "similarity"}
"""The columns of numbers and truths that are measured, not graded."""

SETTINGS = (*DEFAULTS, "model", "backend", "session")
"""The columns that hold a setting of the variant."""

_OF_THE_TRIAL = (
    "trial_id turn utterance utterance_hash scenario twin synthetic said variant repeat place order_seed pacing "
    "attempts started_at worker served_model bound_usd cached warmup degradation run rating_note retryable "
    "earlier_errors sound_hash recognition"
)
OWN = frozenset({*MEASURED, *SETTINGS, *(each.name for each in fields(Measures)), *_OF_THE_TRIAL.split()})
"""The columns of a row that are no grades: all others are a grader's."""


def metric_of(name: str, *, is_pass: bool = False) -> Metric:
    """Return what is known of a column; of a grader's column, that it is a number or a pass.

    Args:
        name: of the column.
        is_pass: whether its values are True and False; a pass is better.
    """
    if name.endswith(".cost_usd"):  # of a grader that asks a model
        return Metric(name, "number", "USD", "lower", least=0)
    return _KNOWN.get(name) or Metric(name, *(("pass", "", "higher") if is_pass else ()))


def direction(metric: Metric, better: Better | None) -> Better:
    """Return which direction is better: that of the argument, or that of the metric.

    Raises:
        ConfigError: a wrong argument, or a metric whose better direction depends on the purpose.
    """
    if better not in (None, "lower", "higher"):
        raise ConfigError(f"better={better!r} must be 'lower' or 'higher'")
    found = better or metric.better
    if found is None:
        raise ConfigError(
            f"whether more {metric.name} is better depends on the purpose: say better='lower' or 'higher'"
        )
    return found
