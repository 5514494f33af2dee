"""The value of a setting that is clearly better than every other one, or a refusal.

Owns when one is. Must not know rows, files or tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics.compare import Comparison
from realtime_nb.lab.statistics.estimate import THESE_ONLY

from .answers import AnyComparison, Comparisons
from .metrics import Better
from .words import estimate_words, p_cell


@dataclass(frozen=True, repr=False)
class Best:
    """The value of a setting that is clearly better than every other one.

    Attributes:
        setting: its name.
        value: the name of the best value; of the variant, where variants were compared.
        comparisons: every other value against it.
        better: the direction that is better.
        variant: the one with this value, for `w.apply(...)`; None where several have it, or its functions are lost.
    """

    setting: str
    value: str
    comparisons: Comparisons
    better: Better
    variant: Variant | None = None

    def __repr__(self) -> str:
        few = self.comparisons.all[0].decisive.scope == THESE_ONLY
        about = ", on these utterances only" if few else ""
        metric = self.comparisons.metric.name
        head = f"{self.setting} {self.value!r} is best by {metric} ({self.better} is better){about}:"
        return "\n".join([head, *(f"  {_words(each)}" for each in self.comparisons)])


def candidate(comparisons: Comparisons, better: Better) -> str:
    """Return the name of the value that looks best; the baseline is one of them."""
    sign = 1 if better == "lower" else -1
    shifts = {comparisons.baseline: 0.0, **{each.variant: each.decisive.value for each in comparisons}}
    return min(shifts, key=lambda name: sign * shifts[name])


def checked_best(comparisons: Comparisons, better: Better) -> Best:
    """Return the baseline of comparisons as the best value.

    Looking first which value seems best makes no false claim likelier: it must beat every other one, by a two-sided
    test that is corrected for their number.

    Raises:
        ConfigError: another value is not clearly worse; says which, and what would tell them apart.
    """
    sign = 1 if better == "lower" else -1
    worse = {each.variant for each in comparisons if each.clear and sign * each.decisive.value > 0}
    close = [each for each in comparisons if each.variant not in worse]
    if not close:
        return Best(comparisons.setting, comparisons.baseline, comparisons, better)
    shown = "; ".join(map(_words, close[:5]))
    more = f"; and {len(close) - 5} more" if len(close) > 5 else ""
    raise ConfigError(
        f"no {comparisons.setting} is clearly best by {comparisons.metric.name}. {comparisons.baseline!r} looks best, "
        f"and these are not clearly worse: {shown}{more}.{_remedy(close[0])}"
    )


def _words(each: AnyComparison) -> str:
    corrected = f"p = {p_cell(each.p_holm)}".replace("= <", "<")
    return f"{each.variant!r} {estimate_words(each.decisive, signed=True)}, {corrected}"


def _remedy(closest: AnyComparison) -> str:
    spread = closest.spread if isinstance(closest, Comparison) else None
    difference = closest.decisive.value
    if spread is None or not difference:
        return " More utterances or repeats may tell them apart."
    try:
        needed = spread.needed(difference)
    except ConfigError:
        return f" They differ by {abs(difference):.3g} {spread.unit}, too little to tell apart.".replace(" ,", ",")
    amount = f"{needed.trials} trials on {needed.utterances} utterances"
    return f" Should that difference be real, about {amount} would show it."
