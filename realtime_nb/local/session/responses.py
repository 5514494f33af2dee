"""Responses: which are under way, how a new one is planned, and how they are stopped.

Owns the rule of one active response, per-response overrides, cancellation and rate limits. Must not know how a
response is made, nor sockets.
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import UNSET

from realtime_nb.local.session.config import refuse_unknown_voice
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.items_api import stored_item
from realtime_nb.local.session.jobs import Perform, Stop
from realtime_nb.local.session.refusal import refusal
from realtime_nb.local.session.response_writer import ResponsePlan, ResponseWriter
from realtime_nb.local.session.state import Environment, SharedState, functions_of
from realtime_nb.local.session.usage import Tokens, input_tokens
from realtime_nb.wire import realtime as wire

_REQUESTS_A_MINUTE = 1_000
_TOKENS_A_MINUTE = 50_000
_RESERVED_OUTPUT = 4_096
# A small model may call the same tool for ever, and each round costs the user's time, or money.
MOST_TOOL_ROUNDS = 8
_METADATA_KEY_CHARS, _METADATA_VALUE_CHARS = 64, 512

_TOO_MANY_ROUNDS = {
    "type": "invalid_request_error",
    "code": "too_many_tool_rounds",
    "message": f"The model called tools in {MOST_TOOL_ROUNDS} answers in a row, and no turn of the user came between. "
    "Send a message of the user, or create a response with tool_choice 'none'.",
}


class ResponseObserver(Protocol):
    """The part of a session that follows the conversation's responses: the wait for the user after an answer."""

    def response_began(self) -> None:
        """Follow the beginning of a response."""
        ...

    def response_ended(self, audio_samples: int) -> None:
        """Follow the end of a response that has sent this much sound."""
        ...


