"""Things to tell that are long enough to be interrupted, and some that are short.

Owns the texts. Must not know when they are told.
"""

from __future__ import annotations

__all__ = ["JOKES", "POEM", "STORIES"]

STORIES = (
    "Once upon a time there was a small lighthouse at the end of a long pier. Every evening it counted the boats "
    "as they came home. One evening a boat was missing. The lighthouse turned its lamp as far as it could, to the"
    " left and to the right, and at last it saw a little red sail behind the rocks. It blinked three times. The "
    "sail answered, turned around, and found the way between the rocks. The fisherman never knew who had called "
    "him. But from that night on he waved at the lighthouse every time he passed, and the lighthouse, which could"
    " not wave, blinked.",
    "In a quiet village there lived a clock that was always five minutes late. The baker said it was broken. The "
    "teacher said it was lazy. Only the old postman liked it, because he was always five minutes late himself. "
    "One winter morning the early train slid off its rails, just where the people would have been standing. But "
    "everybody had looked at the clock, and nobody was there yet. Since then the people of the village set their "
    "watches by the clock, and if you come to visit them you had better be late as well.",
    "A young fox wanted to learn how to sing. She asked the nightingale, who said: practise every night. She "
    "asked the owl, who said: listen first. She asked the frog, who said: find a pond, everything sounds better "
    "at a pond. So the fox sat by the pond every night, listened, and practised. Her voice did not become "
    "beautiful. But the animals came to the pond to hear her, and stayed to talk, and in the end the fox was "
    "known as the one who had taught the forest to sit together.",
)

JOKES = (
    "Why did the notebook go to the doctor? Its cells were out of order.",
    "I would tell you a joke about a websocket, but you might not keep the connection.",
    "Why do parrots make poor programmers? They repeat themselves.",
)

POEM = (
    "The morning opens like a door, the light walks in across the floor. It finds the table and the cup, it finds"
    " the cat and wakes it up. It has no errand, has no aim, and every day it comes the same."
)
