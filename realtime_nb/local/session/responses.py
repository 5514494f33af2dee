"""Responses: which are under way, what a new one is made from, and how they are stopped.

Owns the one-active-response rule, per-response overrides, cancellation and rate limits. Must not know who performs a
response, nor sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.items_api import Memory
from realtime_nb.local.session.response_plan import ResponsePlan
from realtime_nb.local.session.response_writer import ResponseWriter
from realtime_nb.local.session.state import Core, Perform, Stop, functions_of
from realtime_nb.local.session.usage import Tokens, input_tokens
from realtime_nb.wire.realtime import (
    ItemReference,
    RateLimit,
    RateLimitsUpdated,
    ResponseCancel,
    ResponseCreate,
    WireError,
    to_dict,
)

__all__ = ["Answering"]

_REQUESTS_A_MINUTE = 1_000
_TOKENS_A_MINUTE = 50_000
_RESERVED_OUTPUT = 4_096
_METADATA_KEY_CHARS, _METADATA_VALUE_CHARS = 64, 512


class Answering:
    """The output half of a session.

    Args:
        core: the session.
        memory: makes stored items of a response's own input.
        began, ended: told when a response of the conversation begins, and ends (with the samples it said).
    """

    def __init__(self, core: Core, memory: Memory, *, began: Callable[[], None], ended: Callable[[int], None]) -> None:
        self._core = core
        self._memory = memory
        self._began = began
        self._ended = ended
        self._running: dict[str, ResponseWriter] = {}
        self._given_before = Tokens()
        self._limits = _RateLimits(core.now)

    @property
    def active(self) -> ResponseWriter | None:
        """The response of the conversation, if one is under way; out-of-band ones do not count."""
        return next((writer for writer in self._running.values() if not writer.plan.out_of_band), None)

    # -- creation

    def create(self, event: ResponseCreate) -> None:
        """Begin a response as a client asks.

        Raises:
            WireError: one is under way already, or the parameters make no sense.
        """
        if not self._core.speaks:
            raise WireError("A transcription session has no responses.", code="invalid_event", param="type")
        params = to_dict(event.response) if event.response else {}
        params = {key: value for key, value in params.items() if value is not None}
        out_of_band = params.get("conversation") == "none"
        if not out_of_band:
            self._refuse_second()
        _check_metadata(params.get("metadata"))
        context = self._context(event)
        self._begin(self._plan(params, context, out_of_band=out_of_band))

    def create_automatically(self) -> None:
        """Begin the response that the end of a turn asks for."""
        if not self._core.speaks:
            return
        try:
            self._refuse_second()
            plan = self._plan({}, list(self._core.items), out_of_band=False)
        except WireError as error:
            self._core.refuse(error)
            return
        self._begin(plan)

    def _refuse_second(self) -> None:
        if (active := self.active) is not None:
            raise WireError(
                f"Conversation already has an active response in progress: {active.plan.response_id}. "
                "Wait until the response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )

    def _context(self, event: ResponseCreate) -> list[StoredItem]:
        given = event.response.input if event.response else UNSET
        if given is UNSET or given is None:
            return list(self._core.items)
        context: list[StoredItem] = []
        for index, entry in enumerate(given):
            where = f"response.input[{index}]"
            if isinstance(entry, ItemReference):
                stored = self._core.items.get(entry.id)
                if stored is None:
                    raise WireError(
                        f"The item with id '{entry.id}' does not exist.", code="invalid_value", param=f"{where}.id"
                    )
            else:
                stored = self._memory.stored(entry, where)
                if stored.user_sound is not None:
                    self._core.listen(stored)
            context.append(stored)
        return context

    def _plan(self, params: dict[str, Any], context: list[StoredItem], *, out_of_band: bool) -> ResponsePlan:
        config = self._core.config
        output = config["audio"]["output"]
        override = {k: v for k, v in (params.get("audio", {}).get("output") or {}).items() if v is not None}
        tools = functions_of(params.get("tools", config["tools"]))
        tool_choice = params.get("tool_choice", config["tool_choice"])
        if isinstance(tool_choice, dict) and tool_choice.get("type") == "mcp":
            tool_choice = "auto"  # no MCP server is ever called from here
        _check_tool_choice(tool_choice, tools)
        instructions = params.get("instructions", config["instructions"])
        return ResponsePlan(
            response_id=self._core.new_id("resp"),
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
            metadata=params.get("metadata"),
            model=config["model"],
            given=input_tokens(instructions, tools, context),
            given_before=self._given_before,
        )

    def _begin(self, plan: ResponsePlan) -> None:
        writer = ResponseWriter(self._core, plan)
        self._running[plan.response_id] = writer
        if not plan.out_of_band:
            self._given_before = plan.given
            self._began()
        writer.begin()
        limit = plan.max_output_tokens
        self._core.emit(self._limits.spend(plan.given.total + (limit if isinstance(limit, int) else _RESERVED_OUTPUT)))
        self._core.jobs.append(Perform(writer))

    # -- the end

    def finish(
        self, writer: ResponseWriter, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None
    ) -> None:
        """End a response, once: the first end counts."""
        if self._running.pop(writer.plan.response_id, None) is None:
            return
        writer.finish(status, reason=reason, error=error)
        if status == "cancelled":  # every other end is the performance's own
            self._core.jobs.append(Stop(writer.plan.response_id))
        if not writer.plan.out_of_band:
            self._ended(writer.samples if status != "cancelled" else 0)

    def interrupt(self) -> None:
        """Cut the conversation's response short because the user speaks."""
        if (active := self.active) is not None:
            self.finish(active, "cancelled", reason="turn_detected")

    def cancel(self, event: ResponseCancel) -> None:
        """Stop a response as a client asks.

        Raises:
            WireError: there is none to stop.
        """
        wanted = event.response_id or None
        writer = self._running.get(wanted) if isinstance(wanted, str) else self.active
        if writer is None:
            raise WireError(
                "Cancellation failed: no active response found",
                code="response_cancel_not_active",
                param="response_id" if wanted else None,
            )
        self.finish(writer, "cancelled", reason="client_cancelled")

    def abandon(self) -> None:
        """Stop whoever performs: nobody listens any more."""
        for response_id in self._running:
            self._core.jobs.append(Stop(response_id))
        self._running.clear()


