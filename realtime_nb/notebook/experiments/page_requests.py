"""Act on what a page asks for about a single turn: keep it as an utterance, ask it again; and show the experiments.

Owns the meaning of those messages. Must not know the wire. Runs on the loop only.
"""

from __future__ import annotations

from typing import Any

import msgspec

from realtime_nb.conversation import Latency, Turn
from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.notebook.experiments.kept import Kept
from realtime_nb.notebook.experiments.settings import side_of
from realtime_nb.notebook.experiments.turn_experiments import Experiment, SideRun, TurnExperiments, turns_before
from realtime_nb.notebook.experiments.user_turn import user_turn
from realtime_nb.notebook.fork_point import fork_point
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.page_settings import PAGE_SETTINGS, check_page_text
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.session_state import SessionState
from realtime_nb.notebook.trait_publisher import TraitPublisher

_ANSWER_S = 60.0
_MAX_TEXT = 200_000
Request = m.Keep | m.AskAgain | m.CancelAgain


class ExperimentRequests:
    """Acts on the messages of pages about single turns; one that cannot be done is refused, and changes nothing.

    Args:
        state: has the conversation and its settings.
        kept: the turns that are kept as utterances.
        experiments: ask turns again.
        transcript: shows which turns are kept.
        channel, pages: the comm, and whether a page listens.
        traits: show what changed.
    """

    def __init__(
        self,
        state: SessionState,
        kept: Kept,
        experiments: TurnExperiments,
        transcript: Transcript,
        channel: Channel,
        pages: Pages,
        traits: TraitPublisher,
    ) -> None:
        self._state = state
        self._kept = kept
        self._experiments = experiments
        self._transcript = transcript
        self._channel = channel
        self._pages = pages
        self._traits = traits
        experiments.on_changed = self._on_changed

    def act(self, message: Request) -> None:
        """Act on a message."""
        try:
            if isinstance(message, m.Keep):
                self._keep(message)
            elif isinstance(message, m.AskAgain):
                self._ask_again(message)
            else:
                self._cancel(message)
        except RealtimeError as error:
            self._channel.refuse(m.tag_of(message), str(error))

    def snapshot(self) -> None:
        """Send the card's experiments, for a page that begins; other pages have them already, and replace them."""
        for experiment in self._experiments.experiments:
            if experiment.in_card:
                self._channel.send(experiment_message(experiment))

    def clip(self, page: str, item_id: str) -> bool:
        """Send a page the sound of an answer to a turn that was asked again; False where there is none."""
        sound = self._experiments.sound_of(item_id)
        return sound is not None and self._transcript.send_clip(page, item_id, sound)

    def _keep(self, message: m.Keep) -> None:
        if message.on:
            self._kept.keep(self._turn(message.item_id))
        else:
            self._kept.forget_item(message.item_id)
        self._transcript.mark(message.item_id)

    def _ask_again(self, message: m.AskAgain) -> None:
        point = fork_point(self._state.conversation.turns, self._turn(message.item_id))
        config, options = self._state.config, self._state.options
        self._experiments.begin(
            point.question,
            [
                side_of(_checked(side), config.settings, config.further, options.backend, options.model)
                for side in message.sides
            ],
            item_id=message.item_id,
            history=turns_before(point.history),
            timeout_s=_ANSWER_S,
            in_card=True,
        )

    def _cancel(self, message: m.CancelAgain) -> None:
        experiment = self._experiments.get(message.experiment)
        if experiment is None:
            raise ConfigError("this turn is not being asked again any more")
        self._experiments.cancel(experiment)

    def _turn(self, item_id: str) -> Turn:
        turn = self._state.conversation.turn(item_id)
        if turn is None:
            raise ConfigError("this turn is not part of the conversation any more")
        return user_turn(self._state.conversation.turns, turn)

    def _on_changed(self, experiment: Experiment) -> None:
        if experiment.in_card and len(self._pages):
            self._channel.send(experiment_message(experiment))
        self._traits.changed()


def experiment_message(experiment: Experiment) -> m.ExperimentMessage:
    """Return the message from which a page draws an experiment."""
    return m.ExperimentMessage(
        experiment=experiment.id,
        item_id=experiment.item_id,
        label=str(experiment.utterance.label),
        sides=[_view(run) for run in experiment.sides],
    )


def _view(run: SideRun) -> m.RetakeView:
    retake, side = run.retake, run.side
    turn = retake.turn if retake is not None else None
    latency = retake.latency if retake is not None else Latency()
    changes = {name: msgspec.to_builtins(value) for name, value in side.changes.items() if name in PAGE_SETTINGS}
    return m.RetakeView(
        id=run.id,
        name=side.name,
        changes=[msgspec.convert({"name": name, "value": value}, m.SettingChange) for name, value in changes.items()],
        state=run.state,
        heard=retake.heard[:_MAX_TEXT] if retake is not None else "",
        text=turn.text[:_MAX_TEXT] if turn is not None else "",
        error=retake.error if retake is not None else None,
        has_audio=turn is not None and turn.audio_ms is not None,
        audio_ms=turn.audio_ms if turn is not None else None,
        latency=msgspec.convert(latency, m.RetakeLatency, from_attributes=True),
        cost_usd=retake.cost_usd if retake is not None else None,
        tool_calls=[msgspec.convert(call, m.ToolCallView, from_attributes=True) for call in turn.tool_calls]
        if turn is not None
        else [],
    )


def _checked(side: m.SideAsked) -> dict[str, Any]:
    """Return the changes that a page asks for; their values are checked with the other settings."""
    for change in side.changes:
        check_page_text(change.name, change.value)
    return {change.name: change.value for change in side.changes}
