"""What is said in these checks, and how many of its words are recognised wrongly."""

from __future__ import annotations

import re

SENTENCES = (
    "Hello there, can you hear me?",
    "What is the weather like in London today?",
    "Please remind me to call my sister tomorrow morning.",
    "I would like to order a large coffee with milk.",
    "The train to the airport leaves in half an hour.",
    "Could you tell me a short story about a clever fox?",
    "My favourite colour is green, but I also like blue.",
    "How far is it from the earth to the moon?",
    "Turn off the lights in the kitchen and close the window.",
    "We had dinner with our friends on the beach last night.",
    "The quick brown fox jumps over the lazy dog.",
    "Explain why the sky is blue in simple words.",
    "She has been working in this company for many years.",
    "Can you help me find a good book about history?",
    "Thank you very much for your help, and have a nice day.",
)

_SPELLINGS = {"favourite": "favorite", "colour": "color", "ok": "okay"}


def words_of(text: str) -> list[str]:
    """Return the words of a text in a form that can be compared: lower case, one spelling, no punctuation."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    return [_SPELLINGS.get(word, word) for word in words]


def word_errors(said: str, heard: str) -> int:
    """Return how many words must be put in, left out or changed to make `said` of `heard`."""
    want, have = words_of(said), words_of(heard)
    row = list(range(len(have) + 1))
    for index, word in enumerate(want, 1):
        before, row[0] = row[0], index
        for at, other in enumerate(have, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
