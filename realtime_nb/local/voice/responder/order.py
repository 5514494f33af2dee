"""The order in which an answer is looked for: fixed words, function outputs, tools, intents, and at last a plain "no".

Owns that order and the words for what cannot be done. Must not know patterns, slots or wording of anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.protocols import Context, PlannedCall, Reply
from realtime_nb.local.voice.responder.history import Situation, read
from realtime_nb.local.voice.responder.intents import ABILITIES, Question, answer
from realtime_nb.local.voice.responder.outputs import say_outputs
from realtime_nb.local.voice.responder.persona import Persona, persona_of
from realtime_nb.local.voice.responder.planner import Plan, forced_call, plan_calls
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
        hears: whether this machine has speech recognition; without it, speech is answered with how to get it.
    """

    def __init__(self, *, hears: bool = True) -> None:
        self._hears = hears

    def respond(
        self,
        *,
        history: Sequence[Mapping[str, Any]],
        instructions: str = "",
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str | Mapping[str, Any] = "auto",
        user_text: str | None = None,
        understood: bool = True,
        context: Context | None = None,
    ) -> Reply:
        """Return the reply to a conversation; see `protocols.Responder`."""
        context = context or Context()
        situation = read(history)
        persona = persona_of("\n".join([instructions, *situation.system_texts]))
        functions = [tool for tool in tools if tool.get("name")]
        reply = self._reply(situation, persona, instructions, functions, tool_choice, user_text, understood, context)
        text = persona.applied(reply.text) if reply.text else ""
        return Reply(text, reply.tool_calls)

    def _reply(
        self,
        situation: Situation,
        persona: Persona,
        instructions: str,
        tools: Sequence[Mapping[str, Any]],
        tool_choice: str | Mapping[str, Any],
        user_text: str | None,
        understood: bool,
        context: Context,
    ) -> Reply:
        text = (user_text if user_text is not None else situation.user_text) or ""
        if situation.outputs:
            # One call at a time where the client wants that: the rest of the sentence comes after each output.
            following = _not_yet_made(plan_calls(tools, text).calls, situation) if tool_choice == "auto" else []
            if following and not context.parallel_tool_calls:
                return Reply(tool_calls=(following[0],))
            return Reply(say_outputs(situation.outputs))
        allowed = _allowed(tools, tool_choice)
        if _is_forced(tool_choice) and (call := forced_call(allowed, text)):
            return Reply(tool_calls=(call,))
        if persona.verbatim is not None:
            return Reply(persona.verbatim)
        if not understood:
            return Reply(self._not_understood(text, allowed))
        if not text and situation.pictures:
            return Reply(_SEES_NOTHING)
        if not text:
            return self._unprompted(situation, persona, instructions, context)
        question = Question(normalized(text), text, situation, context, persona.name, _abilities(allowed))
        if allowed and not _ABOUT_ITSELF.search(question.text):
            plan = self._plan(allowed, text, situation)
            if plan.calls:
                return Reply(tool_calls=plan.calls if context.parallel_tool_calls else plan.calls[:1])
            if plan.incomplete:
                return Reply(answer(question) or _ask_for(*plan.incomplete))
        if situation.pictures:
            return Reply(_SEES_NOTHING)
        said = answer(question)
        return Reply(said if said is not None else _cannot(text, allowed))

    def _plan(self, tools: Sequence[Mapping[str, Any]], text: str, situation: Situation) -> Plan:
        asked = situation.assistant_texts[:1]
        if asked and _ASKING.search(asked[0]) and situation.user_texts:
            # The answer to our question completes what was asked before it.
            together = plan_calls(tools, f"{situation.user_texts[0]} {text}")
            if together.calls:
                return together
        return plan_calls(tools, text)

    def _not_understood(self, text: str, tools: Sequence[Mapping[str, Any]]) -> str:
        if not self._hears:
            return (
                "I heard you speak, but this machine has no speech recognition. "
                "Type to me, or install realtime-nb with the local extra."
            )
        hint = _abilities(tools)[0] if tools else "tell the time, or count to ten"
        return f"Sorry, I did not understand that. You can ask me to {hint}."

    def _unprompted(self, situation: Situation, persona: Persona, instructions: str, context: Context) -> Reply:
        """Answer a request without a user turn: what the response's instructions ask for, else a greeting."""
        request = normalized(instructions)
        question = Question(request, instructions, situation, context, persona.name)
        if re.match(r"(?:say|repeat|tell|count|greet|what|introduce)\b", request):
            said = answer(question)
            if said:
                return Reply(said)
        hello = Question("hello", "hello", situation, context, persona.name)
        return Reply(answer(hello) or "Hello!")


def _allowed(tools: Sequence[Mapping[str, Any]], choice: str | Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if choice == "none":
        return ()
    if isinstance(choice, Mapping):
        wanted = choice.get("name") or (choice.get("function") or {}).get("name")
        return [tool for tool in tools if tool["name"] == wanted]
    return tools


def _is_forced(choice: str | Mapping[str, Any]) -> bool:
    return choice == "required" or (isinstance(choice, Mapping) and choice.get("type", "function") == "function")


def _not_yet_made(calls: Sequence[PlannedCall], situation: Situation) -> list[PlannedCall]:
    made = [(name, dict(arguments)) for name, arguments in situation.calls]
    return [call for call in calls if (call.name, call.arguments) not in made]


def _abilities(tools: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(say_identifier(str(tool["name"])) for tool in tools)


def _ask_for(tool: Mapping[str, Any], missing: Sequence[str]) -> str:
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


def _cannot(text: str, tools: Sequence[Mapping[str, Any]]) -> str:
    short = text if len(text) <= 80 else text[:77].rsplit(" ", 1)[0] + "..."
    can = ", ".join([*_abilities(tools)[:3], ABILITIES])
    return f"I cannot answer “{short}”. I am a practice voice without a language model. I can {can}."
