"""The trials as an HTML table for readers without a kernel.

Owns which rows and columns it has, and its heat colours. Must not know files. Every text is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from realtime_nb.lab.results.metrics import metric_of
from realtime_nb.lab.results.words import number_words
from realtime_nb.texts import shortened

from .source import ResultsSource

Row: TypeAlias = Mapping[str, Any]

MOST_ROWS = 200
_MOST_FAILED = 40
_LONGEST = 2_000  # characters of one text
_SUMMARY = 70  # characters of an answer that are shown before it is unfolded
_MOST_METRICS = 6


def trial_table(results: ResultsSource) -> str:
    """Return the table: trials of one utterance beside each other, variants in order, at most 200 rows."""
    rows = results.rows
    shown = chosen_rows(rows, results.variant_names)
    metrics = list(results.metrics)[:_MOST_METRICS]
    several = len({row.get("turn") for row in rows}) > 1
    heats = {name: _Heat(name, rows) for name in metrics}
    head = ["utterance", *(["turn"] if several else []), "variant", "what was said and answered", *metrics]
    body = "".join(_line(row, metrics, heats, several=several) for row in shown)
    left = len(rows) - len(shown)
    more = f"<p>{left} of {len(rows)} rows are not shown here: the folder of the run has them.</p>" if left else ""
    number = ' class="rtnb-static-number"'
    top = "".join(f'<th scope="col"{number if name in metrics else ""}>{escape(name)}</th>' for name in head)
    return (
        '<div class="rtnb-static-wide" tabindex="0" role="region" aria-label="Trials">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def chosen_rows(rows: Sequence[Row], variants: Sequence[str]) -> list[Row]:
    """Return at most 200 rows: first repeats of every utterance before second ones, and some failures; in order."""
    if len(rows) > MOST_ROWS:
        failed = [row for row in rows if row.get("failed")][:_MOST_FAILED]
        rest = [row for row in rows if not row.get("failed")]
        rest.sort(key=lambda row: row.get("repeat") or 0)
        rows = failed + rest[: MOST_ROWS - len(failed)]
    places = {name: place for place, name in enumerate(variants)}
    return sorted(
        rows,
        key=lambda row: (
            str(row.get("utterance")), row.get("turn") or 0, places.get(str(row.get("variant")), len(places)),
            row.get("repeat") or 0,
        ),
    )  # fmt: skip


def transcript_html(row: Row) -> str:
    """Return both sides of a turn, the tool calls and the error as paragraphs."""
    parts = [
        ("Said", row.get("said")),
        ("Heard", row.get("heard")),
        ("Recognition", row.get("recognition")),
        ("Answer", row.get("text")),
        *(("Call", _call(call)) for call in row.get("tool_calls") or ()),
        ("Rating", row.get("rating")),
        ("Note", row.get("rating_note")),
        ("Error", row.get("error")),
    ]
    return "".join(
        f'<p dir="auto"><b>{name}</b> {escape(shortened(str(value), _LONGEST))}</p>'
        for name, value in parts
        if value is not None and value != ""
    )


class _Heat:
    """The background of a column's numbers: stronger for worse ones, where the metric says which those are."""

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        numbers = sorted(value for row in rows if (value := _number(row.get(name))) is not None)
        is_pass = any(isinstance(row.get(name), bool) for row in rows)
        self._better = metric_of(name, is_pass=is_pass).better
        self.low, self.high = (numbers[len(numbers) // 20], numbers[-1 - len(numbers) // 20]) if numbers else (0.0, 0.0)

    def style(self, value: float) -> str:
        """Return the attribute of a cell; empty where no direction is better, or all values are alike."""
        if self._better is None or self.high <= self.low:
            return ""
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        worse = share if self._better == "lower" else 1 - share
        # Weak enough for text of both themes.
        return f' style="background-color: rgba(230, 120, 0, {0.4 * worse:.2f})"' if worse >= 0.05 else ""


def _line(row: Row, metrics: Sequence[str], heats: Mapping[str, _Heat], *, several: bool) -> str:
    cells = [f'<th scope="row">{escape(str(row.get("utterance")))}</th>']
    cells += [f"<td>{row.get('turn')}</td>"] if several else []
    cells.append(f"<td>{escape(str(row.get('variant')))}</td>")
    answer = row.get("error") or row.get("text") or ", ".join(map(_call, row.get("tool_calls") or ())) or "no words"
    summary = escape(shortened(" ".join(str(answer).split()), _SUMMARY))
    failed = ' class="rtnb-static-failed"' if row.get("failed") else ""
    unfolds = f"<details><summary{failed}>{summary}</summary>{transcript_html(row)}</details>"
    cells.append(f'<td class="rtnb-static-words">{unfolds}</td>')
    for name in metrics:
        value = row.get(name)
        number = _number(value)
        words = "–" if value is None else ("yes" if value else "no") if isinstance(value, bool) else None
        if words is None:
            words = escape(shortened(str(value), _SUMMARY)) if number is None else number_words(number)
        heat = "" if number is None else heats[name].style(number)
        cells.append(f'<td class="rtnb-static-number"{heat}>{words}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _call(call: Mapping[str, Any]) -> str:
    arguments = call.get("arguments")
    words = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)
    return shortened(f"{call.get('name')}({words})", _LONGEST)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (bool, int, float)) else None
