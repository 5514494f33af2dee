"""`Preferences`: what listeners preferred, as an answer with a frame and an HTML table.

Owns its forms and the words for its limits. Must not know how votes are ranked, or the trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from realtime_nb.lab.extra import pandas
from realtime_nb.lab.results.html import Cell, Table, table_html, table_text
from realtime_nb.lab.results.words import number_words, p_cell
from realtime_nb.lab.statistics.estimate import THESE_ONLY

from .ranking import PairVerdict, Ranked, Ranking


@dataclass(frozen=True, eq=False, repr=False)
class Preferences(Sequence[Ranked]):
    """The values of a setting by what listeners preferred, the most preferred first; a sequence of `Ranked`.

    `preferred` is the share of votes that a value would get against an average other one: 50 % is no preference.
    `places` are those that the votes allow, corrected for the number of comparisons.

    Attributes:
        by: the setting.
        ranking: places and comparisons.
        votes: how many votes it rests on.
        listeners: their names.
        notes: restrictions that readers must see.
    """

    by: str
    ranking: Ranking
    votes: int
    listeners: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ranking.all)

    def __iter__(self) -> Iterator[Ranked]:
        return iter(self.ranking.all)

    def __getitem__(self, which: Any) -> Any:
        """Return a place by number from 0, or by the name of the value."""
        if not isinstance(which, str):
            return self.ranking.all[which]
        for each in self.ranking.all:
            if each.name == which:
                return each
        names = ", ".join(repr(each.name) for each in self.ranking.all)
        raise KeyError(f"{which!r} has no votes; there are {names}")

    @property
    def best(self) -> str | None:
        """The value that is clearly preferred to every other one; None where none is."""
        first = self.ranking.all[0]
        return first.name if first.places == (1, 1) else None

    @property
    def pairs(self) -> tuple[PairVerdict, ...]:
        """Every two values, compared by their fitted strengths; corrected by Holm."""
        return self.ranking.pairs

    @property
    def frame(self) -> Any:
        """A pandas data frame, one line a value."""
        lines = [
            {
                self.by: each.name, "place": each.place, "place_low": each.places[0], "place_high": each.places[1],
                "preferred": each.preferred.value, "preferred_low": each.preferred.low,
                "preferred_high": each.preferred.high, "level": each.preferred.level, "wins": each.wins,
                "ties": each.ties, "losses": each.losses, "utterances": each.preferred.n,
                "scope": each.preferred.scope,
            }
            for each in self
        ]  # fmt: skip
        return pandas().DataFrame(lines).convert_dtypes()

    @property
    def title(self) -> str:
        """What the table is about."""
        votes = f"{self.votes} vote{'' if self.votes == 1 else 's'}"
        who = self.listeners[0] if len(self.listeners) == 1 else f"{len(self.listeners)} listeners"
        return f"blind listening by {self.by}: {votes} ({who})"

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The restrictions that readers must see, those of the ranking included."""
        found = list(self.notes)
        few = [each.name for each in self if each.few]
        if few:
            found.append(f"Fewer than ten votes, which say little: {', '.join(map(repr, few))}.")
        first = self.ranking.all[0].preferred
        if first.scope == THESE_ONLY:
            count = f"{first.n} utterance{'' if first.n == 1 else 's'}"
            found.append(f"{count}: the intervals are about these only. Ten are needed for a claim about others.")
        if not self.ranking.connected:
            found.append("Some values were never compared, not even through others: their places rest on no vote.")
        if len(self.listeners) == 1:
            found.append("One listener: another one may prefer others.")
        else:
            found.append("The intervals do not say how other listeners would differ.")
        if len(self) > 2:
            found += [
                f"{each.better} is preferred to {each.worse}, p = {p_cell(each.p_holm)} (corrected)."
                for each in self.pairs
                if each.clear
            ][:10]
        return tuple(found)

    def __repr__(self) -> str:
        return table_text(*self._table())

    def _repr_html_(self) -> str:
        return table_html(*self._table())

    def _table(self) -> Table:
        head = ["place", self.by, "preferred", "verdict", "wins", "ties", "losses"]
        lines: list[Sequence[Cell | str]] = []
        for each in self:
            lines.append(
                [
                    Cell(places_words(each)),
                    Cell(each.name, head=True),
                    Cell(share_words(each), number=True, title=each.preferred.method),
                    Cell("clearly the best" if each.name == self.best else "", strong=True),
                    *(Cell(str(count), number=True) for count in (each.wins, each.ties, each.losses)),
                ]
            )
        return self.title, head, lines, self.all_notes


def places_words(ranked: Ranked) -> str:
    """Return a place with those that the votes allow, such as `1 (1 to 3)`."""
    low, high = ranked.places
    return f"{ranked.place}" if low == high else f"{ranked.place} ({low} to {high})"


def share_words(ranked: Ranked) -> str:
    """Return a share with its interval, such as `64 % [51 %, 76 %]`."""
    estimate = ranked.preferred
    value, low, high = (number_words(each, "share") for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
