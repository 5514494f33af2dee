"""Stream the replies of the rules: one piece of text, then the calls.

Owns the form of the stream. Must not know rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from realtime_nb.local.voice.protocols import ToolSpecs
from realtime_nb.local.voice.reply import CallArguments, CallBegun, CallEnded, ReplyPiece, ReplyRequest, TextPiece
from realtime_nb.local.voice.responder.order import RuleResponder
from realtime_nb.local.voice.responder.rule_reply import Context
from realtime_nb.wire.realtime import encode

_ARGUMENT_CHARS = 12  # of one piece: clients must see arguments arrive in pieces, as from a model


class StreamingRules:
    """The rule-based responder as a `StreamingResponder`.

    Attributes:
        limits_tokens: False: rules count no tokens, so the server applies `max_output_tokens` to its own estimate.
    """

    limits_tokens = False

    def __init__(self, rules: RuleResponder) -> None:
        self._rules = rules

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyPiece, None]:
        """See `StreamingResponder.reply`."""
        context = Context(request.now, request.label, request.parallel_tool_calls)
        # On a thread: a long history takes the rules milliseconds, in which the loop must send other sessions' sound.
        reply = await asyncio.to_thread(
            self._rules.respond,
            history=request.history,
            instructions=request.instructions,
            tools=request.tools,
            tool_choice=request.tool_choice,
            user_text=request.user_text,
            understood=request.understood,
            context=context,
        )
        if reply.text:
            yield TextPiece(reply.text)
        for call in reply.tool_calls:
            yield CallBegun(call.name)
            arguments = encode(call.arguments).decode()
            for start in range(0, len(arguments), _ARGUMENT_CHARS):
                yield CallArguments(arguments[start : start + _ARGUMENT_CHARS])
            yield CallEnded()

    async def prepare(self, instructions: str, tools: ToolSpecs) -> None:
        """Do nothing: rules need no preparation."""

    async def close(self) -> None:
        """Do nothing: rules hold no connections."""
