"""Results as a page without a kernel: what a saved notebook keeps, and `results.save("page.html")`.

Owns which parts of results it holds, their order and their style. Must not know notebooks.

A notebook that its reader does not trust loses styles, roles and labels; tables, images, players and `<details>` stay,
so that the page can be read without them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from html import escape
from tempfile import gettempdir
from typing import Any
from weakref import WeakKeyDictionary

from realtime_nb.audio import AudioClip
from realtime_nb.errors import RealtimeError
from realtime_nb.lab.results.words import number_words
from realtime_nb.texts import shortened, whole_characters

from .chosen_sounds import ChosenTrial, chosen_trials
from .embedded_sound import LONGEST_S, sound_address
from .figure_requests import drawn_figure, figure_choices
from .source import ResultsSource
from .trial_table import Row, transcript_html, trial_table

MOST_SOUND = 5_000_000
"""Characters of a page that are sound."""

_MOST_TRIALS = 24  # that can be heard
_FIGURE_PX = 880
_FIGURES = ("frontier", "comparison", "distribution", "waterfall", "costs")
_logger = logging.getLogger("realtime_nb")

_STYLE = """<style>
.rtnb-static-page {max-width: 100%; font-size: var(--jp-ui-font-size1, 13px);
  color: var(--jp-content-font-color1, inherit);}
.rtnb-static-page p.rtnb-static-group {margin: 14px 0 4px; font-size: 1.05em;}
.rtnb-static-page details > summary {cursor: pointer; overflow-wrap: anywhere;}
.rtnb-static-page p {margin: 2px 0; max-width: 70em; overflow-wrap: anywhere;}
.rtnb-static-page .rtnb-static-wide {max-height: 440px; overflow: auto;}
.rtnb-static-page .rtnb-static-wide table {border-collapse: collapse; margin: 0; border: none; font-size: inherit;}
.rtnb-static-page .rtnb-static-wide :is(th, td) {text-align: left; padding: 3px 10px; vertical-align: top;
  border: none; font-weight: 400; max-width: 24em; min-width: 4em; overflow-wrap: break-word;}
.rtnb-static-page .rtnb-static-wide tbody :is(th, td) {white-space: normal;}
.rtnb-static-page .rtnb-static-wide tbody :is(th, td):not(.rtnb-static-number) {min-width: 9em;}
.rtnb-static-page .rtnb-static-wide thead th {border-bottom: 1px solid var(--jp-border-color1, #bbb);
  color: var(--jp-content-font-color2, inherit);}
.rtnb-static-page .rtnb-static-wide tbody tr {background: none !important;
  border-top: 1px solid var(--jp-border-color2, #8884);}
.rtnb-static-page .rtnb-static-wide td.rtnb-static-words {min-width: 18em;}
.rtnb-static-page .rtnb-static-wide .rtnb-static-number {text-align: right; font-variant-numeric: tabular-nums;}
.rtnb-static-page .rtnb-static-failed {font-style: italic;}
.rtnb-static-sounds {display: grid; gap: 10px 18px;
  grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr));}
.rtnb-static-sounds audio {display: block; width: 100%; height: 36px; margin: 3px 0;}
</style>"""


def static_html(results: ResultsSource) -> str:
    """Return results as HTML that needs neither kernel nor script: tables, figures and some sounds.

    Sounds take at most 5 MB. A part that cannot be made here, such as figures without matplotlib, says why. The page is
    made again where rows or votes have changed since: figures and sounds take about a second.
    """
    # Row by row: one call for thousands of them would hold the interpreter, and with it sound, for 50 ms.
    texts = tuple(json.dumps(row, default=str) for row in results.rows)
    rows = hash((texts, results.listening.vote_ids()))
    before, page = _made.get(results, (None, ""))
    if before != rows:
        page = whole_characters(_static_html(results))
        _made[results] = rows, page
    return page


_made: WeakKeyDictionary[Any, tuple[int, str]] = WeakKeyDictionary()
"""By results, the rows and votes of which a page was made, and the page: a cell is often run again."""


def _static_html(results: ResultsSource) -> str:
    parts = [_STYLE, '<div class="rtnb-static-page">', results._repr_html_(), *_preferences(results)]
    parts += [*_figures(results), *_sounds(results)]
    parts += ["<details><summary>Trials</summary>", trial_table(results), "</details>"]
    if results.folder is not None and not results.folder.is_relative_to(gettempdir()):  # where a run without cache= is
        parts.append(f"<p>All trials with their sound: <code>{_opening(results)}</code></p>")
    return "".join([*parts, "</div>"])


def page_html(results: ResultsSource) -> str:
    """Return results as a whole page, in the colours of the reader's system, which loads nothing and runs nothing."""
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Results of a sweep</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>{_PAGE_STYLE}</style></head><body><main><h1>Results of a sweep</h1>"
        f"{static_html(results)}</main></body></html>"
    )


_PAGE_STYLE = """
h1 {font-size: 1.4em;}
body {margin: 24px auto; padding: 0 16px; max-width: 1100px; font: 14px/1.5 system-ui, sans-serif;
  color-scheme: light dark; background: #fff; color: #16191d;
  --jp-content-font-color2: #5f6773;}
@media (prefers-color-scheme: dark) {
  body {background: #111; color: #eceff3; --jp-content-font-color2: #a9b2bd; --jp-border-color1: #555;
    --jp-border-color2: #333;}
  body .rtnb-figure img.rtnb-light {display: none;}
  body .rtnb-figure img.rtnb-dark {display: inline !important;}
}
"""