class _RateLimits:
    """Limits that nobody here enforces, counted so that a client's display has something true to show."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._window = now()
        self._requests = 0
        self._tokens = 0

    def spend(self, tokens: int) -> RateLimitsUpdated:
        now = self._now()
        if now - self._window >= 60:
            self._window, self._requests, self._tokens = now, 0, 0
        self._requests += 1
        self._tokens += tokens
        reset = round(60 - (now - self._window), 3)
        return RateLimitsUpdated(
            rate_limits=[
                RateLimit(
                    name="requests",
                    limit=_REQUESTS_A_MINUTE,
                    remaining=max(_REQUESTS_A_MINUTE - self._requests, 0),
                    reset_seconds=reset,
                ),
                RateLimit(
                    name="tokens",
                    limit=_TOKENS_A_MINUTE,
                    remaining=max(_TOKENS_A_MINUTE - self._tokens, 0),
                    reset_seconds=reset,
                ),
            ]
        )


def _check_metadata(metadata: dict[str, str] | None) -> None:
    for key, value in (metadata or {}).items():
        if len(key) > _METADATA_KEY_CHARS or len(value) > _METADATA_VALUE_CHARS:
            raise WireError(
                f"Metadata keys have at most {_METADATA_KEY_CHARS} characters and values {_METADATA_VALUE_CHARS}.",
                code="invalid_value",
                param="response.metadata",
            )


def _check_tool_choice(choice: str | dict[str, Any], tools: list[dict[str, Any]]) -> None:
    if isinstance(choice, dict) and choice.get("type") == "function":
        names = [tool.get("name") for tool in tools]
        if choice.get("name") not in names:
            raise WireError(
                f"Tool choice '{choice.get('name')}' is not among the tools: {names}.",
                code="invalid_value",
                param="response.tool_choice",
            )
