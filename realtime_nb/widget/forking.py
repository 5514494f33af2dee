"""Forks of a conversation: `fork`, `first_answer`, `parent`, `branches`, and what a page asks for.

Owns when forks are made and closed. `branches.py` has the tree and their options. Must not know sessions.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Self

from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.notebook.page.messages import BranchClose, Fork
from realtime_nb.widget.branches import MOST_IN_CARD, Branches, Family, Origin, branch_options, conceal, present_options
from realtime_nb.widget.traits import WidgetTraits

if TYPE_CHECKING:
    from realtime_nb.conversation import Turn


class ForkMethods(WidgetTraits):
    """The methods of `RealtimeWidget` that make other widgets of it."""

    _family: Family[Self]  # of the constructor

    def fork(self, turn: Turn | int | None = None, **settings: Any) -> Self:
        """Return another widget that goes on from a turn of the user, with other settings; returns at once.

        Its history is what was said before the turn. It asks the turn again in the background: the recorded speech of a
        spoken turn, the text and pictures of a typed one; `await fork.first_answer()` returns the answer. Later turns
        are not copied, and this conversation goes on unchanged. In a page, one fork speaks at a time.

        The fork has the present settings, tools and options of this widget; tools that the model calls run again.
        Handlers of `on` and `observe` stay with this widget. What forks use counts against this widget's `max_cost_usd`
        and `max_session_minutes`.

        Args:
            turn: a turn of the user, its index in `w.turns`, or None for the user's newest turn. An answer stands for
                the turn of the user before it.
            settings: what is to be different: any option of `rt.RealtimeWidget` but `history`. Another `backend` gets
                neither the key nor the model nor the further session fields of this one.

        Raises:
            ConfigError: no such turn, or one that has not settled; names those that there are. Also a bad value of a
                setting.
            TypeError: an unknown option; names the nearest one.
            BudgetError: a limit is reached; says how to raise it.

        Example:
            >>> polite = w.fork(turn=2, instructions="Be very polite.")  # doctest: +SKIP
            >>> (await polite.first_answer()).text
        """
        conceal(settings)
        return self._fork(turn, settings)

    def _fork(self, turn: Turn | int | None, settings: dict[str, Any], *, in_card: bool = False) -> Self:
        from realtime_nb.notebook.fork_point import fork_point

        controller = self._open_controller
        controller.state.limits.check()
        point = fork_point(self.turns, turn)
        made = type(self)(**branch_options(present_options(self, controller.state), settings), history=point.history)
        made._family = Family(weakref.ref(self), Origin(point, settings, in_card))
        self._family.children.append(made)
        made._live_controller.begin_as_fork(controller, point.question, timeout=60)
        controller.notify(self._show_branches)
        return made

    async def first_answer(self) -> Turn:
        """Return the answer to the turn at which this widget was forked, once it came.

        Raises:
            ConfigError: it is no fork. RealtimeError: it was stopped, reset or closed before the answer came. Otherwise
            as `ask`.
        """
        if self._family.origin is None:
            raise ConfigError("this widget is no fork: `w.fork(turn=...)` makes one.")
        controller = self._live_controller
        return await controller.bring(controller.first_answer())

    @property
    def parent(self) -> Self | None:
        """The widget that this one was forked from; None where it is no fork, or that widget is gone."""
        return self._family.parent

    @property
    def branches(self) -> Branches[Self]:
        """The forks of this widget that are not closed, oldest first; shown as a tree with the forks of forks."""
        return Branches(self)

    def _branch_in_card(self, request: Fork | BranchClose) -> None:
        """Open or close a branch as a page asks for; on the notifier thread, because it makes or ends a widget."""
        if isinstance(request, BranchClose):
            for child in list(self._family.children):
                if _model_id(child) == request.branch:
                    child.close()
            return
        turn = next((turn for turn in self.turns if turn.item_id == request.item_id), None)
        settings = {} if request.instructions is None else {"instructions": request.instructions}
        try:
            if turn is None:
                raise ConfigError("That turn cannot be forked (yet): w.turns does not have it.")
            if len(self._family.children) >= MOST_IN_CARD:
                raise ConfigError(f"This card has {MOST_IN_CARD} branches already: close one first.")
            self._fork(turn, settings, in_card=True)
        except RealtimeError as error:
            self._live_controller.refuse("fork", str(error))

    def _show_branches(self) -> None:
        self._write_trait("_branches", self._family.page_view(_model_id))

    def _leave_family(self) -> None:
        """Close the forks that only this widget's card shows, and be no branch any more."""
        for child in list(self._family.children):
            if child._family.origin is not None and child._family.origin.in_card:
                child.close()
        self._family.children.clear()
        if (parent := self._family.parent) is not None and self in parent._family.children:
            parent._family.children.remove(self)
            parent._live_controller.notify(parent._show_branches)


def _model_id(widget: WidgetTraits) -> str | None:
    return widget.comm.comm_id if widget.comm is not None else None
