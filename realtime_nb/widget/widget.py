"""`RealtimeWidget`: a conversation with a realtime voice model, in a cell.

Owns the constructor and the methods that a user sees; the traits are in `traits.py`, the logic is in
`notebook/controller.py`. Must not know how sound or events travel. No attribute may have the name of a member of
ipywidgets' `Widget` (docs/notebook.md 20).
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from realtime_nb.client.pending_answer import PendingAnswer
from realtime_nb.client.settings import check_limit, check_seconds, check_settings, check_timeout, has_own_fields
from realtime_nb.client.utterance import Askable, as_utterance
from realtime_nb.errors import ConnectError, MicrophoneError
from realtime_nb.keys.address import concealed_address
from realtime_nb.keys.secret import ApiKey, concealed, concealed_by_mistake
from realtime_nb.notebook.audio.microphone_options import Microphone
from realtime_nb.notebook.host import hold, hold_weakly, keep_comm_on_subshell, weakly
from realtime_nb.notebook.kernel_prints import keep_prints_in_cells
from realtime_nb.redact import without_credentials
from realtime_nb.widget.branches import Family
from realtime_nb.widget.experiments import TurnExperimentMethods
from realtime_nb.widget.forking import ForkMethods
from realtime_nb.widget.page_values import latency_to_page
from realtime_nb.widget.traits import checked_microphone

if TYPE_CHECKING:
    from realtime_nb.backends import Backend
    from realtime_nb.client.connection import RealtimeConnection
    from realtime_nb.client.session import RealtimeSession
    from realtime_nb.conversation import Turn
    from realtime_nb.local.models import LocalModels
    from realtime_nb.notebook.controller import Controller
    from realtime_nb.notebook.event_log import EventRecord
    from realtime_nb.notebook.health import Health

__all__ = ["RealtimeWidget"]

_STATIC = pathlib.Path(__file__).parent.parent / "static"
_F = TypeVar("_F", bound=Callable[..., Any])


class RealtimeWidget(TurnExperimentMethods, ForkMethods):
    """A conversation with a realtime voice model: microphone, text box, transcript and sound in a cell.

    Without a key it talks with the local practice backend, and says so.

    Args:
        backend: `"auto"` (hosted when `OPENAI_API_KEY` is set, else the local models that `REALTIME_NB_CHAT_URL` names,
            else the practice backend), `"openai"`, `"azure"`, `"local"` (the practice backend), a `ws://` or `wss://`
            URL, an `rt.Backend`, or an `rt.LocalModels`.
        transport: `"kernel"`: the microphone's sound goes over the comm to a websocket in the kernel. `"browser"`: the
            page holds the websocket, with a short-lived client secret that the kernel mints (never the key), and
            mirrors every event to the kernel: turns, tools and traits are the same, and sound goes on whatever the
            kernel is doing. Where the page cannot (no page shows the card, or it cannot reach the address), the
            kernel's own websocket is used and the card says so; `w.transport` is what is used now. Not with Azure.
        model: the model's name; None takes the backend's current one, or the `chat_model` of `rt.LocalModels`. Another
            one begins a new session between turns, which continues the conversation.
        instructions: the model's role, manner and rules.
        voice: a voice's name, or `{"id": ...}`. Once it has spoken, another one needs a new session: that begins
            between turns and continues the conversation.
        speed: 0.25 to 1.5.
        turn_detection: None (push to talk), `"server_vad"`, `"semantic_vad"`, `rt.ServerVad()`, `rt.SemanticVad()`.
        transcription: True, False, a model's name, or `rt.Transcription(...)`.
        noise_reduction: None, `"near_field"` or `"far_field"`, done by the service.
        tools: functions that the model may call, and MCP servers: `rt.McpTool(...)` or the wire's dict.
        tool_choice: `"auto"`, `"none"`, `"required"`, or a tool's name.
        reasoning_effort: for reasoning models: `"minimal"` to `"xhigh"`.
        output: `"audio"` (with its transcript) or `"text"`.
        max_output_tokens: 1 to 4096, or `"inf"`.
        session: further fields of the wire's session, sent unchanged.
        api_key: instead of the environment's; or a function that returns it, called for every connection. Never leaves
            the kernel.
        microphone: `rt.Microphone(...)`: the device, and the browser's processing; another one is used at once.
        max_session_minutes: how long sessions of this widget may be open in all, in minutes.
        max_cost_usd: what all sessions of this widget may cost in all, in US dollars: the server's account of its
            usage times the model's prices. A response that the server reports no usage for counts like the dearest
            one so far; where there is none, the limit counts as reached. For a model whose prices are not known, pass
            `rt.Backend(url=..., prices=rt.Prices(...))`. The local practice backend costs nothing.
            Once a limit is reached, the response under way may end, the session closes between turns, and `ask`, Talk
            and typing give `BudgetError` until you raise the limit (`w.max_cost_usd = 2`) or set it to None.
        idle_minutes: minutes without a page that shows the card and without a call, after which the session is closed
            (parked); None: never. It is also parked 10 s after the last card was removed from its page, and after half
            an hour in which nothing used it. The next gesture or `ask` opens another one and continues the
            conversation; `status` is `"idle"` until then, and the card and `w.health` say why.
        response_idle_s: seconds that a response may send nothing while another request waits for it; then it is given
            up. One that no other request waits for may be silent until the timeout of `ask`.
        history: what was said before, oldest first: turns, `("user", "text")` or `{"role": "user", "text": "text"}`.
        controls: whether the card shows its buttons.
        layout: an `ipywidgets.Layout`, or a dict for one.

    Raises:
        TypeError: an unknown keyword; names the nearest one.
        ConfigError: a bad value; names the option, the value and what is allowed.

    Example:
        >>> w = rt.RealtimeWidget(instructions="Be brief.")  # doctest: +SKIP
        >>> w
        >>> turn = await w.ask("Hello!")
    """

    # `_esm` is synced: it travels with every widget (docs/notebook.md 21). Text, not paths: of a path anywidget keeps a
    # closure in a class-level signal that holds every widget, closed ones too (docs/notebook.md 28).
    _esm = (_STATIC / "widget.js").read_text(encoding="utf-8")
    _css = (_STATIC / "widget.css").read_text(encoding="utf-8")

    _frozen: Any = None
    _unshown = False  # held by weak references only, and freed with the user's last one
    _own_layout: Any = None  # unless the user made it: then others may use it

    def __init__(
        self,
        *,
        backend: str | Backend | LocalModels = "auto",
        transport: str = "kernel",
        model: str | None = None,
        instructions: str | None = None,
        voice: str | Mapping[str, Any] | None = None,
        speed: float | None = None,
        turn_detection: Any = "semantic_vad",
        transcription: Any = True,
        noise_reduction: Any = None,
        tools: Iterable[Any] = (),
        tool_choice: Any = "auto",
        reasoning_effort: str | None = None,
        output: str = "audio",
        max_output_tokens: int | str = "inf",
        session: Mapping[str, Any] | None = None,
        api_key: ApiKey | None = None,
        microphone: Microphone | None = None,
        max_session_minutes: float | None = None,
        max_cost_usd: float | None = None,
        idle_minutes: float | None = 5.0,
        response_idle_s: float = 30.0,
        history: Iterable[Any] = (),
        controls: bool = True,
        layout: Any = None,
        **unknown: Any,
    ) -> None:
        # First of all: a verbose traceback shows the variables of this call, and a key may stand in a wrong place.
        api_key = concealed(api_key)
        backend = concealed_address(concealed_by_mistake(backend), "backend")
        transport, model, session, microphone = map(concealed_by_mistake, (transport, model, session, microphone))
        instructions, voice, speed = map(concealed_by_mistake, (instructions, voice, speed))
        turn_detection, transcription = map(concealed_by_mistake, (turn_detection, transcription))
        noise_reduction, tools, tool_choice = map(concealed_by_mistake, (noise_reduction, tools, tool_choice))
        reasoning_effort, output = map(concealed_by_mistake, (reasoning_effort, output))
        max_output_tokens, response_idle_s = map(concealed_by_mistake, (max_output_tokens, response_idle_s))
        max_session_minutes, max_cost_usd = map(concealed_by_mistake, (max_session_minutes, max_cost_usd))
        controls, layout, idle_minutes, history = map(concealed_by_mistake, (controls, layout, idle_minutes, history))
        if unknown:
            unknown = dict.fromkeys(unknown)
            raise _unknown_keyword(next(iter(unknown)))
        given = {
            "instructions": instructions,
            "voice": voice,
            "speed": speed,
            "turn_detection": turn_detection,
            "transcription": transcription,
            "noise_reduction": noise_reduction,
            "tools": tools,
            "tool_choice": tool_choice,
            "reasoning_effort": reasoning_effort,
            "output": output,
            "max_output_tokens": max_output_tokens,
        }
        settings = check_settings(given)
        from realtime_nb.client.history import conversation_of
        from realtime_nb.client.session_config import SessionConfig, check_further_fields
        from realtime_nb.notebook.browser.selection import check_transport
        from realtime_nb.notebook.controller import Controller  # with the first widget, not with the import
        from realtime_nb.notebook.options import Options

        check_further_fields(session, of_another_server=has_own_fields(backend))
        microphone = Microphone() if microphone is None else checked_microphone(microphone)
        conversation = conversation_of(history)
        controller = Controller(
            send=weakly(self._send_to_pages),
            write=weakly(self._write),
            branch=weakly(self._branch_in_card),
            options=Options(
                backend=backend,
                model=model,
                api_key=api_key,
                max_session_minutes=check_limit("max_session_minutes", max_session_minutes),
                max_cost_usd=check_limit("max_cost_usd", max_cost_usd),
                idle_minutes=check_limit("idle_minutes", idle_minutes),
                response_idle_s=check_seconds("response_idle_s", response_idle_s),
                transport=check_transport(transport),
            ),
            config=SessionConfig(settings, session),
            conversation=conversation,
        )
        self.set_trait("_microphone", microphone.to_page())
        self.set_trait("transport", transport)
        self.set_trait("turns", conversation.turns)
        self._family = Family()
        extra = {} if layout is None else {"layout": layout}
        limits = {"max_session_minutes": max_session_minutes, "max_cost_usd": max_cost_usd}
        super().__init__(controls=controls, model=model, microphone=microphone, **settings, **limits, **extra)
        self._own_layout = None if layout is self.layout else self.layout
        self._controller = controller
        self._unshown = hold_weakly(self, self.comm, self._handle_msg)
        keep_comm_on_subshell(self.comm)
        keep_prints_in_cells(self.comm)
        self.on_msg(lambda _, content, buffers: controller.receive(content, buffers))

    # The conversation

    async def start(self) -> None:
        """Connect; never opens the microphone.

        Raises:
            ConfigError, ConnectError: no connection; says why and what to do. The card shows it too.
            BudgetError: a limit is reached; says how to raise it.
        """
        controller = self._open_controller
        await controller.bring(controller.start())

    async def stop(self) -> None:
        """Disconnect; the transcript stays."""
        controller = self._live_controller
        await controller.bring(controller.stop())

    async def use_transport(self, name: str) -> None:
        """Let the page (`"browser"`) or the kernel (`"kernel"`) hold the connection.

        Raises:
            ConfigError: another name, or a service that no page may connect to.
        """
        controller = self._open_controller
        await controller.bring(controller.use_transport(name))

    def ask(self, x: Askable, *, timeout: float | None = 60) -> PendingAnswer:
        """Say one thing and return the answer, after a page has played it where one does: `turn = await w.ask(...)`.

        Connects if need be. Before any gesture in the page, the answer waits there behind a "Play" prompt.

        Args:
            x: text; a sound file, as a `Path` or by its name; an int16 or float array of shape `(n,)` at 24 kHz; bytes
                of a WAV file; an `rt.AudioClip`; an `rt.Turn`, whose sound is said, or else its text; or an
                `rt.Utterance`, which may name another rate. Other files than WAV take the extra `files`.
            timeout: seconds until the answer is complete, not counting its playback; None for no limit.

        Raises:
            FileNotFoundError: there is no such file; at the call, before anything is connected.
            ConfigError, AudioError: nothing of these, or sound that cannot be read; at the call, too.
            TimeoutError: no answer in time; says what was awaited.
            ServerError, ConnectError, ConfigError: the service, the connection or a setting.
            BudgetError: a limit is reached, and nothing was sent; says how to raise it.
        """
        _ = self._open_controller
        check_timeout(timeout)
        utterance = as_utterance(x)  # here, in the caller's thread: reading a file must not stop our loop

        async def asked() -> Turn:
            controller = self._open_controller  # `self`: a widget that nothing else refers to lives until the answer
            return await controller.bring(controller.ask(utterance, timeout=timeout))

        return PendingAnswer(str(utterance.label), asked)

    async def approve(self, request_id: str, approve: bool = True, reason: str | None = None) -> None:
        """Answer an `"mcp_approval_request"` event: allow the service to call a tool of an MCP server, or refuse.

        Args:
            request_id: the event's `id`.
            approve: False refuses.
            reason: for the model.

        Raises:
            ConfigError: no such request waits; names those that do. ConnectError: not connected.
        """
        await self._session.approve(request_id, approve, reason)

    async def commit(self) -> None:
        """End the user's turn by hand and ask for an answer (push to talk)."""
        controller = self._open_controller
        await controller.bring(controller.lifecycle.commit())

    async def interrupt(self) -> None:
        """Silence the assistant now; the conversation keeps the part of the answer that was heard."""
        controller = self._live_controller
        await controller.bring(controller.interrupt())

    def reset(self, history: Iterable[Any] = ()) -> None:
        """Begin a new conversation with the same settings; returns at once, and `ask` after it belongs to the new one.

        A limit of cost or time counts on. `w.turns` has the turns until then: keep them first where you need them.

        Args:
            history: what was said before, as for the constructor.

        Raises:
            ConfigError: a bad entry of `history`; the conversation goes on as it was.
        """
        from realtime_nb.client.history import conversation_of

        self._open_controller.reset(conversation_of(history))

    # Its end

    def close(self) -> None:
        """Disconnect and remove the card, for good. Returns at once; may be called twice.

        A pending `ask` raises `RealtimeError`, and so does whatever would need a connection from now on. What was said
        stays: `turns`, `transcript`, `save`. The memory is freed when the last reference to the widget is gone.
        """
        if self._controller is not None and not self._controller.state.closed:
            self._controller.close()
            self._write_trait("status", "closed")  # here, so that the caller sees it at once
            self._leave_family()
        super().close()
        if self._own_layout is not None:  # ipywidgets keeps it for ever otherwise (docs/notebook.md 28)
            self._own_layout.close()

    def __del__(self) -> None:
        """Close what the widget leaves behind; without a lock, because the collector may run this in any thread."""
        if self._controller is not None and not self._controller.state.closed:
            self._controller.finalize(partial(_close_behind, self._controller, self.comm, self._own_layout))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        self._hold()
        return super()._repr_mimebundle_(**options)

    def get_view_spec(self) -> Any:
        """What embeds a view of the widget, as ipywidgets calls it."""
        self._hold()
        return super().get_view_spec()

    def _hold(self) -> None:
        """Stay alive while the kernel lives, as any widget that is shown: a page shows it, or will."""
        if self._unshown:
            self._unshown = False
            hold(self, self.comm)

    # Keeping it

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Write the conversation to a file: `.html` (with players), `.txt`, `.md`, `.json` or `.wav` (both sides).

        Raises:
            ConfigError: another ending.
        """
        from realtime_nb.recording import save

        return save(self.turns, path)

    async def freeze(self) -> None:
        """Show the conversation so far under the cell, as HTML that a saved notebook keeps.

        A saved notebook holds no widgets (docs/notebook.md 22); this output shows text and players wherever the
        notebook is opened. Another call updates the same output.
        """
        from IPython.display import display

        from realtime_nb.recording import to_html

        bundle = {"text/html": to_html(self.turns), "text/plain": self.transcript}
        if self._frozen is None:
            self._frozen = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._frozen.update(bundle, raw=True)

    # The wire's own events

    @overload
    def on(self, event_type: str) -> Callable[[_F], _F]: ...
    @overload
    def on(self, event_type: str, handler: _F) -> _F: ...
    def on(self, event_type: str, handler: Any = None) -> Any:
        """Call `handler(event)` with every wire event of a type (`"event"`: with all); also a decorator.

        `"error"` handlers also get lost connections and `MicrophoneError`s, `"close"` handlers the end of a
        connection, and `"mcp_approval_request"` handlers each call that the service wants to make on an MCP server
        (`await w.approve(event.id)`).
        """
        return self._handle(event_type, handler, once=False)

    @overload
    def once(self, event_type: str) -> Callable[[_F], _F]: ...
    @overload
    def once(self, event_type: str, handler: _F) -> _F: ...
    def once(self, event_type: str, handler: Any = None) -> Any:
        """Call `handler(event)` with the next wire event of a type, and with no later one; otherwise like `on`."""
        return self._handle(event_type, handler, once=True)

    def off(self, event_type: str, handler: Callable[..., Any]) -> None:
        """Remove a handler that `on` or `once` registered; one that is not registered (any more) is no error."""
        controller = self._live_controller
        controller.soon(controller.lifecycle.handlers.remove, event_type, handler)

    def _handle(self, event_type: str, handler: Any, *, once: bool) -> Any:
        if handler is None:
            return lambda function: self._handle(event_type, function, once=once)
        if not callable(handler):
            raise TypeError(f"handler={handler!r} cannot be called.")
        from realtime_nb.client.events.event_names import warn_of_misspelt

        warn_of_misspelt(event_type)
        controller = self._open_controller
        controller.soon(lambda: controller.lifecycle.handlers.add(event_type, handler, once=once))
        return handler

    def tool(self, function: _F) -> _F:
        """Let the model call `function`; also a decorator.

        It replaces a function of the same name, so that a cell may be run again.
        """
        from realtime_nb.tools import as_tool

        name = as_tool(function).name
        self.tools = (*(tool for tool in self.tools if getattr(tool, "name", None) != name), function)
        return function

    @property
    def connection(self) -> RealtimeConnection:
        """The connection of the open session.

        Raises:
            ConnectError: there is none; `await w.start()` makes one.
        """
        return self._session.connection

    @property
    def _session(self) -> RealtimeSession:
        state = self._open_controller.state
        if state.session is None:
            raise ConnectError(f"{state.parked or 'Not connected.'} `await w.start()` connects.")
        return state.session

    @property
    def backend(self) -> str | Backend | LocalModels:
        """The backend as it was given, an address without credentials; `effective["backend"]` names what answers."""
        shown: str | Backend | LocalModels = without_credentials(self._live_controller.state.options.backend)
        return shown

    @property
    def events(self) -> tuple[EventRecord, ...]:
        """The newest events of the wire, oldest first, without sound."""
        return self._live_controller.events.records()

    @property
    def microphone_error(self) -> MicrophoneError | None:
        """Why the page could not open the microphone, or None."""
        return self._live_controller.sound.microphone.error

    @property
    def health(self) -> Health:
        """The losses so far between microphone, page, kernel and service; empty while all is well."""
        return self._live_controller.monitor.health

    @property
    def transcript(self) -> str:
        """The conversation as text, a turn a paragraph."""
        from realtime_nb.conversation.turn import as_text

        return as_text((*self.turns, *self.live))

    # Traits

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a name that is nearly a setting's or a trait's is a mistake, which would change nothing."""
        if not name.startswith("_") and name not in self.__dict__:
            if name in _METHODS:
                raise AttributeError(f"{name} is a method of the widget and cannot be set.{_nearest_trait(name)}")
            if name in _OPTIONS and not self.has_trait(name):
                raise AttributeError(f"{name}= is an option of the constructor: make another widget for another one.")
            if not hasattr(type(self), name) and (near := _nearest_trait(name)):
                raise AttributeError(f"the widget has no attribute {name!r}.{near}")
        super().__setattr__(name, value)

    def _write(self, values: dict[str, Any]) -> None:
        """Set the read-only traits; called on the notifier thread."""
        if values.pop("_seen"):  # shown as a part of another widget
            self._hold()
        missed = values.pop("_missed")
        values["_latency"] = latency_to_page(values["latency"])
        values["kept"] = self._live_controller.kept.utterances
        values["retakes"] = self._live_controller.experiments.retakes
        for name, value in values.items():
            if name != "status" or not self._live_controller.state.closed:
                self._write_trait(name, value)
        if missed:  # by a page, to which unchanged values would not be sent again
            self.send_state([name for name in values if name in self.keys])

    # The page

    def _send_to_pages(self, content: dict[str, Any], buffers: list[bytes] | None) -> None:
        if self.comm is not None:
            self.send(content, buffers)

    def __repr__(self) -> str:
        info = self._info
        where = info.get("label") or "not connected"
        # A traceback shows the variables of a constructor that refuses an option, this widget among them.
        family = self.__dict__.get("_family")
        origin = family.origin if family is not None else None
        forked = f", forked at turn {origin.point.index}" if origin is not None else ""
        return f"<RealtimeWidget {self.status}, {where}, {len(self.turns)} turns{forked}>"


_OPTIONS = frozenset(RealtimeWidget.__init__.__kwdefaults__ or {})
_METHODS = frozenset(
    name
    for kind in RealtimeWidget.__mro__
    if kind.__module__.startswith("realtime_nb.")
    for name, value in vars(kind).items()
    if callable(value) and not name.startswith("_")
)


def _nearest_trait(name: str) -> str:
    """Return a question that names the trait nearest to `name`; empty where none is near."""
    traits = [trait for trait in RealtimeWidget.class_trait_names() if not trait.startswith("_")]
    near = get_close_matches(name, traits, n=1, cutoff=0.75)
    return f" Did you mean {near[0]!r}?" if near else ""


def _close_behind(controller: Controller, comm: Any, layout: Any) -> None:
    controller.close()
    if comm is not None:
        comm.close()
    if layout is not None:
        layout.close()


def _unknown_keyword(name: str) -> TypeError:
    known = [*(RealtimeWidget.__init__.__kwdefaults__ or {})]
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else f" It takes {', '.join(known)}."
    return TypeError(f"RealtimeWidget() has no option {name!r}.{hint}")
