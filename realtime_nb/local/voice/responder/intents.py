"""The built-in intents of the practice voice: patterns of sentences, and the answers to them.

Owns the patterns and the answers. Must not know tools. A pattern is matched against the text that `wording.normalized`
returns; the first that matches and has an answer decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from realtime_nb.local.voice.responder.history import Situation
from realtime_nb.local.voice.responder.rule_reply import Context
from realtime_nb.local.voice.responder.wording import joined, normalized, sentence

ABILITIES = "tell the time and the date, count, do sums, and repeat after you"
_MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """The input of an intent.

    Attributes:
        text: the user's words, normalised.
        original: the same words as they were typed or recognised.
        situation: the conversation so far.
        context: the time, and the names of voice and backend.
        name: the assistant's name.
        abilities: the names of the tools, as phrases.
    """

    text: str
    original: str
    situation: Situation
    context: Context
    name: str
    abilities: tuple[str, ...] = ()


def answer(question: Question) -> str | None:
    """Return the answer of the first intent that fits, or None."""
    for pattern, reply in _INTENTS:
        if (match := pattern.search(question.text)) and (said := reply(question, match)) is not None:
            return said
    return None


def _say(text: str) -> Callable[[Question, re.Match[str]], str]:
    return lambda question, match: text


def _greet(question: Question, match: re.Match[str]) -> str:
    hour = question.context.now.hour
    daytime = "morning" if 4 <= hour < 12 else "afternoon" if hour < 18 else "evening"
    name = _user_name(question)
    user = f", {name}" if name else ""
    if question.situation.assistant_texts:
        return f"Hello again{user}. What can I do for you?"
    return f"Good {daytime}{user}! I am {question.name}. What can I do for you?"


def _user_name(question: Question) -> str:
    for text in question.situation.user_texts:
        if found := re.search(r"\b(?:my name is|call me)\s+([a-z]+)", normalized(text)):
            return found.group(1).capitalize()
    return ""


def _say_user_name(question: Question, match: re.Match[str]) -> str:
    name = _user_name(question)
    return f"You are {name}." if name else "You have not told me your name."


def _nice_to_meet(question: Question, match: re.Match[str]) -> str:
    return f"Nice to meet you, {match['name'].capitalize()}."


def _time_of_day(question: Question, match: re.Match[str]) -> str:
    now = question.context.now
    return f"It is {now.hour % 12 or 12}:{now.minute:02d} {'a.m.' if now.hour < 12 else 'p.m.'}"


def _date(question: Question, match: re.Match[str]) -> str:
    shift, lead = 0, "Today is"
    if "tomorrow" in question.text:
        shift, lead = 1, "Tomorrow is"
    elif "yesterday" in question.text:
        shift, lead = -1, "Yesterday was"
    day = question.context.now + timedelta(days=shift)
    return f"{lead} {day:%A}, {day:%B} {day.day}, {day.year}."


def _about_itself(question: Question, match: re.Match[str]) -> str:
    return (
        f"I am {question.name}, a {question.context.label}. I follow rules and have no language model. I recognise "
        "commands, and I speak with a synthetic voice."
    )


def _abilities(question: Question, match: re.Match[str]) -> str:
    own = f"I can {ABILITIES}."
    return f"{own} With your tools I can also {joined(question.abilities)}." if question.abilities else own


def _count(question: Question, match: re.Match[str]) -> str:
    down = bool(match["down"])
    start, end = (int(float(match[name])) if match[name] else None for name in ("start", "end"))
    if down and start is None and end is not None and end > 1:
        start, end = end, 1  # "count down to ten" can only mean this
    first = start if start is not None else (10 if down else 1)
    last = end if end is not None else (1 if down else first + 9)
    if abs(last - first) > _MOST_COUNTED:
        return f"That is more than I like to count. I stop at {_MOST_COUNTED}."
    step = 1 if last >= first else -1
    return ", ".join(str(n) for n in range(first, last + step, step)) + "."


def _add_up(question: Question, match: re.Match[str]) -> str:
    a, b = float(match["a"]), float(match["b"])
    signs = {"+": "plus", "and": "plus", "-": "minus", "*": "times", "x": "times", "/": "divided by"}
    sign = signs.get(match["op"], match["op"])
    if sign == "plus":
        result = a + b
    elif sign == "minus":
        result = a - b
    elif sign in ("times", "multiplied by"):
        result = a * b
    elif b == 0:
        return "I cannot divide by zero."
    else:
        result = a / b
    return f"{a:g} {sign} {b:g} is {result:.6g}."


def _repeat(question: Question, match: re.Match[str]) -> str | None:
    # From the original, so that typed capitals and punctuation survive.
    found = re.search(
        r"\b(?:repeat after me|say after me|repeat the (?:words|following)|repeat this|say this|say the words?|"
        r"say exactly|repeat exactly|repeat|say)\b[\s:,.\-–—]*(?P<rest>.+)$",
        question.original,
        re.IGNORECASE | re.DOTALL,
    )
    rest = found["rest"].strip() if found else ""
    rest = rest.strip("\"“”'‘’ ") if len(rest) > 1 and rest[0] in "\"“'‘" else rest
    return sentence(rest) if rest else None


def _say_again(question: Question, match: re.Match[str]) -> str:
    said = question.situation.assistant_texts
    return said[0] if said else "I have not said anything yet."


_N = r"-?\d+(?:\.\d+)?"

_INTENTS = tuple(
    (re.compile(pattern), reply)
    for pattern, reply in (
        (r"^(?:stop|be quiet|quiet|shut up|enough|cancel|never ?mind|hold on|wait)\b", _say("Okay.")),
        (r"^(?:repeat|say) (?:that|it)(?: again)?$|^(?:repeat|again|once more|come again|pardon(?: me)?)$", _say_again),
        (r"\bwhat did you (?:just )?say\b", _say_again),
        (r"^(?:repeat|say)\b", _repeat),
        (
            r"\bcount(?:ing)?\b(?: (?:up|slowly|loudly|out loud|aloud|fast))*(?P<down> (?:down|backwards?|back))?"
            rf"(?: slowly)?(?: from (?P<start>{_N}))?"
            rf"(?: (?:down )?(?:up )?(?:to|till|until|through) (?P<end>{_N}))?",
            _count,
        ),
        (
            r"\b(?:who|what) are you\b|\byour name\b|\bwhat are you called|\byourself\b|\bwh(?:o|at) you are\b"
            r"|\bwhat is this\b|\bdo you have a name|\bhow (?:do you|does this|you) work",
            _about_itself,
        ),
        (rf"(?P<a>{_N}) ?(?P<op>plus|minus|times|multiplied by|divided by|over|and|[-+*/x]) ?(?P<b>{_N})", _add_up),
        (r"\bwhat(?:'s| is)? my name|\bwho am i$", _say_user_name),
        (r"\b(?:my name is|call me) (?P<name>[a-z]+)", _nice_to_meet),
        (
            r"\b(?:what|which|tell me|give me|know|have|need|the|current|exact)\b.*\btime\b(?! (?:off|out|zone))"
            r"|^(?:the )?time$",
            _time_of_day,
        ),
        (
            r"\b(?:what|which|tell me|give me|know|today's|todays|the|current)\b.*\b(?:date|day|weekday|month|year)\b"
            r"|^(?:date|what is today)$|\bday is it\b",
            _date,
        ),
        (
            r"\bwhat can (?:you|i)\b|\bwhat do you (?:do|know|understand)|\bhelp\b|\bmy options|\bhow can you\b"
            r"|\b(?:your|which|what) (?:commands|tools|functions|abilities)|\bwhat you can do",
            _abilities,
        ),
        (r"\bhow are you\b", _say("I am fine, thank you. What can I do for you?")),
        (r"\bhear me\b|\bare you there\b", _say("Yes, I am here.")),
        (r"\b(?:goodbye|good bye|bye|see you|good night)\b", _say("Goodbye!")),
        (r"\b(?:thank you|thanks)\b", _say("You are welcome.")),
        (r"^(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening|day))\b", _greet),
        (r"^(?:yes|no|okay|ok|sure|right|maybe|great|fine|good|perfect)\b", _say("All right.")),
    )
)
