"""The sentences that the recogniser expects in every conversation, with or without tools.

Owns the templates (see `templates`), their weights and the word classes in them. Must not know the answers: the
responder matches the recognised text with patterns of its own (`responder/intents`). A new intent needs both.
"""

from __future__ import annotations

from realtime_nb.local.voice.spoken_numbers import words_from_number

OPENERS = (
    "please",
    "(can|could|would) you [please]",
    "(i want|i would like|i'd like) you to",
    "(hey|okay|so|well|now)",
)
CLOSERS = ("please", "(now|right now|for me|today|thanks|thank you)")

TEMPLATES: tuple[tuple[str, float], ...] = (
    # greetings and courtesies
    ("(hello|hi) [again]", 7.0),
    ("(hello|hi|hey|hello hello) [there|again|everybody|everyone|computer|assistant]", 7.0),
    ("good (morning|afternoon|evening|day|night) [to you]", 1.5),
    ("(hello|hi|hey) [there] (how are you|how are you doing|can you hear me)", 2.4),
    ("how are you [doing|feeling] [today|this morning|this evening]", 2.0),
    ("(thank you|thanks) [very much|so much|a lot|for your help|for that]", 2.0),
    ("(goodbye|bye|bye bye|good bye) [for now|then|everybody]", 1.5),
    ("see you [later|soon|tomorrow]", 0.7),
    ("(yes|no|okay|sure|right|maybe|great|fine|good|perfect) [please|thanks|thank you]", 2.0),
    ("my name is <name>", 1.0),
    ("call me <name>", 0.4),
    ("what is my name", 1.0),
    ("can you hear me", 1.2),
    ("are you there", 1.2),
    # time and date
    ("(what is|what's|tell me|give me|do you know|i need) the (time|current time|exact time) [here]", 3.0),
    ("(what time is it|what time it is|what time do you have|what time it is now|do you have the time) [here]", 3.0),
    ("(tell me|do you know) what (time|day|date) it is", 1.5),
    (
        "(what is|what's|tell me|give me|do you know) (the [current] date|today's date|the date of today|the day)",
        2.5,
    ),
    ("(what|which) (day|date|month|year|weekday|day of the week) is (it|today|this)", 2.5),
    ("what is (today|the year|the month|the day today|the date today)", 1.0),
    ("tell me the (time|date|day)", 2.0),
    ("(what|which) (day|date) is it [today]", 2.0),
    ("(what|which) (day|date) (will it be|is it) tomorrow", 0.7),
    ("(what day was|what was the date) yesterday", 0.4),
    # about itself
    ("(who|what) are you", 2.0),
    ("(what is|what's|tell me) your name", 2.0),
    ("(do you have a name|what are you called)", 1.2),
    ("(what can you do|what can i (say|ask|ask you|do)|what do you (do|know|understand)|how can you help me)", 3.0),
    ("(how do you work|how does this work|what is this)", 1.5),
    ("tell me (about yourself|something about yourself|who you are|what you are|what you can do|how you work)", 1.5),
    ("(introduce|describe) yourself", 1.0),
    ("(help|help me|i need help|i need some help|what are my options|what are your commands|list your commands)", 1.5),
    ("(which|what) (tools|functions|commands) (do you have|can you use|are there|do you know)", 1.0),
    # repeating, counting, sums
    ("(say|repeat) <any> [<any>]", 2.0),
    ("(repeat after me|say after me|repeat this|say this|say the words|say the word) <any> [<any> <any>]", 1.5),
    ("(repeat that|say that again|say it again|repeat it|what did you say|come again|once more|again)", 1.5),
    ("count [up|slowly] to <number>", 3.0),
    ("count from <number> to <number>", 2.0),
    ("count (down|backwards|back) [from <number>] [to <number>]", 1.5),
    ("(keep counting|count again|start counting|count)", 0.8),
    (
        "(what is|what's|how much is|calculate) <number> (plus|minus|times|divided by|and|multiplied by) <number>",
        2.0,
    ),
    # control
    ("stop", 1.5),
    ("(stop [it|talking|that]|[be] quiet|shut up|enough|wait [a moment]|hold on|cancel|never mind)", 2.5),
)

_COUNTED = [*range(101), *range(110, 201, 10), 250, 300, 365, 400, 500, 600, 700, 800, 900, 999, 1000, 1500, 2000, 5000]
_SHORT_NUMBERS = [*range(21), 25, *range(30, 101, 10)]


def _listed(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry.split()) for entry in text.split(","))


CLASSES: dict[str, tuple[tuple[str, ...], ...]] = {
    # The round and the small come up more often: said twice, they weigh twice.
    "<number>": tuple(
        tuple(words_from_number(value).split()) for value in [*_COUNTED, *_SHORT_NUMBERS, *_SHORT_NUMBERS]
    ),
    "<digit>": _listed("zero,one,two,three,four,five,six,seven,eight,nine"),
    "<place>": _listed(
        "london,paris,berlin,rome,madrid,vienna,tokyo,new york,boston,chicago,los angeles,san francisco,seattle,miami,"
        "washington,toronto,sydney,melbourne,amsterdam,brussels,dublin,oslo,stockholm,copenhagen,helsinki,moscow,"
        "athens,lisbon,prague,warsaw,budapest,zurich,geneva,munich,hamburg,milan,venice,barcelona,istanbul,cairo,"
        "dubai,delhi,mumbai,beijing,shanghai,hong kong,singapore,seoul,bangkok,jerusalem,nairobi,mexico city,"
        "buenos aires,rio,houston,dallas,denver,atlanta,philadelphia,montreal,vancouver,manchester,edinburgh,"
        "france,germany,italy,spain,england,scotland,ireland,japan,china,india,brazil,canada,australia,america"
    ),
    "<color>": _listed("red,green,blue,yellow,orange,purple,pink,black,white,gray,brown"),
    "<day>": _listed(
        "today,tomorrow,tonight,next week,this weekend,monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    ),
    "<name>": _listed(
        "anna,james,john,mary,robert,michael,linda,david,barbara,richard,susan,thomas,sarah,charles,karen,peter,lisa,"
        "paul,nancy,mark,betty,george,sandra,steven,emily,kevin,jack,laura,frank,alice,henry,julia,max,emma,leo,eva,"
        "sam,tom,ben,bob"
    ),
}
