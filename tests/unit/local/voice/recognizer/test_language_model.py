"""Templates, counts, the ARPA text and guessed pronunciations: everything before a decoder is involved."""

import math
import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.recognizer.language_model import ANY, END, START, NgramCounts, arpa
from realtime_nb.local.voice.recognizer.lexicon import spell_out
from realtime_nb.local.voice.recognizer.templates import expand
from realtime_nb.local.voice.recognizer.tool_phrases import phrases_of_tool
from realtime_nb.local.voice.vocabulary import spoken_words
from tests.unit.local.voice.conftest import LIGHT


def test_template_expands_to_every_alternative() -> None:
    said = {" ".join(words) for words in expand("[please] (what is|what's) the (date|time [now])")}
    assert len(said) == 12
    assert "please what's the time now" in said
    assert "what is the date" in said


@pytest.mark.parametrize("template", ["[please", "(a|b", "a]", "a)"])
def test_unclosed_bracket_raises_value_error(template: str) -> None:
    with pytest.raises(ValueError, match="bracket"):
        expand(template)


def _model(text: str) -> tuple[dict[tuple[str, ...], float], dict[tuple[str, ...], float]]:
    probabilities, backoffs = {}, defaultdict(lambda: 1.0)
    for line in text.splitlines():
        if re.match(r"-?\d", line):
            parts = line.split("\t")
            gram = tuple(parts[1].split())
            probabilities[gram] = 10 ** float(parts[0])
            if len(parts) > 2:
                backoffs[gram] = 10 ** float(parts[2])
    return probabilities, backoffs


def _probability(text: str, *words: str) -> float:
    probabilities, backoffs = _model(text)
    factor = 1.0
    while words not in probabilities:
        factor *= backoffs[words[:-1]]
        words = words[1:]
    return factor * probabilities[words]


_WORDS = st.sampled_from(["a", "b", "c", "d", ANY])


@given(st.lists(st.lists(_WORDS, min_size=1, max_size=5), min_size=1, max_size=6))
def test_the_probabilities_after_any_history_add_up_to_one(sentences: list[list[str]]) -> None:
    counts = NgramCounts()
    for sentence in sentences:
        counts.add((START, *sentence, END), 1.0)
    text = arpa(counts, {"x": 1.0, "y": 2.0}, novelty=0.3, background_share=0.2)
    vocabulary = [gram[0] for gram in _model(text)[0] if len(gram) == 1 and gram[0] != START]
    for history in ([], ["a"], [START, "a"], ["b", "a"], [START]):
        total = sum(_probability(text, *history, word) for word in vocabulary)
        assert math.isclose(total, 1.0, rel_tol=0.01)


def test_word_class_counts_like_its_members() -> None:
    members = (("five",), ("twenty",), ("twenty", "five"), ("one", "hundred", "five"))
    by_class, spelled = NgramCounts(), NgramCounts()
    by_class.add((START, "to", "<number>", "now", END), 4.0)
    for member in members:
        spelled.add((START, "to", *member, "now", END), 1.0)
    found = by_class.expanded({"<number>": members}).events
    assert {event: round(n, 9) for event, n in found.items()} == dict(spelled.events)


def test_words_that_were_seen_together_are_likelier_than_others() -> None:
    counts = NgramCounts()
    counts.add((START, "turn", "on", "the", "light", END), 10.0)
    text = arpa(counts, {"light": 1.0, "horse": 1.0}, novelty=0.1, background_share=0.2)
    assert _probability(text, "on", "the", "light") > 20 * _probability(text, "on", "the", "horse")


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("set_slider", "set slider"),
        ("setLED2", "set led two"),
        ("living-room", "living room"),
        ("Über", "ber"),
        ("", ""),
    ],
)
def test_an_identifier_is_split_into_spoken_words(identifier: str, words: str) -> None:
    assert " ".join(spoken_words(identifier)) == words


def test_tool_phrases_hold_its_name_values_and_verbs() -> None:
    phrases = phrases_of_tool(LIGHT)
    heads = {" ".join(words) for head in phrases.heads for words in expand(head)}
    slots = {" ".join(words) for slot in phrases.slots for form in slot for words in expand(form)}
    assert {"set the light", "turn on the light", "turn the light off"} <= heads | {
        f"{h} {v}" for h in heads for v in ("on", "off")
    }
    assert {"in the kitchen", "living room"} <= slots


@pytest.mark.parametrize("tool", [{}, {"name": "x"}, {"name": "x", "parameters": {"type": "object"}}, {"name": ""}])
def test_tool_without_schema_has_phrases(tool: dict[str, object]) -> None:
    phrases_of_tool(tool)


@pytest.mark.parametrize(
    ("word", "phones"), [("blip", "B L IH P"), ("zake", "Z EY K"), ("quorn", "K W AO R N"), ("hmm", "")]
)
def test_unknown_words_get_a_pronunciation(word: str, phones: str) -> None:
    assert spell_out(word) == phones
