"""The traits of `RealtimeWidget`: their types, and the checks of all that a user or a page writes.

Owns which values are accepted, and hands changed settings to the controller. Must not know methods of the conversation.

`tests/contract/traits.json` lists the synced traits, which of them a page may write, and their JSON types. All other
traits stay in the kernel: turns reach a page as messages (docs/notebook.md 7). No trait or attribute may have the name
of a member of ipywidgets' `Widget` (docs/notebook.md 20).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets as t
from traitlets.traitlets import parse_notifier_name

from realtime_nb.client.settings import DEFAULTS, check_model, check_setting, check_tool_choice
from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import ConfigError
from realtime_nb.notebook.audio.microphone_options import Microphone
from realtime_nb.notebook.registered import Observer
from realtime_nb.widget.page_values import check_page_value, to_page

if TYPE_CHECKING:
    from realtime_nb.client.variant import Variant
    from realtime_nb.conversation import Latency, Turn, Usage
    from realtime_nb.notebook.controller import Controller
    from realtime_nb.notebook.experiments.retake import Retake
    from realtime_nb.notebook.session_state import Status
    from realtime_nb.widget import trait_types
    from realtime_nb.widget.trait_types import ReadOnly

_logger = logging.getLogger("realtime_nb")


def _typed(trait: Any) -> Any:
    """Return a trait; its type for type checkers is its annotation."""
    return trait


def _setting(**tags: Any) -> Any:
    trait = t.Any(None).tag(**tags)
    trait.allow_none = False  # None is checked as any other value: traitlets would let it pass
    return trait


def checked_microphone(value: Any) -> Microphone:
    """Return the microphone, the usual one for None; raises `ConfigError` for any other value."""
    if value is None:
        return Microphone()
    if not isinstance(value, Microphone):
        raise ConfigError(f"microphone={value!r} must be an rt.Microphone(...) or None.")
    return value


class WidgetTraits(anywidget.AnyWidget):
    """The traits of a conversation, and the checks of what is written to them."""

    status: ReadOnly[Status] = _typed(t.Unicode("idle", read_only=True).tag(sync=True))
    error: ReadOnly[str | None] = _typed(t.Unicode(None, allow_none=True, read_only=True).tag(sync=True))
    turns: ReadOnly[tuple[Turn, ...]] = _typed(t.Tuple(read_only=True))
    kept: ReadOnly[tuple[Utterance, ...]] = _typed(t.Tuple(read_only=True))
    retakes: ReadOnly[tuple[Retake, ...]] = _typed(t.Tuple(read_only=True))
    live: ReadOnly[tuple[Turn, ...]] = _typed(t.Tuple(read_only=True))
    level: ReadOnly[float] = _typed(t.Float(0.0, read_only=True))
    usage: ReadOnly[Usage] = _typed(t.Any(read_only=True))
    latency: ReadOnly[Latency | None] = _typed(t.Any(None, allow_none=True, read_only=True))
    effective: ReadOnly[Mapping[str, Any]] = _typed(t.Dict(read_only=True))
    transport: ReadOnly[str] = _typed(t.Unicode("kernel", read_only=True))

    muted: trait_types.Flag = _typed(t.Bool(False).tag(sync=True))
    instructions: trait_types.Text = _setting(sync=True)
    voice: trait_types.Voice = _setting(sync=True)
    speed: trait_types.Number = _setting(sync=True)
    turn_detection: trait_types.TurnDetection = _setting(sync=True, to_json=to_page)
    transcription: trait_types.Transcription = _setting()
    noise_reduction: trait_types.Noise = _setting()
    tools: trait_types.Tools = _setting()
    tool_choice: trait_types.ToolChoice = _setting()
    reasoning_effort: trait_types.Effort = _setting()
    output: trait_types.Output = _setting()
    max_output_tokens: trait_types.MaxTokens = _setting()

    max_session_minutes: trait_types.Number = _typed(t.Any(None, allow_none=True))
    max_cost_usd: trait_types.Number = _typed(t.Any(None, allow_none=True))
    model: trait_types.Text = _setting()
    microphone: trait_types.Device = _setting()

    controls: trait_types.Flag = _typed(t.Bool(True).tag(sync=True))
    _info = t.Dict(read_only=True).tag(sync=True)
    _latency = t.Dict(read_only=True).tag(sync=True)
    _microphone = t.Dict(read_only=True).tag(sync=True)
    _health = t.List(t.Unicode(), read_only=True).tag(sync=True)
    _branches = t.List(t.Dict(), read_only=True).tag(sync=True)

    _together: dict[str, Any] | None = None  # the settings that `apply` has changed so far, while it runs
    _controller: Controller | None = None  # until it is made: traits are set, and widgets closed, before that

    def apply(self, variant: Variant) -> None:
        """Set what a variant states: its settings, its model and further session fields, in one `session.update`.

        Settings that the variant does not state stay as they are; so does the conversation. Another voice than the one
        that has spoken, and another model, begin a new session between turns.

        Args:
            variant: an `rt.Variant`, such as `results.best().variant` of the lab.

        Raises:
            ConfigError: no variant; one that ran on another backend than this widget's, or names a tool that neither
                has. Nothing is changed then. RealtimeError: the widget is closed.
        """
        from realtime_nb.client.variant import check_applicable

        controller = self._open_controller
        check_applicable(variant, controller.state.options.backend)
        values = dict(variant.settings)
        check_tool_choice(values.get("tool_choice", self.tool_choice), values.get("tools", self.tools))
        changed: dict[str, Any] = {}
        self._together = changed
        try:
            for name, value in values.items():
                setattr(self, name, value)
        finally:
            self._together = None
            # In one update: a server would refuse the choice of a tool that comes with the next one.
            controller.change(changed, variant.session)
        if variant.model is not None:
            self.model = variant.model

    @t.default("usage")
    def _nothing_used(self) -> Any:
        from realtime_nb.conversation import Usage

        return Usage()

    @t.validate(*DEFAULTS)
    def _check_setting(self, proposal: Any) -> Any:
        if self._controller is None:
            return proposal["value"]  # of the constructor, which has checked it
        if self._controller.state.closed:
            self._controller.state.check_not_closed()
        name = proposal["trait"].name
        value = check_setting(name, proposal["value"])
        if self._together is not None:
            return value  # `apply` has checked them against each other
        if name == "tool_choice":
            check_tool_choice(value, self.tools)
        elif name == "tools":
            check_tool_choice(self.tool_choice, value)
        return value

    def _refuse_if_closed(self) -> None:
        if self._controller is not None:
            self._controller.state.check_not_closed()

    @t.validate("model")
    def _check_model(self, proposal: Any) -> str | None:
        self._refuse_if_closed()
        return check_model(proposal["value"])

    @t.validate("microphone")
    def _check_microphone(self, proposal: Any) -> Microphone:
        self._refuse_if_closed()
        return checked_microphone(proposal["value"])

    @t.observe("model")
    def _model_changed(self, change: Any) -> None:
        if self._controller is not None:
            self._controller.change_model(change["new"])

    @t.observe("microphone")
    def _microphone_changed(self, change: Any) -> None:
        if self._controller is not None:
            self.set_trait("_microphone", change["new"].to_page())

    @t.observe(*DEFAULTS)
    def _setting_changed(self, change: Any) -> None:
        if self._together is not None:
            self._together[change["name"]] = change["new"]
        elif self._controller is not None:
            self._controller.change({change["name"]: change["new"]})

    @t.validate("max_session_minutes", "max_cost_usd")
    def _check_limit(self, proposal: Any) -> Any:
        if self._controller is None:
            return proposal["value"]
        self._refuse_if_closed()
        return self._controller.state.limits.checked(proposal["trait"].name, proposal["value"])

    @t.observe("max_session_minutes", "max_cost_usd")
    def _limit_changed(self, change: Any) -> None:
        if self._controller is not None:
            self._controller.soon(self._controller.lifecycle.change_limit, change["name"], change["new"])

    @t.observe("muted")
    def _muted_changed(self, change: Any) -> None:
        if self._controller is not None:
            self._controller.soon(self._controller.mute, change["new"])

    def observe(self, handler: Any, names: Any = t.All, type: Any = "change") -> None:  # noqa: A002 - of traitlets
        """Call `handler(change)` when traits change; its prints and exceptions appear under the cell that calls this.

        See `traitlets.HasTraits.observe`. A function that is registered twice is called once, and prints under the cell
        that registered it last.
        """
        if isinstance(handler, t.EventHandler) or not callable(handler):  # traitlets' own, for methods of the class
            super().observe(handler, names, type)
            return
        for name in parse_notifier_name(names):
            with contextlib.suppress(ValueError):  # it does not observe this trait yet
                self.unobserve(handler, name, type)
        super().observe(Observer(handler), names, type)

    def _write_trait(self, name: str, value: Any) -> None:
        if getattr(self, name) is not value:
            try:
                self.set_trait(name, value)
            except Exception:
                _logger.exception("An observer of %r raised; the conversation goes on.", name)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Set the traits that a page wrote: only those that the card can change, and only valid values.

        `read_only` alone does not stop a page. The kernel calls this on its main thread or a subshell.
        """
        controller = self._controller
        accepted: dict[str, Any] = {}
        for name, value in sync_data.items():
            try:
                accepted[name] = check_page_value(name, value)
            except ConfigError as error:
                if controller is not None:
                    controller.refuse(name[:80], str(error))
                if name in self.keys:
                    self.send_state(name)  # the page shows what it wrote until it gets the real value
        if accepted and controller is not None:
            # A slow observer on the comm's thread would delay every widget (docs/notebook.md 3): use the notifier's.
            controller.notify(lambda: super(WidgetTraits, self).set_state(accepted))
        elif accepted:
            super().set_state(accepted)

    @property
    def _open_controller(self) -> Controller:
        """The controller, for a method that a closed widget refuses."""
        controller = self._live_controller
        controller.state.check_not_closed()
        return controller

    @property
    def _live_controller(self) -> Controller:
        if self._controller is None:
            raise RuntimeError("The widget is not ready yet.")
        return self._controller