def _opening(results: ResultsSource) -> str:
    return escape(f"rt.Results.open({str(results.folder)!r})")


def _preferences(results: ResultsSource) -> list[str]:
    """Return the ranking by blind listening for each setting by which votes were given."""
    found = []
    for by in results.listening.voted_by():
        try:
            found.append(results.preferences(by)._repr_html_())
        except RealtimeError as error:
            found.append(f"<p>No ranking of blind listening: {escape(str(error))}</p>")
    return found


def _figures(results: ResultsSource) -> list[str]:
    """Return the figures of these results; one that cannot be drawn is left out, and said once."""
    found: list[str] = []
    refused = ""
    choices = {each.kind: each for each in figure_choices(results)}
    for kind in _FIGURES:
        if kind not in choices or not _says_something(results, kind):
            continue
        try:
            figure = drawn_figure(results, kind, width_px=_FIGURE_PX)
            title = escape(choices[kind].title)
            found.append(f"<details open><summary>{title}</summary>{figure._repr_html_()}</details>")
        except RealtimeError as error:
            refused = refused or str(error)
        except Exception as error:  # a page without a figure is better than none
            _logger.warning("the figure %r could not be drawn", kind, exc_info=True)
            refused = refused or f"{type(error).__name__}: {error}"
    if not found and refused:
        return [f"<p>No figures: {escape(refused)}</p>"]
    return found


def _says_something(results: ResultsSource, kind: str) -> bool:
    """Whether a figure that can be drawn is worth a saved notebook's space."""
    if kind == "frontier":
        return "turn_detection" in results.settings or any(row.get("cut_offs") for row in results.rows)
    return kind != "costs" or any(row.get("cost_usd") for row in results.rows)


def _sounds(results: ResultsSource) -> list[str]:
    """Return players of chosen trials, grouped by why they were chosen."""
    waits = [name for name in results.metrics if name.endswith("_ms")]
    metric = next(iter(waits or results.metrics), "")
    chosen = chosen_trials(results.rows, results.variant_names, metric, results.grades)
    page = _SoundsOfPage(results)
    groups: dict[str, list[str]] = {}
    heard = 0
    for each in chosen:
        if heard == _MOST_TRIALS:
            break
        if answer := page.answer(each):
            heard += 1
            tiles = groups.setdefault(each.why, [])
            tiles += [
                page.user(each.row),
                _tile(str(each.row.get("variant")), _about(each.row, waits[:1]), answer, each.row),
            ]
    if not groups:
        return []
    whole = len(results.rows)
    about = f"Sounds: {heard} of {whole} trials" if heard < whole else f"Sounds of all {whole} trials"
    parts = [f"<details open><summary>{about}</summary>"]
    for why, trials in groups.items():
        title = escape(why[0].upper() + why[1:])
        parts.append(
            f'<p class="rtnb-static-group"><b>{title}</b></p><div class="rtnb-static-sounds">{"".join(trials)}</div>'
        )
    return [*parts, "</details>"]


class _SoundsOfPage:
    """The players of a page, as long as there is room for them."""

    def __init__(self, results: ResultsSource) -> None:
        self._results = results
        self._left = MOST_SOUND
        self._said: set[Any] = set()

    def answer(self, chosen: ChosenTrial) -> str:
        """Return the player of an answer; empty where it has no sound, or there is no room."""
        row = chosen.row
        return self._player(row, "audio", f"Answer of {row.get('variant')} to {row.get('utterance')}")

    def user(self, row: Row) -> str:
        """Return the recording that was said, once for each utterance."""
        if row.get("utterance_hash") in self._said:
            return ""
        self._said.add(row.get("utterance_hash"))
        player = self._player(row, "user_audio", f"User: {row.get('utterance')}")
        return _tile("User", escape(str(row.get("utterance"))), player) if player else ""

    def _player(self, row: Row, side: str, label: str) -> str:
        clip = _clip(self._results.trial(str(row["trial_id"]), row.get("turn")), side)
        if clip is None or not len(clip):
            return ""
        address = sound_address(clip)
        if len(address) > self._left:
            return ""
        self._left -= len(address)
        named = escape(label)
        player = f'<audio controls preload="metadata" title="{named}" aria-label="{named}" src="{address}"></audio>'
        return player + (f"<div>the first {LONGEST_S} s</div>" if clip.duration_ms > 1000 * LONGEST_S else "")


def _clip(view: Any, side: str) -> AudioClip | None:
    """Return one side's sound; None where it was not kept, or cannot be read here."""
    try:
        clip: AudioClip | None = getattr(view, side)
    except (RealtimeError, OSError):
        return None
    return clip


def _about(row: Row, metrics: Sequence[str]) -> str:
    """Return the utterance of a trial, its wait, and its cut-offs."""
    waits = [f"{number_words(float(row[name]))} ms" for name in metrics if isinstance(row.get(name), (int, float))]
    cut = row.get("cut_offs") or 0
    wrong = [f"{cut} cut-off{'' if cut == 1 else 's'}"] if cut else []
    return escape(", ".join([str(row.get("utterance")), *waits, *wrong]))


def _tile(name: str, about: str, player: str, row: Row | None = None) -> str:
    """Return a player with its name; with a row, with its transcript."""
    unfolds = ""
    if row is not None:
        said = " ".join(str(row.get("text") or row.get("error") or "no words").split())
        words = escape(shortened(said, 70))
        unfolds = f"<details><summary>{words}</summary>{transcript_html(row)}</details>"
    return f"<div><b>{escape(name)}</b><div>{about}</div>{player}{unfolds}</div>"
