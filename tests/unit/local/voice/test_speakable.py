"""What a voice says for texts as small models write them, in several languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.sentences import SentenceSplitter
from realtime_nb.local.voice.speakable import SpeechFilter, speakable

SAID = {
    # emphasis
    "**Paris** is the *capital* of ***France***.": "Paris is the capital of France.",
    "__Note__: this is _very_ important!": "Note: this is very important!",
    "That's un**believ**able, ~~really~~.": "That's unbelievable, really.",
    "Bold **across": "Bold across",
    "the border** ends": "the border ends",
    "2 * 3 = 6 and 4*5 = 20": "2 × 3 = 6 and 4×5 = 20",
    "Price*: 5 dollars": "Price: 5 dollars",
    "*smiles* Hello there!": "smiles Hello there!",
    "The file my_long_name.txt": "The file my long name.txt",
    "Fill in: ____ is fun.": "Fill in: is fun.",
    # blocks
    "# Title": "Title",
    "### **1. Setup**": "1. Setup",
    "## Überschrift ##": "Überschrift",
    "Heading\n=======\nText": "Heading\nText",
    "- apples\n- pears\n* plums\n+ figs\n• kiwis": "apples\npears\nplums\nfigs\nkiwis",
    "1. First\n2. Second": "1. First\n2. Second",
    "  - nested item": "nested item",
    "- [ ] open\n- [x] done": "open\ndone",
    "> A quote\n>> deeper": "A quote\ndeeper",
    "One\n\n---\n\nTwo": "One\nTwo",
    "***": "",
    "– Bonjour, dit-il.": "Bonjour, dit-il.",
    "- 5 degrees is cold, and -5 is colder.": "5 degrees is cold, and -5 is colder.",
    # links and addresses
    'See [the docs](https://docs.python.org/3/ "Docs").': "See the docs.",
    "[**Bold** link](http://a.b/c_(d)) here": "Bold link here",
    "![A cat](cat.png) sleeps": "A cat sleeps",
    "Read [this][1].\n\n[1]: https://example.com": "Read this.",
    "Visit https://www.example.com/a/b?c=d#e.": "Visit example dot com.",
    "Visit <https://example.org>, please.": "Visit example dot org, please.",
    "Siehe https://de.wikipedia.org/wiki/Masse_(Physik).": "Siehe de dot wikipedia dot org.",
    "(see http://localhost:8888/lab)": "(see localhost)",
    "https://user:secret@host.example.net:8443/x": "host dot example dot net",
    "Go to www.wikipedia.org!": "Go to wikipedia dot org!",
    "Try example.com or docs.example.co.uk/x.": "Try example dot com or docs dot example dot co dot uk.",
    "Mail me at jane.doe@example.com.": "Mail me at jane dot doe at example dot com.",
    "请访问https://example.com/路径。谢谢": "请访问example dot com。谢谢",
    # code
    "Use `print()` or `my_var`.": "Use print or my var.",
    "Run ``pip install foo``.": "Run pip install foo.",
    "`" + "x" * 80 + "` is long": "is long",
    "Here:\n```python\nprint('hi')\n```\nDone.": "Here:\nDone.",
    "```\nx = 1": "",
    "```markdown\n**The** answer is 5.\n```": "The answer is 5.",
    "A stray ` tick": "A stray tick",
    "An unpaired ```": "An unpaired",
    # tables
    "| Name | Age |\n|:-----|----:|\n| Ann | 5 |\n| Bob | |": "Name, Age\nAnn, 5\nBob,",
    "Name | Age\n--- | ---\nAnn | 5": "Name, Age\nAnn, 5",
    "a || b and x|y": "a, b and x|y",
    # HTML and marks of models
    "One<br>two<br/>three": "One\ntwo\nthree",
    "<p>Hello <b>you</b> &amp; me &lt;3</p>": "Hello you & me 3",
    '<a href="http://x.y" target="_blank">here</a>': "here",
    "</think>The answer is 5.": "The answer is 5.",
    "<think> hm </think> Yes": "hm Yes",
    "<|im_start|>assistant": "assistant",
    "Fine.<|im_end|></s>": "Fine.",
    "[INST] Hi [/INST] Hello<0x0A>": "Hi Hello",
    "Type <your-name> and List<String>.": "Type your name and List<String>.",
    "5 < 6 and 7 > 3": "5 less than 6 and 7 greater than 3",
    "Open Settings > General > About.": "Open Settings, General, About.",
    # formulas
    "$x^2 + y^2 = z^2$": "x squared + y squared = z squared",
    r"\(\frac{a}{b}\) is a half": "a over b is a half",
    r"The answer is $\boxed{42}$.": "The answer is 42.",
    r"So \boxed{7} it is": "So 7 it is",
    "$$E = mc^2$$": "E = mc squared",
    "$$\nE = mc^2\n$$": "E = mc squared",
    r"$\sqrt{16} \times \pi \leq 13$": "square root of 16 times pi less than or equal to 13",
    "It costs $5, or $10 for two.": "It costs $5, or $10 for two.",
    "Between $5-$10 and $7.": "Between $5-$10 and $7.",
    r"C:\Users\me is a folder": r"C:\Users\me is a folder",
    "H₂O and 5 m² or m³.": "H₂O and 5 m squared or m cubed.",
    # signs
    "5 °C, 20 €, £3, 50 %, a & b, 1 + 1 = 2": "5 °C, 20 €, £3, 50 %, a & b, 1 + 1 = 2",
    "File → Save → Exit": "File, Save, Exit",
    "a -> b => c": "a, b, c",
    "点击【网络】→【Wi-Fi】。": "点击【网络】, 【Wi-Fi】。",
    "Rain: <10%, wind: >5 mph.": "Rain: less than 10%, wind: more than 5 mph.",
    "#python and C# are #1, ~5 of them": "python and C# are number 1, about 5 of them",
    r"\*not bold\* and 5\. item": "not bold and 5. item",
    "As shown [1], often [2, 3]. Yes[^4].": "As shown, often. Yes.",
    "True【4†source】.": "True.",
    "【注意】请看": "【注意】请看",
    "Wait... what? — Yes; no: “quoted”!": "Wait... what? — Yes; no: “quoted”!",
    "------------------ end": "end",
    # emoji
    "🎉": "",
    "Great! 🎉🎉": "Great!",
    "😀 Hi 👋!": "Hi!",
    "👨‍👩‍👧‍👦 family, 🇩🇪 flag, 👍🏽 thumb, ❤️ heart, ✅ done ✓": "family, flag, thumb, heart, done",
    "1️⃣ First\n2️⃣ Second": "1 First\n2 Second",
    "① eins ② zwei": "1 eins 2 zwei",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland": "Scotland",
    "Nice :) really ;-)": "Nice really",
    "★★★☆☆ good ☀️": "good",
    # other languages
    "**Bonjour !** Ça va ? 😊": "Bonjour ! Ça va ?",
    "¡**Hola**! ¿Qué tal? 🇪🇸": "¡Hola! ¿Qué tal?",
    "**你好**，世界！🌍": "你好，世界！",
    "こんにちは、**田中**さん。": "こんにちは、田中さん。",
    "**مرحبا** بك في `بايثون` 🌟": "مرحبا بك في بايثون",
    "می‌خواهم **کتاب** بخوانم.": "می‌خواهم کتاب بخوانم.",
    "**नमस्ते**, आप कैसे हैं? क्‍ष": "नमस्ते, आप कैसे हैं? क्‍ष",
    "**สวัสดี** ครับ": "สวัสดี ครับ",
    "Cafe\u0301 **e\u0301te\u0301**": "Cafe\u0301 e\u0301te\u0301",
    # nothing to say
    "": "",
    " \n\t ": "",
    "...": "",
    "**": "",
    ").": "",
    "\ud83d \u200b\ufeff\ue000 \x07": "",
    "so\u00adft hy\u200bphen": "soft hyphen",
}


@pytest.mark.parametrize("text", SAID)
def test_says(text: str) -> None:
    assert speakable(text) == SAID[text]


def said_in_pieces(text: str) -> list[str]:
    splitter, speech = SentenceSplitter(), SpeechFilter()
    return [said for piece in [*splitter.push(text), *splitter.end()] if (said := speech.say(piece).spoken)]


def test_a_fence_that_spans_pieces_stays_silent() -> None:
    assert said_in_pieces("Look:\n```js\n" + "let a = 1. B;\n" * 400 + "```\nThat is it. Bye.") == [
        "Look:",
        "That is it.",
        "Bye.",
    ]


def test_a_table_that_spans_pieces_is_said_row_by_row() -> None:
    assert said_in_pieces("Ages:\n\n| Who | Age |\n|---|---|\n| Ann | 5 |\n| Bob | 6 |\n\nDone.") == [
        "Ages:",
        "Who, Age",
        "Ann, 5",
        "Bob, 6",
        "Done.",
    ]


def test_marks_of_a_line_count_only_at_its_beginning() -> None:
    assert said_in_pieces("Right. - No. # Well. > Yes.") == ["Right.", "- No.", "# Well.", "> Yes."]


@given(
    st.text()
    | st.lists(st.sampled_from([*SAID, "\n", " ", "a", "*", "`", "```\n", "|", "$", "<", "[", "\\"])).map("".join)
)
def test_every_text_can_be_said(text: str) -> None:
    said = speakable(text)
    assert said == said.strip()
    assert not said or any(char.isalnum() for char in said)
    assert "\0" not in said
    said.encode()  # no lone surrogate


@pytest.mark.parametrize(
    "unit",
    ["[", "](", "<a ", "`", "$x", "*a", "_", "http://", "a.", "a@", "|", "\\(", "&", "【", "1. ", "<!--", "[1] ", "x"],
)
def test_hostile_texts_take_linear_time(unit: str) -> None:
    speakable(unit * (200_000 // len(unit)))
