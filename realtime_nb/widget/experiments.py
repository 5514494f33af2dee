"""Experiments on single turns of a conversation: `keep`, `forget`, `ask_again`, `compare`.

Owns what a user calls. `notebook/experiments/` opens the sessions. Must not know the lab.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_nb.client.settings import check_seconds
from realtime_nb.client.utterance import Askable, Utterance, as_utterance
from realtime_nb.errors import ConfigError
from realtime_nb.widget.traits import WidgetTraits

if TYPE_CHECKING:
    from realtime_nb.client.variant import Variant
    from realtime_nb.conversation import Turn
    from realtime_nb.notebook.experiments.retake import Retake, Retakes


class TurnExperimentMethods(WidgetTraits):
    """The methods of `RealtimeWidget` about single turns."""

    def keep(self, turn: Turn | int, label: str | None = None, *, said: str | None = None) -> Utterance:
        """Keep a user turn as an utterance for experiments: `rt.Lab(utterances=w.kept)`.

        Args:
            turn: a user turn, or its index in `w.turns`; an answer stands for the user turn before it.
            label: its name in tables; None: its words.
            said: the words that were spoken, where they are known; the transcript may be wrong.

        Returns:
            the utterance, which is in `w.kept` from now on, also after `reset`.

        Raises:
            ConfigError: no user turn, a bad label, or more than 1000 turns.
        """
        from realtime_nb.notebook.experiments.user_turn import user_turn

        controller = self._live_controller
        chosen = user_turn(self.turns, turn)
        utterance = controller.kept.keep(chosen, label, said)
        self._show_kept(chosen.item_id)
        return utterance

    def forget(self, label: str) -> None:
        """Keep an utterance no longer.

        Raises:
            ConfigError: none of `w.kept` has this label; names those that there are.
        """
        self._show_kept(self._live_controller.kept.forget(label))

    async def ask_again(
        self,
        turn: Turn | int | Askable,
        variant: Variant | None = None,
        *,
        history: Iterable[Any] | None = None,
        timeout: float = 60,
        **settings: Any,
    ) -> Retake:
        """Ask what the user said once more, with other settings: `await w.ask_again(w.turns[0], voice="cedar")`.

        The same recording is said (typed words are typed) in a session of its own, at the pace at which it was spoken.
        The conversation is not changed and goes on beside it; no page plays the answer. Functions that the model calls
        run again: give `tools=()` to keep them from it. The session counts towards `usage` and the limits.

        Args:
            turn: a user turn, or its index in `w.turns`; an answer stands for the user turn before it. Or anything
                that `ask` takes.
            variant: an `rt.Variant` with the settings to change, instead of `settings`.
            history: what was said before, as for the constructor; None: what was said before this turn in the
                conversation. `()`: nothing.
            timeout: seconds that the answer may take after the end of speech.
            **settings: those to change, and `model`; all others are those of the conversation.

        Returns:
            the answer, with its text, sound, latencies, cost and what was heard; it is in `w.retakes`, too.

        Raises:
            ConfigError: no user turn, or a bad setting. BudgetError: a limit is reached.
            TimeoutError: no whole answer in time. RealtimeError: no whole answer; says why.
        """
        if variant is not None and settings:
            raise ConfigError("give an rt.Variant or settings, not both")
        asked = [settings if variant is None else variant]
        return (await self._asked_again(turn, asked, history, timeout, whole=True))[0]

    async def compare(
        self,
        turn: Turn | int | Askable,
        *variants: str | Mapping[str, Any] | Variant | None,
        history: Iterable[Any] | None = None,
        timeout: float = 60,
    ) -> Retakes:
        """Ask what the user said once more under each of several settings, and show the answers side by side.

        `await w.compare(0, "Be brief.", "Be thorough.")` compares two instructions. One answer each says little about
        settings in general: `rt.Lab` repeats it on many utterances. Sessions on this machine are opened one after the
        other, so that they do not slow each other down; see `ask_again` for the rest.

        Args:
            turn: as for `ask_again`.
            *variants: 2 to 8 of: instructions as text, a dict of settings, an `rt.Variant`, or None (the
                conversation's own settings).
            history: as for `ask_again`.
            timeout: as for `ask_again`, for each answer.

        Returns:
            the answers, in the order of `variants`; `error` says which is missing, and why.

        Raises:
            As `ask_again`; an error of the service only where no answer came.
        """
        if len(variants) < 2:
            raise ConfigError('compare() takes two variants at least: await w.compare(0, "Be brief.", "Be thorough.")')
        return await self._asked_again(turn, variants, history, timeout, whole=False)

    async def _asked_again(
        self, turn: Any, asked: Sequence[Any], history: Iterable[Any] | None, timeout: float, *, whole: bool
    ) -> Retakes:
        from realtime_nb.client.history import conversation_of
        from realtime_nb.conversation import Turn
        from realtime_nb.notebook.experiments.turn_experiments import turns_before
        from realtime_nb.notebook.experiments.user_turn import place_of, user_turn
        from realtime_nb.notebook.fork_point import fork_point

        controller = self._open_controller
        check_seconds("timeout", timeout)
        before: list[Any] = []
        item_id: str | None = None
        if isinstance(turn, (Turn, int)):
            turn = user_turn(self.turns, turn)
            if place_of(self.turns, turn) is not None:
                point = fork_point(self.turns, turn)
                turn, item_id, before = point.question, point.turn.item_id, turns_before(point.history)
        if history is not None:
            before = list(conversation_of(history).turns)  # checked here, where the caller sees the mistake
        return await controller.bring(
            controller.ask_again(
                as_utterance(turn),
                list(asked),
                item_id=item_id,
                history=before,
                timeout=timeout,
                whole=whole,
            )
        )

    def _show_kept(self, item_id: str) -> None:
        controller = self._live_controller
        self._write_trait("kept", controller.kept.utterances)  # here, so that the caller sees it at once
        controller.show_kept(item_id)
