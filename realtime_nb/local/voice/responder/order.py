"""Choose an answer in a fixed order: function outputs, forced calls, fixed words, tools, intents, a plain "no".

Owns that order and the answers about things that it cannot do. Must not know patterns, slots or other wording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from realtime_nb.local.voice.protocols import ToolChoice, ToolSpec, ToolSpecs
from realtime_nb.local.voice.responder.history import read
from realtime_nb.local.voice.responder.intents import ABILITIES, Question, answer
from realtime_nb.local.voice.responder.outputs import say_outputs
from realtime_nb.local.voice.responder.persona import persona_of
from realtime_nb.local.voice.responder.planner import Plan, forced_call, plan_calls
from realtime_nb.local.voice.responder.rule_reply import Context, RuleReply
from realtime_nb.local.voice.responder.wording import joined, normalized, say_identifier

_ASKING = re.compile(r"^(?:What|Which) .* should I use to |^Should .* be yes or no, to ")
_SEES_NOTHING = (
    "I am a practice voice without a language model, and I see no pictures. A hosted model can look at them."
)
_ABOUT_ITSELF = re.compile(
    r"^(?:repeat|say|stop|be quiet|cancel|never ?mind|wait)\b|what can (?:you|i)|^(?:help|hello|hi|hey)$"
)


class RuleResponder:
    """Answers by rules.

    Args:
        hears: whether this machine has speech recognition; without it, the answer to speech is how to install it.
    """

    def __init__(self, *, hears: bool = True) -> None:
        self._hears = hears

    def respond(
        self,
        *,
        history: Sequence[Mapping[str, Any]],
        instructions: str = "",
        tools: ToolSpecs = (),
        tool_choice: ToolChoice = "auto",
        user_text: str | None = None,
        understood: bool = True,
        context: Context | None = None,
    ) -> RuleReply:
        """Return the reply to a conversation; the calls come after the text."""
        situation = read(history)
        persona = persona_of("\n".join([instructions, *situation.system_texts]))
        named = [tool for tool in tools if tool.get("name")]
        allowed = _allowed(named, tool_choice)
        text = (user_text if user_text is not None else situation.user_text) or ""
        question = Question(normalized(text), text, situation, context or Context(), persona.name, _abilities(allowed))
        if situation.outputs:
            # Where the client allows one call at a time, the next call of the sentence follows each output.
            reply = _after_outputs(question, named if tool_choice == "auto" else ())
        elif _is_forced(tool_choice) and (call := forced_call(allowed, text)):
            reply = RuleReply(tool_calls=(call,))
        elif persona.verbatim is not None:
            reply = RuleReply(persona.verbatim)
        elif not understood:
            reply = RuleReply(self._not_understood(allowed))
        elif text or situation.pictures:
            reply = _reply(question, allowed)
        else:
            reply = RuleReply(_unprompted(question, instructions))
        return RuleReply(persona.applied(reply.text) if reply.text else "", reply.tool_calls)

    def _not_understood(self, tools: ToolSpecs) -> str:
        if not self._hears:
            return (
                "I heard you speak, but this machine has no speech recognition. "
                "Type to me, or install realtime-nb with the local extra."
            )
        hint = _abilities(tools)[0] if tools else "tell the time, or count to ten"
        return f"Sorry, I did not understand that. You can ask me to {hint}."


def _after_outputs(question: Question, tools: ToolSpecs) -> RuleReply:
    if not question.context.parallel_tool_calls:
        made = [(name, dict(arguments)) for name, arguments in question.situation.calls]
        for call in plan_calls(tools, question.original).calls:
            if (call.name, call.arguments) not in made:
                return RuleReply(tool_calls=(call,))
    return RuleReply(say_outputs(question.situation.outputs))


def _reply(question: Question, tools: ToolSpecs) -> RuleReply:
    if question.text and tools and not _ABOUT_ITSELF.search(question.text):
        plan = _plan(question, tools)
        if plan.calls:
            return RuleReply(tool_calls=plan.calls if question.context.parallel_tool_calls else plan.calls[:1])
        if plan.incomplete:
            return RuleReply(answer(question) or _ask_for(*plan.incomplete))
    if question.situation.pictures:
        return RuleReply(_SEES_NOTHING)
    said = answer(question)
    return RuleReply(said if said is not None else _cannot(question.original, tools))


def _plan(question: Question, tools: ToolSpecs) -> Plan:
    asked, before = question.situation.assistant_texts[:1], question.situation.user_texts
    if asked and _ASKING.search(asked[0]) and before:
        # The user answers our question: both sentences together are the request.
        together = plan_calls(tools, f"{before[0]} {question.original}")
        if together.calls:
            return together
    return plan_calls(tools, question.original)


def _unprompted(question: Question, instructions: str) -> str:
    """Return the answer to a request without a user turn: to the response's instructions, or else a greeting."""
    request = normalized(instructions)
    if re.match(r"(?:say|repeat|tell|count|greet|what|introduce)\b", request):
        said = answer(replace(question, text=request, original=instructions, abilities=()))
        if said:
            return said
    return answer(replace(question, text="hello", original="hello")) or "Hello!"


def _allowed(tools: ToolSpecs, choice: ToolChoice) -> ToolSpecs:
    if choice == "none":
        return ()
    if isinstance(choice, Mapping):
        wanted = choice.get("name") or (choice.get("function") or {}).get("name")
        return [tool for tool in tools if tool["name"] == wanted]
    return tools


def _is_forced(choice: ToolChoice) -> bool:
    return choice == "required" or (isinstance(choice, Mapping) and choice.get("type", "function") == "function")


def _abilities(tools: ToolSpecs) -> tuple[str, ...]:
    return tuple(say_identifier(str(tool["name"])) for tool in tools)


def _ask_for(tool: ToolSpec, missing: Sequence[str]) -> str:
    name = missing[0]
    properties = (tool.get("parameters") or {}).get("properties") or {}
    spec = properties.get(name) or {}
    values = [say_identifier(str(value)) for value in spec.get("enum") or ()]
    options = f": {joined(values, 'or')}" if 1 < len(values) <= 6 else ""
    low, high = spec.get("minimum"), spec.get("maximum")
    if not options and low is not None and high is not None:
        options = f", from {low} to {high}"
    if spec.get("type") == "boolean":
        return f"Should {say_identifier(name)} be yes or no, to {say_identifier(str(tool['name']))}?"
    verb = "Which" if values else "What"
    return f"{verb} {say_identifier(name)} should I use to {say_identifier(str(tool['name']))}{options}?"


def _cannot(text: str, tools: ToolSpecs) -> str:
    short = text if len(text) <= 80 else text[:77].rsplit(" ", 1)[0] + "..."
    can = ", ".join([*_abilities(tools)[:3], ABILITIES])
    return f"I cannot answer “{short}”. I am a practice voice without a language model. I can {can}."
