"""Where the splitter cuts a stream of text: at sentences of any language, whatever the pieces of the stream were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.sentences import LONGEST, LONGEST_FENCE, SentenceSplitter

FIRST = "Right.\n"  # the first piece may be a clause; those behind it are sentences


def pieces_of(text: str, cuts: list[int] | None = None) -> list[str]:
    splitter = SentenceSplitter()
    pieces: list[str] = []
    start = 0
    for cut in [*sorted(cuts or []), len(text)]:
        pieces += splitter.push(text[start:cut])
        start = max(start, cut)
    return [*pieces, *splitter.end()]


def sentences_of(text: str) -> list[str]:
    first, *others = pieces_of(FIRST + text)
    assert first == "Right."
    return [piece.strip() for piece in others]


ONE_SENTENCE = [
    "Dr. Smith met Mrs. Jones and Prof. Lee.",
    "The U.S. Army and the U.K. Government agreed.",
    "Pi is about 3.14 and e is 2.718.",
    "We meet at 10 a.m. on the 5th, or at 3 p.m. instead.",
    "J. S. Bach and J. R. R. Tolkien never met.",
    "See No. 5, Fig. 3, pp. 12 and vol. 2.",
    "Bring fruit, e.g. apples, i.e. something sweet, etc. as you like.",
    "Go to https://example.com/a.b?c=1.5&d=e!f for more.",
    "Run `a. B` or read [the Docs. Now](https://x.org) first.",
    "Version 2.0.1 of foo.bar.baz is out.",
    "Wait… no, I mean... maybe.",
    "“Really?” she asked.",
    "Acme Inc. makes anvils and so on.",
    "Er kommt am 3. Oktober, z. B. um 8 Uhr, d. h. früh.",
    "Vgl. Abb. 3, Nr. 5 und S. 12.",
    "Le Dr. Martin et Mme. Dupont sont là.",
    "El Sr. García y la Sra. López llegaron.",
    "It costs $1,000.50 or 1.000,50 €.",
    "1. Preheat the oven.",
    "a line that was wrapped at its right margin,\nand goes on below.",
]

SEVERAL = {
    "One. Two! Three? Four.": ["One.", "Two!", "Three?", "Four."],
    "It ended in 2019. Then came 2020.": ["It ended in 2019.", "Then came 2020."],
    'He said "Stop." She stopped.': ['He said "Stop."', "She stopped."],
    "(It was late.) We left.": ["(It was late.)", "We left."],
    "**Done.** Next step.": ["**Done.**", "Next step."],
    "Is it? Yes! It is?! Good.": ["Is it?", "Yes!", "It is?!", "Good."],
    "hi there. how are you? fine, thanks.": ["hi there.", "how are you?", "fine, thanks."],
    "I am no. Really no. No. 5 is alive.": ["I am no.", "Really no.", "No. 5 is alive."],
    "We woke at 6 a.m. Then we ate.": ["We woke at 6 a.m.", "Then we ate."],
    "Great! 🎉 Let's go.": ["Great!", "🎉 Let's go."],
    "Yes!🎉 Next.": ["Yes!🎉", "Next."],
    "Steps:\n- one\n- two\n\nEnd": ["Steps:", "- one", "- two", "End"],
    "1. Mix it. Well.\n2. Bake\n": ["1. Mix it.", "Well.", "2. Bake"],
    "# Title\nText here": ["# Title", "Text here"],
    "Roses are red,\nViolets are blue": ["Roses are red,", "Violets are blue"],
    "今天天气很好。我们走吧！好吗？": ["今天天气很好。", "我们走吧！", "好吗？"],
    "彼は「はい。」と言った。次へ。": ["彼は「はい。」", "と言った。", "次へ。"],
    "안녕하세요. 반갑습니다! 잘 지내요?": ["안녕하세요.", "반갑습니다!", "잘 지내요?"],
    "مرحبا. كيف حالك؟ أنا بخير.": ["مرحبا.", "كيف حالك؟", "أنا بخير."],
    "नमस्ते। आप कैसे हैं? ठीक हूँ।": ["नमस्ते।", "आप कैसे हैं?", "ठीक हूँ।"],
    "¿Qué tal? ¡Muy bien! Gracias.": ["¿Qué tal?", "¡Muy bien!", "Gracias."],
    "Привет. Как дела? Это т.е. хорошо.": ["Привет.", "Как дела?", "Это т.е. хорошо."],
    "« Bonjour ! » Il part.": ["« Bonjour !", "» Il part."],
    "Code:\n```python\nx = 1. Y\n\ny = 2\n```\nDone.": ["Code:", "```python\nx = 1. Y\n\ny = 2\n```", "Done."],
    "~~~\na. B\n```\nc. D\n~~~\nE.": ["~~~\na. B\n```\nc. D\n~~~", "E."],
    "Text ```not a fence. Really``` here. More.": ["Text ```not a fence. Really``` here.", "More."],
}


@pytest.mark.parametrize("text", ONE_SENTENCE)
def test_one_sentence_stays_one(text: str) -> None:
    assert sentences_of(text) == [text]


@pytest.mark.parametrize("text", SEVERAL)
def test_cuts_between_sentences(text: str) -> None:
    assert sentences_of(text) == SEVERAL[text]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Well, I think, on the whole, it works.", "Well, I think,"),
        ("The answer is simple: it works.", "The answer is simple:"),
        ("I see what you mean — it works.", "I see what you mean —"),
        ("There are 1,000 and 2,000 of them, I think.", "There are 1,000 and 2,000 of them,"),
        ("今天天气非常好，我们走吧。", "今天天气非常好，"),
        ("Yes, it is.", "Yes, it is."),
        ("Sure! I can, of course, help.", "Sure!"),
        ("A well-known fact about the sea.", "A well-known fact about the sea."),
        (" ".join(f"word{n}" for n in range(30)), " ".join(f"word{n}" for n in range(12))),
        (" ".join(f"word{n}" for n in range(14)) + ". Next", " ".join(f"word{n}" for n in range(14)) + "."),
    ],
)
def test_the_first_piece_may_be_a_clause(text: str, first: str) -> None:
    assert pieces_of(text)[0] == first


def test_a_sentence_comes_as_soon_as_the_next_word_begins() -> None:
    splitter = SentenceSplitter()
    assert splitter.push("It works. ") == []
    assert splitter.push("W") == ["It works."]
    assert splitter.end() == [" W"]


def test_a_text_without_periods_is_cut_at_spaces() -> None:
    pieces = pieces_of(FIRST + "lorem ipsum " * 200)
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert all(piece.split()[-1] in {"Right.", "lorem", "ipsum"} for piece in pieces)


def test_a_long_fence_is_cut_at_lines_and_stays_a_fence() -> None:
    fence = "```\n" + "x = 1. Y\n" * 1000 + "```"
    pieces = pieces_of(FIRST + "\n" + fence + "\nOne. Two.")
    assert all(len(piece) <= LONGEST_FENCE + 100 for piece in pieces)
    assert pieces[-3:][0].endswith("```")
    assert pieces[-2:] == ["\nOne.", " Two."]


def test_no_grapheme_is_cut() -> None:
    family, flags, keycap, accent = "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "1️⃣", "e\u0301"
    for cluster in (family, "🇩🇪", keycap, accent, "👍🏽", "क्षि", "각"):
        pieces = pieces_of(FIRST + cluster * 500)
        assert all(piece.strip().replace(cluster, "") in {"", "Right."} for piece in pieces), cluster
    assert "".join(pieces_of(flags * 300)) == flags * 300


def test_a_surrogate_pair_in_two_pieces_is_not_cut() -> None:
    pieces = pieces_of("\ud83d\ude00" * 400)
    assert all(piece[0] == "\ud83d" and piece[-1] == "\ude00" for piece in pieces)


_WORDS = """. ... ! ? ``` ```py ` [ ](u) ~~~ Dr No e.g 3 14 a word Word I Oktober 。 ， 」 ؟ । é e\u0301 🎉 👨‍👩‍👧 🇩🇪 —
    : " ” ** | \u200d \ud83d \ude00"""
_SPACES = ["\n", "\n\n", " ", "  ", ", ", "\n```\n", "```py\n", " - ", "\r\n", "\t", " " * 70, "\n" * 70]
_LONG = ["x" * 90, "x " * 50]
_UGLY = st.lists(
    st.sampled_from([*_WORDS.split(), *_SPACES, *_LONG]) | st.text(max_size=8),
    max_size=60,
).map("".join)


@given(_UGLY, st.lists(st.integers(0, 400), max_size=12))
def test_pieces_joined_are_the_text_and_do_not_depend_on_the_stream(text: str, cuts: list[int]) -> None:
    whole = pieces_of(text)
    assert "".join(whole) == text
    assert all(whole)
    assert pieces_of(text, cuts) == whole
    assert pieces_of(text, list(range(len(text)))) == whole


@pytest.mark.parametrize("unit", ["a", "a ", ".", "!", " ", "\n", "`", "```\n", "[", ",", "。", "👍", "1. ", "Dr. "])
def test_each_character_is_kept_for_a_bounded_time(unit: str) -> None:
    # The work for one push is bounded by the undecided text, so that this bound makes the whole linear.
    splitter = SentenceSplitter()
    total = 0
    for _ in range(30_000 // len(unit)):
        total += sum(map(len, splitter.push(unit)))
        assert len(splitter._buffer) <= LONGEST_FENCE + 300
    assert total + sum(map(len, splitter.end())) == 30_000 // len(unit) * len(unit)


@pytest.mark.parametrize("unit", ["word ", "x", "`", "[a](b "])
def test_five_million_characters_at_once(unit: str) -> None:
    text = unit * (5_000_000 // len(unit))
    assert sum(map(len, pieces_of(text))) == len(text)
