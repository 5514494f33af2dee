"""The tree of conversations that `w.fork(...)` makes: whose branch each is, its options, and how the tree is shown.

Owns these facts; each widget has one `Family`. Must not know sessions, pages, or how a widget is made.
"""

from __future__ import annotations

import html
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

import msgspec

from realtime_nb.client.settings import DEFAULTS
from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import concealed, concealed_by_mistake
from realtime_nb.notebook.fork_point import ForkPoint
from realtime_nb.recording.no_math import NO_MATH
from realtime_nb.redact import redact
from realtime_nb.texts import shortened

if TYPE_CHECKING:
    from realtime_nb.notebook.session_state import SessionState

MOST_IN_CARD = 16
"""Branches that a page may open on one card: each is a widget, with a session of its own while it is used."""
_OF_ONE_BACKEND = ("model", "api_key", "session")
_UNSHOWN = frozenset({"api_key", "session", "layout", "controls"})
_LONGEST = 40


@dataclass(frozen=True)
class Origin:
    """Where a fork began.

    Attributes:
        point: the turn at which it was forked.
        settings: what it changed, as they were given.
        in_card: it was made in the card of its parent, which shows it.
    """

    point: ForkPoint
    settings: Mapping[str, Any]
    in_card: bool = False

    @property
    def changes(self) -> str:
        """The changed settings in a few words."""
        shown = [f"{name}={_short(value)}" for name, value in self.settings.items() if name not in _UNSHOWN]
        return redact(", ".join(shown)) or "the same settings"


class Member(Protocol):
    """A widget, as its relatives see it."""

    @property
    def status(self) -> str:
        """The word for what it does."""

    @property
    def turns(self) -> Sequence[Any]:
        """Its settled turns."""

    @property
    def _family(self) -> Family[Any]: ...


W = TypeVar("W", bound=Member)


@dataclass
class Family(Generic[W]):
    """The relatives of one widget.

    Its forks live as long as it does, and it does not live for its forks: a widget that was never shown is freed with
    the user's last reference to it, without the garbage collector.

    Attributes:
        origin: where it was forked; None where it is no fork.
        children: its forks that are not closed, oldest first. A list, for other threads append and remove, too.
    """

    original: weakref.ref[W] | None = None
    origin: Origin | None = None
    children: list[W] = field(default_factory=list)

    @property
    def parent(self) -> W | None:
        """The widget that it was forked from; None where there is none, or it is gone."""
        return self.original() if self.original is not None else None

    def page_view(self, id_of: Any) -> list[dict[str, str]]:
        """Return the forks as their parent's card lists them.

        Args:
            id_of: returns the id of a widget's model in the page; None where it has none.
        """
        return [
            {"id": shown, "words": origin.point.words, "changes": origin.changes}
            for child in list(self.children)
            if (shown := id_of(child)) is not None and (origin := child._family.origin) is not None
        ]


class Branches(Sequence[W]):
    """The forks of one conversation, oldest first; its repr is the tree of all branches that grew from it.

    Args:
        root: the widget whose forks they are.
    """

    def __init__(self, root: W) -> None:
        self._root = root
        self._forks = tuple(root._family.children)

    @overload
    def __getitem__(self, index: int) -> W: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[W]: ...
    def __getitem__(self, index: int | slice) -> W | Sequence[W]:
        return self._forks[index]

    def __len__(self) -> int:
        return len(self._forks)

    def __repr__(self) -> str:
        return "\n".join([_described(self._root), *_lines(self._root, "")])

    def _repr_html_(self) -> str:
        return f'<div class="{NO_MATH}" style="overflow-wrap:anywhere">{_as_html(self._root)}</div>'


def _lines(widget: Member, indent: str) -> Iterator[str]:
    children = list(widget._family.children)
    for child in children:
        last = child is children[-1]
        yield f"{indent}{'└─ ' if last else '├─ '}{_described(child)}"
        yield from _lines(child, indent + ("   " if last else "│  "))


def _as_html(widget: Member) -> str:
    inner = "".join(f"<li>{_as_html(child)}</li>" for child in list(widget._family.children))
    below = f'<ul style="margin:0;padding-left:1.5em">{inner}</ul>' if inner else ""
    return f'<span dir="auto">{html.escape(_described(widget))}</span>{below}'


def _described(widget: Member) -> str:
    turns = f"{len(widget.turns)} {'turn' if len(widget.turns) == 1 else 'turns'}, {widget.status}"
    origin = widget._family.origin
    if origin is None:
        return f"the conversation: {turns}"
    return f"forked at turn {origin.point.index} {redact(origin.point.words)!r}, {origin.changes}: {turns}"


def present_options(widget: Any, state: SessionState) -> dict[str, Any]:
    """Return the options by which a widget would be made that goes on as this one does now, all but `history`.

    Args:
        widget: has the settings, as its attributes.
        state: its session's, which has the options that are no settings.
    """
    options = state.options
    kept = ("backend", "transport", "model", "api_key", "idle_minutes", "response_idle_s")
    return {
        **{name: getattr(widget, name) for name in (*DEFAULTS, "microphone", "controls")},
        **{name: getattr(options, name) for name in kept},
        "session": state.config.further or None,
        "max_session_minutes": None,  # those of the widget hold for its forks, too
        "max_cost_usd": None,
        "layout": None,
    }


def branch_options(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a fork: those of the conversation that it comes from, with what the user gave over them.

    Another backend gets neither the key nor the model nor the further session fields of this one.

    Args:
        present: the options of the original conversation, every one that may be given.
        given: the user's.

    Raises:
        TypeError: an unknown option; names the nearest one. ConfigError: `history`.
    """
    for name in given:
        if name == "history":
            raise ConfigError("fork() takes no history=: what was said before the turn is the history of the fork.")
        if name not in present:
            near = get_close_matches(name, present, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else f" It takes {', '.join(present)}."
            raise TypeError(f"fork() has no option {name!r}.{hint}")
    left_out = _OF_ONE_BACKEND if given.get("backend", present["backend"]) != present["backend"] else ()
    return {**{name: value for name, value in present.items() if name not in left_out}, **given}


def conceal(given: dict[str, Any]) -> None:
    """Hide a key among a caller's options, in place: a verbose traceback shows the variables of the caller."""
    for name in given:
        given[name] = concealed(given[name]) if name == "api_key" else concealed_by_mistake(given[name])


def _short(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    elif isinstance(value, (list, tuple)):
        value = [getattr(each, "name", None) or getattr(each, "__name__", each) for each in value]
    return shortened(repr(value), _LONGEST)
