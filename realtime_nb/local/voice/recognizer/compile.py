"""Build the language model of a conversation from its tools, its phrases and the built-in sentences.

Owns the recipe: which sentences, with which weights, and the classes in them. Must not know pocketsphinx's decoder.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from realtime_nb.local.voice.protocols import ToolSpecs
from realtime_nb.local.voice.recognizer.builtin_phrases import CLASSES, CLOSERS, OPENERS, TEMPLATES
from realtime_nb.local.voice.recognizer.language_model import ANY, END, START, NgramCounts, arpa
from realtime_nb.local.voice.recognizer.lexicon import common_words, pronunciations, spell_out
from realtime_nb.local.voice.recognizer.templates import expand
from realtime_nb.local.voice.recognizer.tool_phrases import ToolPhrases, phrases_of_tool
from realtime_nb.local.voice.vocabulary import spoken_words

_SCALE = 50.0  # occurrences that a weight of 1 stands for: how firmly the model believes in its sentences
_TOOL_SHARE = 2.4
_NOVELTY = 0.02
_BACKGROUND_SHARE = 0.2
_PHRASE_WEIGHT = 4.0

Sentence = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandModel:
    """A language model with its pronunciations.

    Attributes:
        key: the `content_key` of its tools and phrases.
        arpa: the language model.
        words: the pronunciations of its words, the usual one first.
    """

    key: str
    arpa: str
    words: dict[str, tuple[str, ...]]


def content_key(tools: ToolSpecs, phrases: Sequence[str]) -> str:
    """Return a key that is the same for the same tools and phrases."""
    speech = [{k: tool.get(k) for k in ("name", "description", "parameters")} for tool in tools]
    content = json.dumps([speech, list(phrases)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def compile_model(tools: ToolSpecs, phrases: Sequence[str]) -> CommandModel:
    """Return the model for these tools and phrases (some 0.2 s)."""
    counts = NgramCounts()
    counts.update(_builtin_counts())
    for tool in tools:
        _count_tool(counts, phrases_of_tool(tool))
    for phrase in phrases:
        _count(counts, [tuple(spoken_words(phrase))], _PHRASE_WEIGHT)
    counts = counts.expanded(CLASSES)
    words = _give_pronunciations(counts)
    text = arpa(counts, common_words(), novelty=_NOVELTY, background_share=_BACKGROUND_SHARE)
    return CommandModel(content_key(tools, phrases), text, words)


@lru_cache(maxsize=1)
def _builtin_counts() -> NgramCounts:
    counts = NgramCounts()
    for template, weight in TEMPLATES:
        _count(counts, expand(template), weight)
    return counts


def _count_tool(counts: NgramCounts, phrases: ToolPhrases) -> None:
    heads = [s for head in phrases.heads for s in expand(head) if s]
    _count(counts, heads, 2.0 * _TOOL_SHARE)
    forms = [[s for form in slot for s in expand(form) if s] for slot in phrases.slots]
    for slot in forms:
        _join(counts, heads, slot, 3.0 * _TOOL_SHARE)
        _count(counts, slot, _TOOL_SHARE)
    for first, second in itertools.permutations(forms, 2):
        _join(counts, first, second, _TOOL_SHARE)
        _join(counts, [(*s, "and") for s in first], second, 0.3 * _TOOL_SHARE)
    for sentence in phrases.sentences:
        _count(counts, expand(sentence), _TOOL_SHARE)


def _count(counts: NgramCounts, sentences: Sequence[Sentence], weight: float) -> None:
    """Count sentences that share a weight, alone and with polite words around them."""
    sentences = [s for s in sentences if s]
    if not sentences:
        return
    for words in sentences:
        counts.add((START, *words, END), _SCALE * weight / len(sentences))
    _join(counts, _expanded(OPENERS), sentences, 0.3 * weight, start=True)
    _join(counts, sentences, _expanded(CLOSERS), 0.3 * weight, end=True)


def _join(
    counts: NgramCounts,
    left: Sequence[Sentence],
    right: Sequence[Sentence],
    weight: float,
    *,
    start: bool = False,
    end: bool = False,
) -> None:
    """Count the trigrams across the join of every left and every right sentence."""
    tails = Counter(words[-2:] for words in left)
    for words in left if start else ():
        counts.add((START, *words), _SCALE * weight / len(left))
    for words in right if end else ():
        counts.add((*words, END), _SCALE * weight / len(right), first=2)
    starts = Counter((*words[:2], *((END,) if len(words) == 1 and end else ())) for words in right)
    for (tail, n), (head, m) in itertools.product(tails.items(), starts.items()):
        counts.add((*tail, *head), _SCALE * weight * n * m / (len(left) * len(right)), first=len(tail))


@lru_cache(maxsize=2)
def _expanded(templates: Sequence[str]) -> list[Sentence]:
    return [words for template in templates for words in expand(template) if words]


def _give_pronunciations(counts: NgramCounts) -> dict[str, tuple[str, ...]]:
    """Return the pronunciations of all words, some guessed; remove words without any from the counts."""
    words = {word for event in counts.events for word in event} - {START, END, ANY, ""}
    known = pronunciations(words | common_words().keys())
    guesses = {word: spell_out(word) for word in words if word not in known}
    silent = {word for word, phones in guesses.items() if not phones}
    if silent:
        for event in [event for event in counts.events if silent.intersection(event)]:
            del counts.events[event]
    return known | {word: (phones,) for word, phones in guesses.items() if phones}
