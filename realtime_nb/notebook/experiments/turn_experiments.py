"""Ask a user turn again: the same speech under other settings, each in a session of its own beside the conversation.

Owns the experiments of one widget: which are under way, their limits, their order, and the newest results. Must not
know pages or traits. Runs on the loop only.

The sessions cost as the conversation's own do, and count towards the same limits. They play no sound in a page.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from realtime_nb import errors
from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation import Turn
from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.loopback import is_loopback
from realtime_nb.notebook.experiments.latency import answer_latency
from realtime_nb.notebook.experiments.retake import Retake
from realtime_nb.notebook.experiments.settings import Side
from realtime_nb.notebook.session_lifecycle import SessionLifecycle
from realtime_nb.notebook.session_state import SessionState

if TYPE_CHECKING:
    from realtime_nb.backends import Endpoint
    from realtime_nb.client.replay.trace import ReplayRecord
    from realtime_nb.conversation import Conversation

_KEPT = 20
"""Experiments whose answers stay in memory with their sound."""
_MOST_SIDES = 8
_MOST_OPEN = 8
_AT_ONCE = 4

SideState = Literal["waiting", "asking", "done", "failed", "cancelled"]


@dataclass(eq=False)
class SideRun:
    """One side of an experiment.

    Attributes:
        id: in messages to pages.
        side: its settings.
        state: of its session.
        retake: its result; None until there is one.
        timed_out: whether the answer took too long.
    """

    id: str
    side: Side
    state: SideState = "waiting"
    retake: Retake | None = None
    timed_out: bool = False


@dataclass(eq=False)
class Experiment:
    """A user turn that is asked again, once for each side.

    Attributes:
        id: in messages to pages.
        item_id: of the user turn; None for an utterance that is no turn of the conversation.
        utterance: what is said.
        sides: in the order in which they were asked for.
        in_card: whether the card asked for it, and shows it.
        task: runs it.
    """

    id: str
    item_id: str | None
    utterance: Utterance
    sides: list[SideRun]
    in_card: bool = False
    task: asyncio.Task[None] | None = None


class TurnExperiments:
    """The experiments of one widget.

    Args:
        state: has the options, the limits and the conversation.
        lifecycle: finds the backend.

    Attributes:
        on_changed: called with an experiment after each change of it.
        experiments: the newest ones, oldest first.
        retakes: their results, oldest first; another tuple when there is another result.
    """

    def __init__(self, state: SessionState, lifecycle: SessionLifecycle) -> None:
        self.on_changed: Callable[[Experiment], None] | None = None
        self.retakes: tuple[Retake, ...] = ()
        self.experiments: deque[Experiment] = deque(maxlen=_KEPT)
        self._state = state
        self._lifecycle = lifecycle
        self._numbers = itertools.count(1)
        self._local = asyncio.Lock()  # sessions on this machine slow each other down, and would be timed wrong
        self._remote = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self,
        utterance: Utterance,
        sides: Sequence[Side],
        *,
        item_id: str | None,
        history: Iterable[Any],
        timeout_s: float,
        in_card: bool = False,
    ) -> Experiment:
        """Begin an experiment, which runs in a task of its own.

        Args:
            utterance: what is said.
            sides: the settings, each of which gets a session.
            item_id: of the user turn that is asked again, or None.
            history: what was said before, as for `conversation_of`.
            timeout_s: seconds that an answer may take after the end of speech.
            in_card: whether the card asks for it, and shows it.

        Raises:
            ConfigError: no side, or too many; too many experiments at once. BudgetError: a limit is reached.
            RealtimeError: the widget is closed.
        """
        self._state.check_not_closed()
        self._state.limits.check()
        if not 1 <= len(sides) <= _MOST_SIDES:
            raise ConfigError(f"{len(sides)} settings to ask with; give 1 to {_MOST_SIDES}")
        if len(self._tasks) >= _MOST_OPEN:
            raise ConfigError(f"{_MOST_OPEN} turns are being asked again already: wait for an answer, or cancel one")
        number = next(self._numbers)
        runs = [SideRun(f"retake_{number}_{place}", side) for place, side in enumerate(sides, start=1)]
        experiment = Experiment(f"experiment_{number}", item_id, utterance, runs, in_card)
        self.experiments.append(experiment)
        work = self._run(experiment, list(history), timeout_s)
        experiment.task = task = asyncio.get_running_loop().create_task(work, name="realtime experiment")
        self._tasks.add(task)
        task.add_done_callback(self._on_over)
        self._changed(experiment)
        return experiment

    async def finish(self, experiment: Experiment) -> None:
        """Wait for the end of an experiment; cancelling the wait cancels it.

        Raises:
            RealtimeError: it was cancelled. Other exceptions: it could not begin.
        """
        assert experiment.task is not None
        try:
            await asyncio.shield(experiment.task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                self.cancel(experiment)
                raise
            raise RealtimeError(f"Asking {experiment.utterance.label!r} again was cancelled.") from None

    def cancel(self, experiment: Experiment) -> None:
        """End the sessions of an experiment; what they have used counts."""
        if experiment.task is not None:
            experiment.task.cancel()

    def cancel_all(self) -> None:
        """End all experiments."""
        for task in self._tasks:
            task.cancel()

    @staticmethod
    def results(experiment: Experiment, *, whole: bool) -> list[Retake]:
        """Return the results of an experiment that is over.

        Args:
            experiment: after `finish`.
            whole: whether each side must have a whole answer; else one answer suffices.

        Raises:
            TimeoutError: there was no such answer in time. RealtimeError: there was none; says why.
        """
        retakes = [run.retake for run in experiment.sides if run.retake is not None]
        answered = [each.turn is not None and not (whole and each.error is not None) for each in retakes]
        if all(answered) or (any(answered) and not whole):
            return retakes
        run = experiment.sides[answered.index(False)]
        words = f"{experiment.utterance.label!r} got no answer: {retakes[answered.index(False)].error}"
        raise errors.TimeoutError(words) if run.timed_out else RealtimeError(words)

    async def close(self) -> None:
        """End all experiments, and return when their sessions are closed."""
        self.cancel_all()
        self.on_changed = None
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _on_over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the sides have it in words; one that the card asked for has no caller

    def get(self, experiment_id: str) -> Experiment | None:
        """Return the experiment of this id; None where it is not known (any more)."""
        return next((each for each in self.experiments if each.id == experiment_id), None)

    def sound_of(self, run_id: str) -> Any:
        """Return the sound of an answer by the id of its side; None where there is none."""
        for experiment in self.experiments:
            for run in experiment.sides:
                if run.id == run_id and run.retake is not None:
                    return run.retake.audio
        return None

    # One experiment

    async def _run(self, experiment: Experiment, history: list[Any], timeout_s: float) -> None:
        try:
            endpoint = await self._lifecycle.endpoint()
            one_by_one = endpoint.name == "local" or is_loopback(urlsplit(endpoint.url).hostname or "")
            place: Any = self._local if one_by_one else self._remote
            async with asyncio.TaskGroup() as group:
                for run in experiment.sides:
                    group.create_task(self._ask(experiment, run, history, timeout_s, endpoint, place))
        except BaseExceptionGroup as group_error:
            self._end_open(experiment, str(group_error.exceptions[0]))
            raise group_error.exceptions[0] from None
        except asyncio.CancelledError:
            self._end_open(experiment, None)
            raise
        except Exception as error:
            self._end_open(experiment, str(error))
            raise

    def _end_open(self, experiment: Experiment, error: str | None) -> None:
        """Note the end of the sides that have no result; without an error they were cancelled."""
        for run in experiment.sides:
            if run.state in ("waiting", "asking"):
                run.state = "cancelled" if error is None else "failed"
                side = run.side
                why = "cancelled" if error is None else error
                run.retake = Retake(side.name, side.changes, experiment.utterance, error=why)
        self._changed(experiment)

    async def _ask(
        self,
        experiment: Experiment,
        run: SideRun,
        history: list[Any],
        timeout_s: float,
        endpoint: Endpoint,
        place: asyncio.Lock | asyncio.Semaphore,
    ) -> None:
        from realtime_nb.client.replay.options import ReplayOptions
        from realtime_nb.client.replay.replay import replay
        from realtime_nb.notebook import opening

        utterance, variant = experiment.utterance, run.side.variant
        async with place:
            self._state.limits.check()
            run.state = "asking"
            self._changed(experiment)
            # In a thread: a long conversation takes a while, and the loop serves the conversation.
            conversation = await asyncio.to_thread(_conversation_of, history)
            before = {turn.item_id for turn in conversation.turns}
            detection = ((variant.payload.get("audio") or {}).get("input") or {}).get("turn_detection") or {}
            by_hand = detection.get("create_response") is False
            record = await replay(
                utterance,
                variant,
                opening.retake_connector(endpoint, self._state.options, variant.model),
                ReplayOptions(
                    pacing="manual_commit" if by_hand else "realtime",
                    limit_s=timeout_s + len(utterance.sound) / 24_000,
                ),
                conversation=conversation,
                limits=self._state.limits,
            )
        run.timed_out = record.timed_out
        if record.timed_out:
            record = replace(record, error=f"no whole answer came within {timeout_s:g} s after the end of speech")
        run.retake = _retake_of(run.side, utterance, conversation, before, record)
        run.state = "done" if run.retake.error is None else "failed"
        self._changed(experiment)

    def _changed(self, experiment: Experiment) -> None:
        results = tuple(run.retake for each in self.experiments for run in each.sides if run.retake is not None)
        if [*map(id, results)] != [*map(id, self.retakes)]:
            self.retakes = results
        if self.on_changed is not None:
            self.on_changed(experiment)


def turns_before(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns that a new session can be begun with, as light as possible."""
    usable = [turn for turn in turns if turn.status in ("completed", "interrupted")]
    # The server gets words where they are known: their sound need not be encoded.
    light = [replace(turn, _sound=None) if turn.text else turn for turn in usable]
    return [turn for turn in light if turn.text or turn.images or turn.tool_calls or turn.audio_ms is not None]


def _conversation_of(history: list[Any]) -> Conversation:
    from realtime_nb.client.history import conversation_of

    return conversation_of(history)


def _words_of_user(turns: list[Turn]) -> str:
    return " ".join(turn.text for turn in turns if turn.role == "user" and turn.text)


def _retake_of(
    side: Side, utterance: Utterance, conversation: Conversation, before: set[str], record: ReplayRecord
) -> Retake:
    turns = [turn for turn in (*conversation.turns, *conversation.live) if turn.item_id not in before]
    answers = [turn for turn in turns if turn.role == "assistant"]
    answer = next((turn for turn in reversed(answers) if turn.text or turn.audio_ms), answers[-1] if answers else None)
    if answer is not None and record.turns:
        answer = replace(answer, latency=answer_latency(record.turns[0]))
    error = record.error
    if error is None and (answer is None or answer.status == "failed"):
        error = (answer.note if answer is not None else None) or "the server gave no answer"
    return Retake(
        name=side.name,
        settings=side.changes,
        utterance=utterance,
        heard="" if utterance.text is not None else _words_of_user(turns),
        turns=tuple(turns),
        turn=answer,
        usage=conversation.usage,
        error=error,
    )
