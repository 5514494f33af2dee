"""`Results`: what a sweep found, to look at, compare and take away.

Owns what a user calls. `questions.py` chooses the rows and options of an answer, the statistics are in
`lab/statistics/`, the forms of answers in `answers.py`. Must not know how trials are run.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.trial_view import TrialView
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.listening.listening import BlindListening
from realtime_nb.lab.listening.preferences import Preferences
from realtime_nb.lab.listening.votes import VoteLog
from realtime_nb.lab.statistics.spread import Spread, TrialsNeeded
from realtime_nb.lab.view.show import rows_changed, show
from realtime_nb.lab.view.static_page import page_html
from realtime_nb.replace_file import replace_file

from . import answers, export, plots, questions
from .best import Best, candidate, checked_best
from .cautions import cautions, missing_grades
from .early_stop import EarlyStop, complete_rounds
from .figures.shown_figure import WIDTH_PX
from .find_rows import row_of_trial
from .frame import to_frame
from .html import Table, table_html, table_text
from .manifest import Manifest
from .metrics import Better, direction
from .overview import overview
from .regrade import checked_graders, grade_lines, graded
from .run_variants import RunVariants
from .shown_metrics import chosen_metric, main_metrics
from .sweep_rows import SweepRows, key_of
from .trial_notes import TrialNotes, check_rating

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip
    from realtime_nb.client.replay.trace import ReplayRecord, TrialTrace

    from .figures.shown_figure import ShownFigure

# One for all results, which can be pickled so. A person rates in the card while a cell grades.
_changing = threading.Lock()


class Results:
    """What a sweep found: one row for each user turn of each trial.

    In a notebook it shows a card: the trials, figures, and sound to compare. Every interval holds for the utterances as
    the unit: trials of one utterance resemble each other, and are not counted as independent.

    Args:
        rows: one dict a user turn, in the form that `lab/keeping` keeps.
        variants: that were run, for `code`, `payload` and `best`; and for those whose functions a file does not keep.
        functions: by variant, the names of functions that its kept form lacks.
        folder: where grades and ratings are kept; None: nowhere.
        audio: from a row to the answer's sound.
        user_audio: from a row to the recording that was said.
        trace: from a row to the events of its turn with their times.
        early: the plan of a sweep that may stop early, and the rounds that it ran.
        about: a line for the head of tables, such as what was not run.

    Attributes:
        rows: the rows as plain dicts, grades and ratings included.
        folder: where they are kept, or None.

    Example:
        >>> results = rt.Results.open("lab-cache")  # doctest: +SKIP
        >>> results.compare("instructions", metric="total_ms")  # doctest: +SKIP
        >>> w.apply(results.best("total_ms").variant)  # doctest: +SKIP
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        variants: Iterable[Variant] = (),
        functions: Mapping[str, tuple[str, ...]] | None = None,
        folder: str | Path | None = None,
        audio: Callable[[Mapping[str, Any]], AudioClip | None] | None = None,
        user_audio: Callable[[Mapping[str, Any]], AudioClip | None] | None = None,
        trace: Callable[[Mapping[str, Any]], TrialTrace | None] | None = None,
        early: tuple[EarlyStop, int] | None = None,
        about: str = "",
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self._about = about
        self._audio, self._user_audio, self._trace = audio, user_audio, trace
        self._early = early
        self._variants = RunVariants(variants, functions or {})
        self._notes = TrialNotes(self.folder)
        noted = [dict(row) for row in rows]
        self._notes.write_into(noted)
        self._sweep = SweepRows(noted, self._variants.names)
        if not self._sweep.rows:
            raise ConfigError("there are no trials in these results: run the lab first, or open another folder")

    @classmethod
    def open(cls, folder: str | Path, run: str | None = None, *, variants: Iterable[Variant] = ()) -> Results:
        """Return the results of a run that was kept, also while it is under way.

        Args:
            folder: that was given as `cache=`.
            run: its name; None: the newest one.
            variants: those that were run, with their functions, which no file keeps.

        Raises:
            ConfigError: no such folder or run, or it has no finished trial.
        """
        kept = RunFolder(folder)
        manifest = Manifest.from_dict(kept.run(run))
        rows = manifest.rows(kept.trials)
        given = {each.name: each for each in variants}
        early = None
        if manifest.early is not None and (done := complete_rounds(rows, manifest.trials_a_round)):
            early = manifest.early, done
        lost = len(manifest.trials) - sum(each.id in kept.trials for each in manifest.trials)
        return cls(
            rows,
            variants={**{each.name: each for each in manifest.variants}, **given}.values(),
            functions={name: names for name, names in manifest.functions.items() if name not in given},
            folder=kept.path,
            audio=lambda row: kept.sound(row["trial_id"], row.get("turn") or 0),
            # In a scenario, the hash of a turn is not that of its sound: what was said before belongs to it.
            user_audio=lambda row: kept.said(row.get("sound_hash") or row["utterance_hash"]),
            trace=lambda row: _trace_of(kept.record(row["trial_id"]), row.get("turn") or 0),
            early=early,
            about=f"{lost} of {len(manifest.trials)} trials were not run" if lost else "",
        )

    # The data

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as plain dicts, grades and ratings included."""
        return self._sweep.rows

    @property
    def frame(self) -> Any:
        """A pandas data frame, one line a user turn; units are in the names of columns."""
        return to_frame(self.rows)

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that differ between trials, which `compare` and `summary` accept, beside `"variant"`."""
        return self._sweep.varied

    @property
    def variant_names(self) -> tuple[str, ...]:
        """The names of the variants, in the order in which they were given."""
        rows = (str(row["variant"]) for row in self.rows)
        ran = dict.fromkeys(rows)
        return tuple(dict.fromkeys([*(name for name in self._variants.names if name in ran), *ran]))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The columns that are shown where none is named: waits, grades, length, turn-taking and cost."""
        return tuple(each.name for each in main_metrics(self._sweep))

    @property
    def grades(self) -> tuple[str, ...]:
        """The columns of graders and of ratings, labels included."""
        return self._sweep.grades

    @property
    def errors(self) -> dict[str, int]:
        """Why trials failed, and how often each reason occurred."""
        return dict(Counter(str(row["error"]) for row in self.rows if row["failed"]).most_common())

    @property
    def cost_usd(self) -> float | None:
        """What these trials cost when they were run, those from the cache included; None where a cost is unknown."""
        costs = [row.get("cost_usd") for row in self.rows]
        return None if any(cost is None for cost in costs) else float(sum(cost for cost in costs if cost is not None))

    @property
    def grading_cost_usd(self) -> float:
        """What graders that ask a model have cost for these trials, as far as they say so."""
        names = [name for name in self._sweep.grades if name.endswith(".cost_usd")]
        return float(sum(row.get(name) or 0.0 for row in self.rows for name in names))

    @property
    def graders(self) -> dict[str, str]:
        """The graders by name, and what could change their grades: options, and the versions of their packages."""
        return dict(self._notes.graders)

    def __len__(self) -> int:
        return len(self.rows)

    def trial(self, trial_id: str, turn: int | None = None) -> TrialView:
        """Return one trial: its columns as attributes, and `audio`.

        Args:
            trial_id: from the column of that name; its beginning is enough.
            turn: of a scenario with several user turns.

        Raises:
            ConfigError: no such trial, or several.
        """
        return self._view(row_of_trial(self._sweep, trial_id, turn))

    # Answers

    def summary(
        self, by: str = "variant", *, metric: str | Sequence[str] | None = None, level: float = 0.95
    ) -> answers.Answers:
        """Return typical values with their intervals, for each value of a setting.

        Args:
            by: a setting, `"variant"`, `"utterance"` or `"turn"`.
            metric: columns; None: the main ones and all grades.
            level: of the intervals.

        Raises:
            ConfigError: an unknown setting or column.
        """
        return questions.summary(self._sweep, by, metric, level)

    def compare(
        self, setting: str = "variant", *, metric: str | None = None, baseline: Any = None, level: float | None = None,
        stall: float | None = None, turn: int | None = None,
    ) -> answers.Comparisons:  # fmt: skip
        """Compare the values of a setting with a baseline, paired by utterance and corrected for their number.

        Other settings are averaged within each utterance. The typical shift decides (Hodges-Lehmann of the utterances'
        medians with Wilcoxon's signed-rank test); the mean has a row of its own. Passes are compared by their rates,
        counts such as `cut_offs` by their means. Holm's correction keeps the chance of any false claim.

        Args:
            setting: its name, or `"variant"`.
            metric: a column, or `"column=label"` for a grader that returns labels; None: the wait of a listener, or for
                the first words where a variant answers without sound.
            baseline: the value that others are compared with; None: the first one.
            level: of the intervals; None: 0.95, or the level of the look after which a sweep stopped early.
            stall: by how much a stall exceeds its utterance's median; None: 4 robust standard deviations.
            turn: of a scenario: only this user turn.

        Raises:
            ConfigError: an unknown setting, column or value, or values that were not run on the same utterances.
        """
        return questions.compare(
            self._sweep, setting, metric, baseline=baseline, level=level, stall=stall, turn=turn, early=self._early
        )

    def tail(
        self, by: str = "variant", *, metric: str | None = None, stall: float | None = None, level: float = 0.95
    ) -> answers.Answers:  # fmt: skip
        """Return the tail of a metric for each value of a setting: the share of stalls, and high percentiles.

        A stall exceeds the median of its utterance by `stall` (None: 4 robust standard deviations of all trials). The
        99th percentile has no value below 100 trials, the 95th none below 20.

        Raises:
            ConfigError: an unknown setting or column, or passes, which have no tail.
        """
        return questions.tail(self._sweep, by, metric, stall, level)

    def pass_rates(
        self, metric: str, by: str = "variant", *, k: int | None = None, level: float = 0.95
    ) -> answers.Answers:  # fmt: skip
        """Return how often trials pass: pass@1, pass@k (at least one of k), pass^k (all k), with intervals.

        Args:
            metric: a column of True and False, or `"column=label"`.
            by: a setting or `"variant"`.
            k: a number of trials of one utterance; None: as many as every utterance has, 2 at least.
            level: of the intervals.

        Raises:
            ConfigError: an unknown setting or column, one that holds no passes, or too large a k.
        """
        return questions.pass_rates(self._sweep, metric, by, k, level)

    def spread(
        self, setting: str = "variant", *, metric: str | None = None, baseline: Any = None, level: float = 0.95
    ) -> dict[str, Spread]:  # fmt: skip
        """Return where the width of each comparison comes from: from utterance to utterance, and from trial to trial.

        A `Spread` says what more repeats or more utterances would buy: `half_width`, `power`, `needed`.

        Raises:
            ConfigError: as for `compare`; fewer than ten utterances; one repeat.
        """
        return questions.spread(self._sweep, setting, metric, baseline, level)

    def needed(
        self, difference: float, setting: str = "variant", *, metric: str | None = None, baseline: Any = None,
        utterances: int | None = None, repeats: int | None = None, power: float = 0.8,
    ) -> TrialsNeeded:  # fmt: skip
        """Return how many trials would show a difference, judged by the spread of these ones.

        Where several values are compared, the widest one decides.

        Args:
            difference: in the metric's unit.
            setting: as for `compare`.
            metric: as for `compare`.
            baseline: as for `compare`.
            utterances: so many, and the repeats that they need; not together with `repeats`.
            repeats: so many, and the utterances that they need; None: as many as were run.
            power: how often it shall be seen.

        Raises:
            ConfigError: as for `spread`, or a difference that no number of trials would show.
        """
        found = self.spread(setting, metric=metric, baseline=baseline).values()
        options: dict[str, Any] = {"utterances": utterances, "repeats": repeats, "power": power}
        return max((each.needed(difference, **options) for each in found), key=lambda each: each.trials)

    def best(
        self, metric: str | None = None, setting: str = "variant", *, better: Better | None = None
    ) -> Best:  # fmt: skip
        """Return the value of a setting that is clearly better than every other one.

        Args:
            metric: as for `compare`.
            setting: as for `compare`.
            better: `"lower"` or `"higher"`; None: what the metric says.

        Raises:
            ConfigError: none is clearly better than all others; says which ones are close, and what would tell them
                apart. Or as for `compare`.
        """
        name, found = self._sweep.setting(setting), chosen_metric(self._sweep, metric)
        way = direction(found, better)
        shown = candidate(self.compare(name, metric=found.name), way)
        best = checked_best(self.compare(name, metric=found.name, baseline=shown), way)
        key = self._sweep.find(name, best.value)
        having = {str(row["variant"]) for row in self.rows if key_of(row.get(name)) == key}
        return replace(best, variant=self._variants.whole(having.pop()) if len(having) == 1 else None)

    def plot(
        self, setting: str = "variant", *, metric: str | None = None, baseline: Any = None, width_px: int = WIDTH_PX
    ) -> ShownFigure:
        """Return the matplotlib figure of a comparison.

        Args:
            setting: as for `compare`.
            metric: as for `compare`.
            baseline: as for `compare`.
            width_px: of the figure.

        Raises:
            ConfigError: as for `compare`, or matplotlib is not installed.
        """
        return self.compare(setting, metric=metric, baseline=baseline).plot(width_px=width_px)

    def frontier(self, by: str | None = None, *, delay: str | None = None, width_px: int = WIDTH_PX) -> ShownFigure:
        """Return the figure of cut-offs against delay, for sweeps of turn detection.

        Each value of the setting is a point: its typical delay, and its mean number of cut-offs a turn. The frontier
        joins the values for which no other one has both fewer cut-offs and a shorter delay. `figure.frame` has the
        numbers.

        Args:
            by: a setting; None: `"turn_detection"` where other settings vary too, or `"variant"`.
            delay: a column of milliseconds; None: the end of speech to the commit of the turn.
            width_px: of the figure.

        Raises:
            ConfigError: an unknown setting or column, no delays, or matplotlib is not installed.
        """
        return plots.frontier(self._sweep, by, delay, width_px)

    def distribution(self, metric: str | None = None, by: str = "variant", *, width_px: int = WIDTH_PX) -> ShownFigure:
        """Return the figure of how the trials of each value of a setting spread.

        Numbers are shown as densities with their trials, passes as rates with intervals, counts and labels as shares.

        Args:
            metric: a column, also a grader's that returns labels; None: as for `compare`.
            by: a setting, `"variant"`, `"utterance"` or `"turn"`.
            width_px: of the figure.

        Raises:
            ConfigError: an unknown setting or column, a column without values, or matplotlib is not installed.
        """
        return plots.distribution(self._sweep, self._sweep.grouping(by), metric, width_px)

    def waterfall(self, by: str = "variant", *, width_px: int = WIDTH_PX) -> ShownFigure:
        """Return the figure of latencies step by step: from the end of speech to the first sound that is audible.

        Args:
            by: as for `distribution`.
            width_px: of the figure.

        Raises:
            ConfigError: an unknown setting, no latencies, or matplotlib is not installed.
        """
        return plots.waterfall(self._sweep, self._sweep.grouping(by), width_px)

    def costs(self, by: str = "variant", *, width_px: int = WIDTH_PX) -> ShownFigure:
        """Return the figure of what a user turn costs: money for a thousand of them, and tokens by kind.

        Args:
            by: as for `distribution`.
            width_px: of the figure.

        Raises:
            ConfigError: an unknown setting, or matplotlib is not installed.
        """
        return plots.costs(self._sweep, self._sweep.grouping(by), width_px)

    def timeline(self, utterance: Any = None, *, repeat: int = 0, width_px: int = WIDTH_PX) -> ShownFigure:
        """Return the figure of one recording beside what each variant made of it: detected speech, and answers.

        All times are on the clock of the recording. `figure.frame` has the numbers.

        Args:
            utterance: its label in these results, its words, or the `rt.Utterance`; None: the first recording.
            repeat: which trial of each variant.
            width_px: of the figure.

        Raises:
            ConfigError: no such utterance or repeat, a typed one, no events were kept, or matplotlib is not installed.
        """
        return plots.timeline(self._sweep, self._view, utterance, repeat, width_px)

    def against(self, other: Results, *, metric: str | None = None, variant: str | None = None) -> answers.Comparisons:
        """Compare these results with another run, on the utterances and variants (by name) that both have.

        Args:
            other: the earlier run: the baseline.
            metric: as for `compare`.
            variant: only this one; None: all that both have, averaged within each utterance.

        Raises:
            ConfigError: the runs share no utterance that a variant of the same name answered.
        """
        if not isinstance(other, Results):
            raise ConfigError(f"against() takes other results, such as rt.Results.open('folder'), not {other!r}")
        return questions.against(self._sweep, other._sweep, metric, variant)

    # Grades and ratings

    def grade(self, *graders: Any, timeout_s: float = 60.0, at_once: int = 8) -> Results:
        """Grade all trials, from what was kept of them: no call to the model. Returns these results.

        Each grader makes a column of its name, or `name.key` for the keys of a dict; a grade that is missing has its
        reason in `NAME_missing`. Grades are kept with the run. A column of the same grader is replaced.

        Args:
            graders: functions that take a trial, or `rt.graders`; also one list of them.
            timeout_s: a grade that takes longer is missing.
            at_once: so many grades at a time.

        Raises:
            ConfigError: no grader, two of one name, or one with the name of a measured column.
        """
        given = graders[0] if len(graders) == 1 and isinstance(graders[0], (list, tuple)) else graders
        made = checked_graders(given, set(self._sweep.columns) - set(self._sweep.grades))
        found = graded(made, [self._view(row) for row in self.rows], timeout_s=timeout_s, at_once=at_once)
        with _changing:
            rows = [dict(row) for row in self.rows]  # the card and the static page read the others on their threads
            self._notes.add_grades(rows, grade_lines(rows, made, found))
            self._sweep = self._sweep.with_rows(rows)
        rows_changed(self)
        return self

    def rate(self, trial_id: str, value: float | bool | str, note: str = "", *, turn: int | None = None) -> None:
        """Keep a rating given by hand with a trial: the columns `rating` and `rating_note`.

        Args:
            trial_id: from the column of that name; its beginning is enough.
            value: a number, a truth or a label.
            note: why.
            turn: of a scenario with several user turns.

        Raises:
            ConfigError: no such trial, several, or a value that is none of these.
        """
        check_rating(value, note)
        with _changing:
            rated = row_of_trial(self._sweep, trial_id, turn)
            row = dict(rated)
            self._notes.add_rating(row, value, note)
            self._sweep = self._sweep.with_rows(row if each is rated else each for each in self.rows)
        rows_changed(self)

    # Listening

    @cached_property
    def listening(self) -> BlindListening:
        """The answers as pairs for blind listening, and the votes on them; votes are kept with the run."""
        sound = self._audio if self._audio is not None else lambda row: None
        return BlindListening(self._sweep, VoteLog(self.folder), sound)

    def preferences(self, by: str = "variant", *, listener: str | None = None, level: float = 0.95) -> Preferences:
        """Return what listeners preferred without seeing labels: a ranking with intervals (Bradley-Terry).

        Votes are given in the tab Blind of these results in a notebook, and kept with the run. Those on answers that
        differ in further settings are left out, unless `by` is `"variant"`.

        Args:
            by: a setting or `"variant"`.
            listener: only this one's votes; None: those of all.
            level: of the intervals; `1 - level` is the chance of any false verdict about two values.

        Raises:
            ConfigError: an unknown setting, no votes on these trials, or the extra `lab` is not installed.
        """
        answers.check_level(level)
        return self.listening.preferences(by, listener=listener, level=level)

    # Taking it away

    def variant(self, name: str) -> Variant:
        """Return a variant of these results: for `w.apply(variant)`, or another lab.

        Raises:
            ConfigError: no such variant, or one whose functions a file does not keep.
        """
        return self._variants.usable(name)

    def code(self, variant: str | Variant | Best) -> str:
        """Return a variant as Python code that makes a widget, with the backend and model of its trials.

        Raises:
            ConfigError: no such variant.
        """
        return self._variants.code(variant, self.rows)

    def payload(self, variant: str | Variant | Best) -> dict[str, Any]:
        """Return a variant as the `session` of a `session.update`.

        Raises:
            ConfigError: no such variant.
        """
        return self._variants.payload(variant)

    def save(self, path: str | Path) -> Path:
        """Write these results as a page for people: tables, figures, and at most 5 MB of chosen sounds.

        The page needs no kernel and no network. `to_csv`, `to_parquet` and `to_jsonl` write the rows.

        Args:
            path: of a file that ends in `.html`; one of that name is replaced when the new one is whole.

        Raises:
            ConfigError: another ending.
        """
        path = Path(path).expanduser()
        if path.suffix.lower() not in (".html", ".htm"):
            raise ConfigError(
                f"save({str(path)!r}) writes a page, and its name must end in .html; to_csv, to_parquet and to_jsonl "
                "write the rows"
            )
        replace_file(path, page_html(self).encode("utf-8", "replace"))
        return path

    def to_csv(self, path: str | Path) -> Path:
        """Write all columns as CSV; a missing value is an empty field."""
        return export.to_csv(self.rows, path)

    def to_parquet(self, path: str | Path) -> Path:
        """Write all columns with their types as Parquet.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        return export.to_parquet(self.rows, path)

    def to_jsonl(self, path: str | Path) -> Path:
        """Write one JSON object a user turn, for evaluation tools: `item`, `sample` and `measures`."""
        return export.to_jsonl(self.rows, path, settings=self._sweep.all_settings)

    # Display

    def __repr__(self) -> str:
        return table_text(*self._table())

    def _repr_html_(self) -> str:
        return table_html(*self._table())

    def _ipython_display_(self) -> None:
        """Show the card in a notebook, with a static page for when it is opened without its kernel."""
        show(self)

    def _table(self) -> Table:
        cost = "" if self.cost_usd is None else f", {self.cost_usd:.4g} USD"
        cost += f" and {self.grading_cost_usd:.4g} USD for grades" if self.grading_cost_usd else ""
        about = f"; {self._about}" if self._about else ""
        notes = [f"{count} failed: {reason[:200]}" for reason, count in list(self.errors.items())[:3]]
        notes += [*missing_grades(self._sweep), *cautions(self._sweep)]
        return overview(self._sweep, main_metrics(self._sweep), cost + about, notes)

    # Inside

    def _view(self, row: Mapping[str, Any]) -> TrialView:
        return TrialView(
            row,
            None if self._audio is None else partial(self._audio, row),
            user_audio=None if self._user_audio is None else partial(self._user_audio, row),
            trace=None if self._trace is None else partial(self._trace, row),
        )


def _trace_of(record: ReplayRecord | None, turn: int) -> TrialTrace | None:
    return record.turns[turn] if record is not None and turn < len(record.turns) else None