class Responses:
    """The responses of one session.

    Args:
        state: the session.
        observer: follows responses of the conversation, not out-of-band ones.
    """

    def __init__(self, state: SharedState, observer: ResponseObserver) -> None:
        self._state = state
        self._observer = observer
        self._running: dict[str, ResponseWriter] = {}
        self._given_before = Tokens()
        self._limits = _RateLimits(state.environment)
        self._tool_rounds = 0
        self._rounds_since: str | None = None

    @property
    def active(self) -> ResponseWriter | None:
        """The response of the conversation, if one is under way; out-of-band ones do not count."""
        return next((writer for writer in self._running.values() if not writer.plan.out_of_band), None)

    def writer(self, response_id: str) -> ResponseWriter | None:
        """Return the writer of a response that is under way, or None."""
        return self._running.get(response_id)

    # -- creation

    def create(self, event: wire.ResponseCreate) -> None:
        """Begin a response as a client asks.

        Raises:
            WireError: one is under way already, or the parameters make no sense.
        """
        if not self._state.has_responses:
            raise refusal("A transcription session has no responses.", "type", "invalid_event")
        params = wire.to_dict(event.response) if event.response else {}
        params = {key: value for key, value in params.items() if value is not None}
        out_of_band = params.get("conversation") == "none"
        if not out_of_band:
            self._refuse_second()
        _check_metadata(params.get("metadata"))
        context = self._context(event)
        self._begin(self._plan(params, context, out_of_band=out_of_band))

    def create_automatically(self) -> None:
        """Begin the response that the end of a turn asks for."""
        if not self._state.has_responses:
            return
        try:
            self._refuse_second()
            plan = self._plan({}, list(self._state.items), out_of_band=False)
        except wire.WireError as error:
            self._state.refuse(error)
            return
        self._begin(plan)

    def _refuse_second(self) -> None:
        if (active := self.active) is not None:
            raise refusal(
                f"Conversation already has an active response in progress: {active.plan.response_id}. "
                "Wait until the response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )

    def _context(self, event: wire.ResponseCreate) -> list[StoredItem]:
        given = event.response.input if event.response else UNSET
        if given is UNSET or given is None:
            return list(self._state.items)
        context: list[StoredItem] = []
        for index, entry in enumerate(given):
            where = f"response.input[{index}]"
            if isinstance(entry, wire.ItemReference):
                stored = self._state.items.get(entry.id)
                if stored is None:
                    raise refusal(f"The item with id '{entry.id}' does not exist.", f"{where}.id")
            else:
                stored = stored_item(self._state, entry, where)
                if stored.user_sound is not None:
                    self._state.request_recognition(stored)
            context.append(stored)
        return context

    def _plan(self, params: dict[str, Any], context: list[StoredItem], *, out_of_band: bool) -> ResponsePlan:
        config = self._state.config
        output = config["audio"]["output"]
        override = {k: v for k, v in (params.get("audio", {}).get("output") or {}).items() if v is not None}
        refuse_unknown_voice(override.get("voice"), "response.audio.output.voice")
        tools = functions_of(params.get("tools", config["tools"]))
        tool_choice = params.get("tool_choice", config["tool_choice"])
        if isinstance(tool_choice, dict) and tool_choice.get("type") == "mcp":
            tool_choice = "auto"  # no MCP server is ever called from here
        _check_tool_choice(tool_choice, tools)
        instructions = params.get("instructions", config["instructions"])
        return ResponsePlan(
            response_id=self._state.new_id("resp"),
            out_of_band=out_of_band,
            context=context,
            instructions=instructions,
            tools=tools,
            tool_choice=tool_choice,
            parallel_tool_calls=params.get("parallel_tool_calls", config.get("parallel_tool_calls")) is not False,
            modality=params.get("output_modalities", config["output_modalities"])[0],
            voice=override.get("voice", output["voice"]),
            speed=output["speed"],
            audio_format=override.get("format", output["format"]),
            max_output_tokens=params.get("max_output_tokens", config["max_output_tokens"]),
            reasoning_effort=(params.get("reasoning", config.get("reasoning")) or {}).get("effort"),
            metadata=params.get("metadata"),
            given=input_tokens(instructions, tools, context),
            given_before=self._given_before,
        )

    def _begin(self, plan: ResponsePlan) -> None:
        writer = ResponseWriter(self._state, plan)
        self._running[plan.response_id] = writer
        if not plan.out_of_band:
            self._given_before = plan.given
            self._observer.response_began()
        writer.begin()
        limit = plan.max_output_tokens
        self._state.emit(self._limits.spend(plan.given.total + (limit if isinstance(limit, int) else _RESERVED_OUTPUT)))
        if not plan.out_of_band and self._has_too_many_rounds(plan):
            self.finish(writer, "failed", error=_TOO_MANY_ROUNDS)
        else:
            self._state.jobs.append(Perform(plan.response_id))

    def _has_too_many_rounds(self, plan: ResponsePlan) -> bool:
        """Whether the last answers all called tools, and this one could again; a turn of the user begins the count."""
        last_user = self._state.items.last_user_id
        if last_user != self._rounds_since:
            self._rounds_since, self._tool_rounds = last_user, 0
        return self._tool_rounds >= MOST_TOOL_ROUNDS and bool(plan.tools) and plan.tool_choice != "none"

    # -- the end

    def finish(
        self, writer: ResponseWriter, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None
    ) -> None:
        """End a response, once: the first end counts."""
        if self._running.pop(writer.plan.response_id, None) is None:
            return
        writer.finish(status, reason=reason, error=error)
        if status == "cancelled":  # in every other case the job itself has ended the response
            self._state.jobs.append(Stop(writer.plan.response_id))
        is_missing = status in ("cancelled", "failed") and not writer.has_items
        if is_missing and not writer.plan.out_of_band and writer.plan.context:
            writer.plan.context[-1].answer_cut_off = True
        if not writer.plan.out_of_band:
            if error is not _TOO_MANY_ROUNDS:
                self._tool_rounds = self._tool_rounds + 1 if writer.has_called else 0
            self._observer.response_ended(writer.samples if status != "cancelled" else 0)

    def interrupt(self) -> None:
        """Cut the conversation's response short because the user speaks."""
        if (active := self.active) is not None:
            self.finish(active, "cancelled", reason="turn_detected")

    def cancel(self, event: wire.ResponseCancel) -> None:
        """Stop a response as a client asks.

        Raises:
            WireError: there is none to stop.
        """
        wanted = event.response_id or None
        writer = self._running.get(wanted) if isinstance(wanted, str) else self.active
        if writer is None:
            param = "response_id" if wanted else None
            raise refusal("Cancellation failed: no active response found", param, "response_cancel_not_active")
        self.finish(writer, "cancelled", reason="client_cancelled")

    def abandon(self) -> None:
        """Stop all work on responses: the client is gone."""
        for response_id in self._running:
            self._state.jobs.append(Stop(response_id))
        self._running.clear()


class _RateLimits:
    """Rate limits that are counted and announced, but not enforced."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._window = environment.now()
        self._requests = 0
        self._tokens = 0

    def spend(self, tokens: int) -> wire.RateLimitsUpdated:
        now = self._environment.now()
        if now - self._window >= 60:
            self._window, self._requests, self._tokens = now, 0, 0
        self._requests += 1
        self._tokens += tokens
        reset = round(60 - (now - self._window), 3)
        counts = (("requests", _REQUESTS_A_MINUTE, self._requests), ("tokens", _TOKENS_A_MINUTE, self._tokens))
        return wire.RateLimitsUpdated(
            rate_limits=[
                wire.RateLimit(name=name, limit=limit, remaining=max(limit - spent, 0), reset_seconds=reset)
                for name, limit, spent in counts
            ]
        )


def _check_metadata(metadata: dict[str, str] | None) -> None:
    for key, value in (metadata or {}).items():
        if len(key) > _METADATA_KEY_CHARS or len(value) > _METADATA_VALUE_CHARS:
            message = f"Metadata keys have at most {_METADATA_KEY_CHARS} characters and values {_METADATA_VALUE_CHARS}."
            raise refusal(message, "response.metadata")


def _check_tool_choice(choice: str | dict[str, Any], tools: list[dict[str, Any]]) -> None:
    if isinstance(choice, dict) and choice.get("type") == "function":
        names = [tool.get("name") for tool in tools]
        if choice.get("name") not in names:
            raise refusal(
                f"Tool choice '{choice.get('name')}' is not among the tools: {names}.", "response.tool_choice"
            )
