"""The answers of the built-in intents: the time, the date, counting, repeating, stories, and what it is.

Owns the wording. Must not know which sentence asks for which answer: `intents` does.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from realtime_nb.local.voice.protocols import Context
from realtime_nb.local.voice.responder.history import Situation
from realtime_nb.local.voice.responder.tales import JOKES, STORIES
from realtime_nb.local.voice.responder.wording import normalized
from realtime_nb.local.voice.spoken_numbers import number_from_words

__all__ = [
    "Question",
    "abilities",
    "about_itself",
    "add_up",
    "calendar_date",
    "can_you",
    "chance",
    "count",
    "greet",
    "joke",
    "my_name",
    "nice_to_meet",
    "repeat",
    "said_again",
    "said_before",
    "say",
    "spell",
    "story",
    "time_of_day",
]

_MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """What an intent may look at.

    Attributes:
        text: the user's words, normalised.
        original: the same as they came.
        situation: the conversation so far.
        context: the surroundings.
        name: what the assistant is called.
        abilities: what the tools add to what it can do, as phrases.
    """

    text: str
    original: str
    situation: Situation
    context: Context
    name: str
    abilities: tuple[str, ...] = ()


def _pick(options: tuple[str, ...], question: Question) -> str:
    """Choose by what came before, so that asking again gives another one and the same conversation the same one."""
    return options[(zlib.crc32(question.text.encode()) + len(question.situation.assistant_texts)) % len(options)]


def greet(question: Question, match: re.Match[str]) -> str:
    """Return a greeting that suits the hour."""
    hour = question.context.now.hour
    daytime = "morning" if 4 <= hour < 12 else "afternoon" if hour < 18 else "evening"
    user = _user_name(question)
    if question.situation.assistant_texts:
        return f"Hello again{user}. What can I do for you?"
    return f"Good {daytime}{user}! I am {question.name}. What can I do for you?"


def _user_name(question: Question) -> str:
    for text in question.situation.user_texts:
        if found := re.search(r"\b(?:my name is|call me)\s+([a-z]+)", normalized(text)):
            return f", {found.group(1).capitalize()}"
    return ""


def time_of_day(question: Question, match: re.Match[str]) -> str:
    """Return the time."""
    now = question.context.now
    return f"It is {now.hour % 12 or 12}:{now.minute:02d} {'a.m.' if now.hour < 12 else 'p.m.'}"


def calendar_date(question: Question, match: re.Match[str]) -> str:
    """Return the date of today, tomorrow or yesterday."""
    shift, lead = 0, "Today is"
    if "tomorrow" in question.text:
        shift, lead = 1, "Tomorrow is"
    elif "yesterday" in question.text:
        shift, lead = -1, "Yesterday was"
    day = question.context.now + timedelta(days=shift)
    return f"{lead} {day:%A}, {day:%B} {day.day}, {day.year}."


def about_itself(question: Question, match: re.Match[str]) -> str:
    """Return what this voice is, honestly."""
    return (
        f"I am {question.name}, a {question.context.label}. I follow rules and have no language model. I recognise "
        "commands, and I speak with a synthetic voice."
    )


def abilities(question: Question, match: re.Match[str]) -> str:
    """Return what it can do, the tools included."""
    own = "I can tell the time and the date, count, repeat after you, do sums, and tell a story or a joke."
    if not question.abilities:
        return own
    listed = (
        ", ".join(question.abilities[:-1]) + (" and " if len(question.abilities) > 1 else "") + question.abilities[-1]
    )
    return f"{own} With your tools I can also {listed}."


def count(question: Question, match: re.Match[str]) -> str | None:
    """Return the numbers from here to there."""
    groups = match.groupdict()
    down = bool(groups.get("down"))
    start = _number(groups.get("start"))
    end = _number(groups.get("end"))
    first = start if start is not None else (10 if down else 1)
    if end is not None:
        last = end
    elif down:
        last = 1
    else:
        last = first + 9
    if down and start is None and end is not None and end > 1:
        first, last = end, 1  # "count down to ten" can only mean this
    if abs(last - first) > _MOST_COUNTED:
        return f"That is more than I like to count. I stop at {_MOST_COUNTED}."
    step = 1 if last >= first else -1
    return ", ".join(str(n) for n in range(first, last + step, step)) + "."


def _number(text: str | None) -> int | None:
    if not text:
        return None
    found = number_from_words(text.split())
    return int(found[0]) if found else None


def repeat(question: Question, match: re.Match[str]) -> str | None:
    """Return what was to be said."""
    # From the original, so that typed capitals and punctuation survive.
    found = re.search(
        r"\b(?:repeat after me|say after me|repeat the (?:words|following)|repeat this|say this|say the words?|"
        r"say exactly|repeat exactly|repeat|say)\b[\s:,.\-–—]*(?P<rest>.+)$",
        question.original,
        re.IGNORECASE | re.DOTALL,
    )
    rest = found.group("rest").strip() if found else ""
    rest = rest.strip("\"“”'‘’ ") if len(rest) > 1 and rest[0] in "\"“'‘" else rest
    return _sentence(rest) if rest else None


def said_again(question: Question, match: re.Match[str]) -> str:
    """Return the answer before this one."""
    said = question.situation.assistant_texts
    return said[0] if said else "I have not said anything yet."


def said_before(question: Question, match: re.Match[str]) -> str:
    """Return what the user said before."""
    texts = [text for text in question.situation.user_texts if text]
    return f"You said: {texts[0]}" if texts else "You have not said anything before."


def add_up(question: Question, match: re.Match[str]) -> str | None:
    """Return a sum, difference, product or quotient."""
    a, b = float(match["a"]), float(match["b"])
    sign = match["op"]
    if sign in ("divided by", "/", "over") and b == 0:
        return "I cannot divide by zero."
    result = {
        "plus": a + b, "and": a + b, "+": a + b, "minus": a - b, "-": a - b, "times": a * b, "multiplied by": a * b,
        "*": a * b, "x": a * b,
    }.get(sign)  # fmt: skip
    if result is None:
        result = a / b
    word = {"+": "plus", "and": "plus", "-": "minus", "*": "times", "x": "times", "/": "divided by"}.get(sign, sign)
    return f"{a:g} {word} {b:g} is {result:.6g}."


def spell(question: Question, match: re.Match[str]) -> str:
    """Return the letters of a word."""
    return ", ".join(match["word"].upper()) + "."


def chance(question: Question, match: re.Match[str]) -> str:
    """Return the toss of a coin, a die or a number."""
    # By the clock's seconds: the conversation alone would give the same face each time it is asked the same way.
    seed = question.context.now.second + len(question.situation.assistant_texts)
    if "coin" in question.text:
        return "Heads." if seed % 2 else "Tails."
    return f"I rolled a {seed % 6 + 1}." if re.search("di(?:e|ce)", question.text) else f"I pick {seed % 10 + 1}."


def my_name(question: Question, match: re.Match[str]) -> str:
    """Return the user's name, if they told it."""
    name = _user_name(question).removeprefix(", ")
    return f"You are {name}." if name else "You have not told me your name."


def can_you(question: Question, match: re.Match[str]) -> str:
    """Answer a question about what it is able to do."""
    if re.search(r"hear|understand|speak english|there|listening|ready|repeat|count", question.text):
        return "Yes, I hear you." if question.situation.spoken else "Yes, I am here."
    return f"No. I am a {question.context.label}: rules and a synthetic voice."


def say(text: str) -> Callable[[Question, re.Match[str]], str]:
    """Return a reply that is always the same."""
    return lambda question, match: text


def story(question: Question, match: re.Match[str]) -> str:
    """Return a story."""
    return _pick(STORIES, question)


def joke(question: Question, match: re.Match[str]) -> str:
    """Return a joke."""
    return _pick(JOKES, question)


def nice_to_meet(question: Question, match: re.Match[str]) -> str:
    """Return a welcome by name."""
    return f"Nice to meet you, {match['name'].capitalize()}."


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
