"""Which built-in answer a sentence asks for: patterns, in the order in which they are tried.

Owns the patterns. Must not know tools or personas, nor how an answer is worded (`replies`). A pattern sees what
`wording.normalized` returns; the first that fits answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from realtime_nb.local.voice.responder import replies
from realtime_nb.local.voice.responder.replies import Question, say
from realtime_nb.local.voice.responder.tales import POEM
from realtime_nb.local.voice.responder.wording import normalized
from realtime_nb.local.voice.spoken_numbers import words_from_number

__all__ = ["Question", "answer", "normalized"]

Answer = Callable[[Question, re.Match[str]], str | None]


def answer(question: Question) -> str | None:
    """Return what to say, or None when no intent fits."""
    for pattern, reply in _INTENTS:
        if match := pattern.search(question.text):
            said = reply(question, match)
            if said is not None:
                return said
    return None


def _spoken_number(question: Question, match: re.Match[str]) -> str:
    return f"You said {words_from_number(float(match.group()))}."


_N = r"-?\d+(?:\.\d+)?"
_DAYS = "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday."
_MONTHS = "January, February, March, April, May, June, July, August, September, October, November, December."

# An intent may have several patterns: any of them will do.
_TABLE: tuple[tuple[Answer, tuple[str, ...]], ...] = (
    (say("Okay."), (r"^(?:stop|be quiet|quiet|shut up|enough|cancel|never ?mind|hold on|wait)\b",)),
    (
        replies.said_again,
        (
            r"^(?:repeat|say) (?:that|it)(?: again)?$|^(?:repeat|again|once more|come again|pardon(?: me)?)$",
            r"\bwhat did you (?:just )?say\b",
        ),
    ),
    (replies.said_before, (r"\bwhat (?:did|have) i (?:just )?(?:say|said)|\brepeat what i said",)),
    (replies.story, (r"^say (?:something|anything)$",)),
    (replies.repeat, (r"^(?:repeat|say)\b",)),
    (
        replies.count,
        (
            r"\bcount(?:ing)?\b(?: (?:up|slowly|loudly|out loud|aloud|fast))*(?P<down> (?:down|backwards?|back))?"
            rf"(?: slowly)?(?: from (?P<start>{_N}))?"
            rf"(?: (?:down )?(?:up )?(?:to|till|until|through) (?P<end>{_N}))?",
        ),
    ),
    (
        replies.about_itself,
        (
            r"\b(?:who|what) are you\b|\byour name\b|\bwhat are you called|\bcall you\b|\bwho am i talking",
            r"\bwho (?:made|built)\b|\byourself\b|\bwh(?:o|at) you are\b|\bwhat is this\b|\bdo you have a name",
            r"\bhow (?:do you|does this|you) work|\bhow old are you|\bwhere are you",
        ),
    ),
    (replies.joke, (r"\bjokes?\b|\bmake me laugh\b|\bsomething funny\b|\briddles?\b",)),
    (
        replies.story,
        (
            r"\b(?:story|stories|tales?|fun fact|facts?)\b|\b(?:entertain|surprise) me\b",
            r"\btell me (?:something|anything|more)\b|\bsay something\b",
        ),
    ),
    (say(POEM), (r"\b(?:poems?|sing|song)\b",)),
    (say(_DAYS), (r"\bdays of the week\b",)),
    (say(_MONTHS), (r"\bmonths\b",)),
    (say(", ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + "."), (r"\balphabet\b",)),
    (say("Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune."), (r"\bplanets\b",)),
    (say("Spring, summer, autumn, winter."), (r"\bseasons\b",)),
    (replies.spell, (r"\bspell (?P<word>[a-z]+)",)),
    (replies.chance, (r"\b(?:flip|toss) a coin|\b(?:roll|throw) (?:a|the) di(?:e|ce)|\b(?:pick a|random) number",)),
    (
        replies.add_up,
        (rf"(?P<a>{_N}) ?(?P<op>plus|minus|times|multiplied by|divided by|over|and|[-+*/x]) ?(?P<b>{_N})",),
    ),
    (replies.my_name, (r"\bwhat(?:'s| is)? my name|\bwho am i$",)),
    (replies.nice_to_meet, (r"\b(?:my name is|call me) (?P<name>[a-z]+)",)),
    (
        replies.time_of_day,
        (
            r"\b(?:what|which|tell me|give me|know|have|need|the|current|exact)\b.*\btime\b(?! (?:off|out|zone))",
            r"^(?:the )?time$",
        ),
    ),
    (
        replies.calendar_date,
        (
            r"\b(?:what|which|tell me|give me|know|today's|todays|the|current)\b.*\b(?:date|day|weekday|month|year)\b",
            r"^(?:date|what is today)$|\bday is it\b",
        ),
    ),
    (
        replies.abilities,
        (
            r"\bwhat can (?:you|i)\b|\bwhat do you (?:do|know|understand)|\bhelp\b|\bmy options|\bhow can you\b",
            r"\b(?:your|which|what) (?:commands|tools|functions|abilities)|\bwhat you can do",
        ),
    ),
    (
        say("I am fine, thank you. What can I do for you?"),
        (r"\bhow (?:are|do) (?:you|things)\b|\bhow is it going|\bhow was your day|\bwhat(?:'s| is) up\b",),
    ),
    (replies.can_you, (r"^(?:are|do|can) you\b",)),
    (say("Goodbye!"), (r"\b(?:goodbye|good bye|bye|see you|good night)\b",)),
    (say("You are welcome."), (r"\b(?:thank you|thanks)\b",)),
    (replies.greet, (r"^(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening|day))\b",)),
    (say("Nice to meet you too."), (r"\b(?:nice|good|pleased) to (?:meet|see|hear) you",)),
    (replies.story, (r"^(?:continue|go on|keep going|carry on|go ahead|next|more)$",)),
    (
        say("The pace and the loudness are settings of the session. I cannot change them from here."),
        (r"\b(?:slower|faster|louder|quietly|more slowly|slowly|speak up)$",),
    ),
    (say("I hear you. The test works."), (r"^(?:testing|test|this is a test|check)\b",)),
    (say("No problem."), (r"^(?:sorry|excuse me)",)),
    (
        say("All right."),
        (
            r"^(?:yes|no|okay|ok|sure|right|maybe|great|fine|good|perfect|cool|wonderful)\b",
            r"^(?:that'?s|that is|it'?s)\b",
        ),
    ),
    (_spoken_number, (rf"^{_N}$",)),
)

_INTENTS = tuple((re.compile(pattern), reply) for reply, patterns in _TABLE for pattern in patterns)
