"""Tables as plain HTML for notebooks, and as text for terminals.

Owns the markup, its escaping and its colours. Must not know what is shown. Every text is escaped: names, labels and
transcripts are untrusted. JupyterLab's variables give the colours, so that tables follow a dark theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from realtime_nb.recording.no_math import NO_MATH


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it shows.
        number: whether it is aligned as a number.
        strong: whether it is emphasised.
        head: whether it names its line.
        title: what is shown where the pointer rests on it.
    """

    text: str
    number: bool = False
    strong: bool = False
    head: bool = False
    title: str = ""


Table: TypeAlias = tuple[str, Sequence[str], Sequence[Sequence["Cell | str"]], Sequence[str]]
"""A table as arguments of `table_html`: caption, head, lines, notes."""

_STYLE = """<style>
.rtnb-lab {max-width: 100%; font-size: var(--jp-ui-font-size1, 13px);
  color: var(--jp-content-font-color1, inherit);}
.rtnb-lab table {border-collapse: collapse; margin: 4px 0; border: none; font-size: inherit;}
.rtnb-lab .rtnb-lab-wide {overflow-x: auto;}
.rtnb-lab p.rtnb-lab-caption {font-weight: 600; margin: 4px 0; overflow-wrap: anywhere;
  color: var(--jp-content-font-color1, inherit);}
.rtnb-lab .rtnb-lab-wide th, .rtnb-lab .rtnb-lab-wide td {text-align: left; padding: 3px 14px 3px 0;
  vertical-align: top; border: none; background: none; font-weight: 400; max-width: 28em; white-space: nowrap;}
.rtnb-lab .rtnb-lab-wide thead th {color: var(--jp-content-font-color2, #5f6773);
  border-bottom: 1px solid var(--jp-border-color1, #bbb);}
.rtnb-lab .rtnb-lab-wide tbody th {white-space: normal; min-width: 11em; overflow-wrap: break-word;}
.rtnb-lab .rtnb-lab-wide tbody tr {background: none !important;}
.rtnb-lab .rtnb-lab-wide tbody tr.rtnb-lab-group > * {border-top: 1px solid var(--jp-border-color2, #ddd);}
.rtnb-lab .rtnb-lab-wide tbody tr:first-child > * {border-top: none;}
.rtnb-lab .rtnb-lab-wide .rtnb-lab-number {text-align: right; font-variant-numeric: tabular-nums;}
.rtnb-lab .rtnb-lab-wide .rtnb-lab-strong {font-weight: 600;}
.rtnb-lab p {margin: 2px 0; max-width: 70em; color: var(--jp-content-font-color2, #5f6773);}
</style>"""


def table_html(
    caption: str, head: Sequence[str], lines: Sequence[Sequence[Cell | str]], notes: Sequence[str] = ()
) -> str:
    """Return a table with its caption, and notes below it."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in line] for line in lines]
    numbers = [bool(cells) and all(line[place].number for line in cells) for place in range(len(head))]
    top = "".join(_tag("th", Cell(text, number=number)) for text, number in zip(head, numbers, strict=True))
    body = "".join(map(_line, cells))
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f'{_STYLE}<div class="rtnb-lab {NO_MATH}"><p class="rtnb-lab-caption">{escape(caption)}</p>'
        '<div class="rtnb-lab-wide" tabindex="0">'
        f'<table aria-label="{escape(caption)}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{below}</div>"
    )


def table_text(
    caption: str, head: Sequence[str], lines: Sequence[Sequence[Cell | str]], notes: Sequence[str] = ()
) -> str:
    """Return the same table as text, in columns."""
    cells = [[Cell(text) for text in head]] + [[c if isinstance(c, Cell) else Cell(c) for c in line] for line in lines]
    widths = [max(len(line[place].text) for line in cells) for place in range(len(head))]
    numbers = [len(cells) > 1 and all(line[place].number for line in cells[1:]) for place in range(len(head))]
    shown = []
    for line in cells:
        texts = zip(line, widths, numbers, strict=True)
        shown.append("  ".join(c.text.rjust(w) if number else c.text.ljust(w) for c, w, number in texts).rstrip())
    return "\n".join([caption, *shown, *notes])


def _line(cells: Sequence[Cell]) -> str:
    group = ' class="rtnb-lab-group"' if cells and cells[0].head and cells[0].text else ""
    return f"<tr{group}>{''.join(_tag('th' if cell.head else 'td', cell) for cell in cells)}</tr>"


def _tag(tag: str, cell: Cell) -> str:
    classes = [f"rtnb-lab-{name}" for name in ("number", "strong") if getattr(cell, name)]
    attributes = f' class="{" ".join(classes)}"' if classes else ""
    attributes += f' title="{escape(cell.title)}"' if cell.title else ""
    attributes += ' scope="row"' if cell.head else ""
    return f"<{tag}{attributes}>{escape(cell.text)}</{tag}>"
