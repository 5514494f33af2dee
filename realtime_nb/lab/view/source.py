"""The part of `Results` that the card and the static page read.

Owns this form. Must not know `Results`, which shows itself through this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from realtime_nb.lab.grading.trial_view import TrialView
    from realtime_nb.lab.listening.listening import BlindListening
    from realtime_nb.lab.listening.preferences import Preferences
    from realtime_nb.lab.results.figures.shown_figure import ShownFigure


class ResultsSource(Protocol):
    """Results, as far as they are shown."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict a user turn, grades and ratings included."""

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that differ between trials."""

    @property
    def variant_names(self) -> Sequence[str]:
        """The names of the variants, in their order."""

    @property
    def metrics(self) -> Sequence[str]:
        """The columns that are shown where none is named."""

    @property
    def grades(self) -> Sequence[str]:
        """The columns of graders and of ratings, labels included."""

    @property
    def folder(self) -> Path | None:
        """Where grades and ratings are kept; None: nowhere."""

    def trial(self, trial_id: str, turn: int | None = None) -> TrialView:
        """Return one trial; raises ConfigError where there is none."""

    def rate(self, trial_id: str, value: float | bool | str, note: str = "", *, turn: int | None = None) -> None:
        """Keep a rating given by hand with a trial."""

    @property
    def listening(self) -> BlindListening:
        """The answers as pairs for blind listening, and the votes on them."""

    def preferences(self, by: str = "variant", *, listener: str | None = None) -> Preferences:
        """Return the ranking by votes; raises ConfigError where there are none."""

    def _repr_html_(self) -> str:
        """Return the table of all variants."""

    # Figures: all raise ConfigError where they cannot be drawn, and say why.

    def plot(self, setting: str = "variant", *, metric: str | None = None, width_px: int = ...) -> ShownFigure:
        """Return the figure of a comparison."""

    def distribution(self, metric: str | None = None, by: str = "variant", *, width_px: int = ...) -> ShownFigure:
        """Return the figure of how trials spread."""

    def waterfall(self, by: str = "variant", *, width_px: int = ...) -> ShownFigure:
        """Return the figure of latencies step by step."""

    def frontier(self, by: str | None = None, *, width_px: int = ...) -> ShownFigure:
        """Return the figure of cut-offs against delay."""

    def timeline(self, utterance: Any = None, *, width_px: int = ...) -> ShownFigure:
        """Return the figure of one recording beside what each variant made of it."""

    def costs(self, by: str = "variant", *, width_px: int = ...) -> ShownFigure:
        """Return the figure of what a user turn costs."""
