"""Remove the parts of a text in which a model thinks: `<think>...</think>` and its other spellings.

Also the marks of a chat template that a server did not remove, and what the model wrote after the end of its turn.
Owns the tags and the search for them in a text that arrives in pieces. Pure. Must not know calls or events.
"""

from __future__ import annotations

import re

_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<reflection>": "</reflection>",
    "[THINK]": "[/THINK]",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",
    # Marks of gpt-oss: a thought, and the mark before the answer.
    "<|channel|>analysis<|message|>": "<|end|>",
    "<|start|>assistant<|channel|>analysis<|message|>": "<|end|>",
    "<|channel|>final": "<|message|>",
    "<|start|>assistant<|channel|>final": "<|message|>",
}
# The end of the model's turn; without a stop there, it goes on with the user's next words.
_TURN_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<|return|>",
)
_STRAY = "</think>"
_STRAY_OPENING = "<think>"
_LONGEST = max(map(len, (*_TAGS, _STRAY, *_TURN_ENDS)))
_STARTS = re.compile(r"[<\[◁]")


class ThinkingFilter:
    """Removes thoughts from one answer.

    An opening tag counts at the beginning of the answer or of a line only: elsewhere an answer may be about the tag,
    and the tag's end is text, too. A thought without an end is removed to the end of the answer. White space after a
    thought is removed, too.

    Args:
        begins_inside: whether the answer begins inside a thought, because the model's template wrote the opening tag
            into the prompt. All text is then held until the closing tag; without one it is returned at the end.

    Attributes:
        stray_end: whether there was a `</think>` without its beginning: the template wrote that into the prompt.
        thought: whether anything was removed.
        ended: whether the model's turn has ended within the text; the rest is removed.
    """

    def __init__(self, *, begins_inside: bool = False) -> None:
        self.stray_end = False
        self.thought = False
        self.ended = False
        self._rest = ""
        self._end = _STRAY if begins_inside else ""  # the tag that ends the open thought
        self._holds = begins_inside
        self._line = ""  # the open line, as far as it is white space only; other lines are "x"
        self._strip = False
        self._mentions = False  # whether `<think>` stood within a line: its `</think>` is then text

    def feed(self, text: str) -> str:
        """Return what can be said of the text so far."""
        self._rest += "" if self.ended else text
        said = []
        while self._rest:
            before = len(self._rest)
            said.append(self._think() if self._end else self._speak())
            if len(self._rest) == before:
                break
        return "".join(said)

    def end(self) -> str:
        """Return the text that was held until the answer's end."""
        said = ""
        if self._holds:  # no closing tag came: it was no thought
            self._holds, self._end = False, ""
            said = self.feed("")
        rest, self._rest = self._rest, ""
        return said if self._end else said + rest

    def _think(self) -> str:
        _, found, after = self._rest.partition(self._end)
        if found:
            self.thought, self._strip, self._holds = True, True, False
            self._rest, self._end = after, ""
        elif not self._holds:
            self.thought = True
            self._rest = self._rest[len(self._rest) - _tail(self._rest, self._end) :]
        return ""

    def _speak(self) -> str:
        if self._strip:
            self._rest = self._rest.lstrip()
            self._strip = not self._rest
        text = self._rest
        for match in _STARTS.finditer(text):
            at = match.start()
            opening = next((tag for tag in _TAGS if text.startswith(tag, at)), "")
            if opening and not self._line_before(text, at).strip():
                self._end, self._rest = _TAGS[opening], text[at + len(opening) :]
                return self._said(text[:at])
            if opening == _STRAY_OPENING:
                self._mentions = True
            if text.startswith(_STRAY, at):
                if self._mentions:
                    self._mentions = False
                    continue
                self.stray_end = self.thought = self._strip = True
                self._rest = text[at + len(_STRAY) :]
                return self._said(text[:at])
            if text.startswith(_TURN_ENDS, at):
                self.ended, self._rest = True, ""
                return self._said(text[:at])
            if len(text) - at < _LONGEST and any(tag.startswith(text[at:]) for tag in (*_TAGS, _STRAY, *_TURN_ENDS)):
                self._rest = text[at:]
                return self._said(text[:at])
        self._rest = ""
        return self._said(text)

    def _line_before(self, text: str, end: int) -> str:
        newline = text.rfind("\n", 0, end)
        return text[newline + 1 : end] if newline >= 0 else self._line + text[:end]

    def _said(self, text: str) -> str:
        self._line = "x" if self._line_before(text, len(text)).strip() else ""
        return text


def _tail(text: str, tag: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `tag`."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:size])), 0)
