"""Cut a stream of text into sentences, as early as each end is certain, so that speech begins before the text ends.

Owns the rules of where a sentence ends, in any language. Must not know voices, models, or Markdown beyond code fences.

The pieces, joined, are the text, and they do not depend on how the stream was cut. Each decision looks at a bounded
number of characters, so that the work grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from itertools import islice

from realtime_nb.local.voice.graphemes import between_graphemes

LONGEST = 200
"""Characters; a longer sentence is cut, at a clause or a space where it has one."""
LONGEST_FENCE = 2000
"""Characters of a code fence that are one piece."""

_AHEAD = 64  # characters behind a possible end that a decision may look at
_CLAUSE_WORDS, _CLAUSE_CHARS, _WIDE_CLAUSE_CHARS = 3, 12, 6
_WORDS, _WORDS_SEEN = 12, 16  # a first piece without punctuation: cut after so many words once so many are complete
_WRAPPED_LINE = 40  # characters; a line that is shorter was ended on purpose

_WIDE_ENDS = "。！？｡．؟۔।॥።။។"  # scripts that need no space behind the end of a sentence
_ENDS = re.compile(rf"[.!?…{_WIDE_ENDS}\n]")
_ENDS_AND_CLAUSES = re.compile(rf"[.!?…{_WIDE_ENDS}\n,;:—–\-،؛、，；：]")
_END = re.compile(rf"(?P<marks>[.!?…]{{1,32}})(?P<closers>[^\w\s]{{0,32}})(?P<space>\s{{0,{_AHEAD}}})")
_WIDE_END = re.compile(rf"[{_WIDE_ENDS}.!?…]{{1,32}}[」』）)”’\"'】》〉\]*_]{{0,32}}")
_CLAUSE = re.compile(r".[^\w\s]{0,32}")
_SPACE = re.compile(rf"\s{{0,{_AHEAD}}}")
_FENCE = re.compile(rf"\s{{0,{_AHEAD}}}(?P<mark>`{{3,32}}|~{{3,32}})[^`\n]{{0,100}}(?P<line>\n?)")
_FENCE_MAY_COME = re.compile(rf"\s{{0,{_AHEAD}}}(?:`{{0,2}}|~{{0,2}})\Z")
_WORD = re.compile(r"\s*\S+(?=\s)")
_LETTERS = re.compile(r"[^\W\d_]{1,20}")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BEFORE_WORDS = _words(
    "mr mrs ms mx dr prof rev fr st mt ft sr jr gen col lt sgt capt hon gov eg ie cf vs viz al ca approx resp incl "
    "hr hrn bzw z.b d.h u.a z.t v.a ggf sog vgl evtl mme mlle sra srta ud uds ej p.ej sig dott т.е"
)
"""Abbreviations that words follow, without their last period."""
_IN_BETWEEN = _words("etc a.m p.m am pm inc ltd corp llc bros dept usw jan feb aug sept oct nov dec т.д т.п и.т.д")
"""Abbreviations that may also end a sentence: a capital behind them begins the next."""
_BEFORE_NUMBERS = _words("no nr nos art fig figs abb tab eq pp vol ch chap sec abs kap bd co est núm")
"""Abbreviations before a number; elsewhere they are words, or end a sentence."""
_AFTER_DAYS = _words(
    "januar jänner februar märz april mai juni juli august september oktober november dezember jahrhundert"
)

_WAIT, _NO = -1, -2


class SentenceSplitter:
    """Cuts one stream of text into pieces, to be spoken one after the other.

    White space between two pieces belongs to the second. The first piece may be a clause, or a dozen words of a long
    sentence: the earlier it is complete, the earlier a listener hears a voice. A code fence is one piece. A cut lies
    between two graphemes, unless one grapheme is longer than `LONGEST`.
    """

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._buffer = ""
        self._at = 0  # possible ends before it are decided
        self._first = True
        self._fence = ""  # the mark of an open fence that was too long for one piece

    def push(self, text: str) -> list[str]:
        """Add a piece of the stream, of any length; return the pieces that are now complete, oldest first."""
        self._buffer += text
        return self._pieces(final=False)

    def end(self) -> list[str]:
        """Return the rest of the stream, and begin another one."""
        pieces = self._pieces(final=True)
        if self._buffer:
            pieces.append(self._buffer)
        self._restart()
        return pieces

    def _pieces(self, *, final: bool) -> list[str]:
        text, start = self._buffer, 0
        pieces: list[str] = []
        while (cut := self._next_cut(text, start, final)) is not None:
            pieces.append(text[start:cut])
            start = self._at = cut
            self._first = False
        self._buffer = text[start:]
        self._at -= start
        return pieces

    def _next_cut(self, text: str, start: int, final: bool) -> int | None:
        """Return the end of the piece that begins at `start`, or None while it is uncertain."""
        if self._fence:
            return self._fence_end(text, start, self._fence, start, final)
        space = _SPACE.match(text, start)
        assert space is not None
        if self._first or "\n" in space.group():
            if not final and _FENCE_MAY_COME.match(text, start):
                return None
            if fence := _FENCE.match(text, start):
                if fence["line"]:
                    return self._fence_end(text, start, fence["mark"], fence.end() - 1, final)
                if fence.end() == len(text) and not final:
                    return None  # the rest of the line says whether this is a fence or a code span
        return self._sentence_end(text, start, final)

    def _fence_end(self, text: str, start: int, mark: str, body: int, final: bool) -> int | None:
        longest = start + LONGEST_FENCE
        closing = re.compile(
            rf"\n[ \t]{{0,64}}{mark[0]}{{{len(mark)},{len(mark) + 32}}}[ \t]{{0,64}}(?=(?P<line>\n)|\Z)"
        )
        if (found := closing.search(text, max(self._at, body), longest + 200)) and found.start() <= longest:
            if found["line"] is None and not final:
                self._at = found.start()
                return None
            self._fence = ""
            return found.end()
        self._at = max(self._at, body, len(text) - 200)  # the closing line may be incomplete
        if len(text) <= longest + 200:
            return None
        self._fence = mark
        line = text.rfind("\n", start + 1, longest)
        return line if line > 0 else between_graphemes(text, start, longest)

    def _sentence_end(self, text: str, start: int, final: bool) -> int | None:
        longest = start + LONGEST
        words: list[re.Match[str]] = []
        if self._first:
            words = list(islice(_WORD.finditer(text, start, longest), _WORDS_SEEN))
            if len(words) == _WORDS_SEEN:
                longest = words[-1].end()
        possible = _ENDS_AND_CLAUSES if self._first else _ENDS
        at = max(self._at, start)
        while found := possible.search(text, at, longest):
            verdict, at = self._judge(text, start, found.start(), final)
            if verdict == _WAIT:
                self._at = found.start()
                return None
            if verdict != _NO:
                return verdict
        self._at = max(at, min(len(text), longest))
        if len(text) <= longest:
            return None
        return words[_WORDS - 1].end() if len(words) == _WORDS_SEEN else _forced_cut(text, start, longest)

    def _judge(self, text: str, start: int, at: int, final: bool) -> tuple[int, int]:
        """Decide about the mark at `at`: where the piece ends, `_NO` or `_WAIT`; and where to look next."""
        mark = text[at]
        if mark == "\n":
            verdict = _line_end(text, start, at, final)
            return verdict, at + 1
        if mark in ".!?…":
            end = _END.match(text, at)
            assert end is not None
            if end.end() == len(text) and not final and len(end["space"]) < _AHEAD:
                return _WAIT, at
            verdict = _ends_sentence(text, start, end, final, self._first)
            return (_NO if verdict >= 0 and _in_span(text, start, at) else verdict), max(end.end("closers"), at + 1)
        if mark in _WIDE_ENDS:
            wide = _WIDE_END.match(text, at)
            assert wide is not None
            if wide.end() == len(text):
                return (_NO if final else _WAIT), wide.end()
            decimal = mark == "．" and text[wide.end()].isdigit()
            return (_NO if decimal else between_graphemes(text, start, wide.end(), exact=True) or _NO), wide.end()
        return self._clause_end(text, start, at, final), at + 1

    def _clause_end(self, text: str, start: int, at: int, final: bool) -> int:
        before = text[start:at]
        if text[at] in "、，；：":
            if len(before.strip()) < _WIDE_CLAUSE_CHARS:
                return _NO
            if at + 1 == len(text):
                return _NO if final else _WAIT
            return between_graphemes(text, start, at + 1, exact=True) or _NO
        if len(before.strip()) < _CLAUSE_CHARS or len(before.split()) < _CLAUSE_WORDS or _in_span(text, start, at):
            return _NO
        if text[at] in "-–" and not before[-1].isspace():
            return _NO
        clause = _CLAUSE.match(text, at)
        assert clause is not None
        end = at + 1 if text[at] in "-–—" else clause.end()
        if end == len(text):
            return _NO if final else _WAIT
        follows = text[end]
        return end if follows.isspace() or (text[at] == "—" and follows.isalpha()) else _NO


def _line_end(text: str, start: int, at: int, final: bool) -> int:
    """A line ends a piece, unless it was wrapped in the middle of a sentence."""
    line = text[text.rfind("\n", start, at) + 1 or start : at]
    if not text[start:at].strip():
        return _NO
    space = _SPACE.match(text, at)
    assert space is not None
    follows = text[space.end()] if space.end() < len(text) else ""
    if not follows and len(space.group()) < _AHEAD:
        return _NO if final else _WAIT
    wrapped = follows.islower() and space.group().count("\n") == 1 and len(line) >= _WRAPPED_LINE
    return _NO if wrapped else at - (len(line) - len(line.rstrip()))


def _ends_sentence(text: str, start: int, end: re.Match[str], final: bool, first: bool) -> int:
    """Decide whether `.`, `!`, `?` or an ellipsis ends the sentence: its end, `_NO` or `_WAIT`."""
    cut = end.end("closers")
    if not end["space"]:
        return _NO
    follows = text[end.end()] if end.end() < len(text) else ""
    if not follows and final:
        return _NO  # the rest of the stream is one piece
    if end["marks"] != ".":
        quoted = any(mark in "\"'”’»“" for mark in end["closers"])
        unfinished = end["marks"].startswith(("..", "…")) or quoted
        return _NO if follows.islower() and unfinished and "\n" not in end["space"] else cut
    if "\n" in end["space"]:
        return cut
    if end["closers"]:
        return _NO if follows.islower() else cut
    near = text[max(start, end.start() - 40) : end.start()]
    word = near.split()[-1] if near and not near[-1].isspace() else ""
    at_line_start = not near[: -len(word) or None].strip() and ("\n" in near or (first and len(near) < 40))
    word = word.lstrip("([{\"'“‘«„¿¡*_`<").casefold()
    if word.isdigit() and (at_line_start or follows.islower()):
        return _NO  # a numbered list, or an ordinal number
    if word.isdigit() and len(word) <= 2 and follows.isupper():
        month = _LETTERS.match(text, end.end())
        assert month is not None
        if month.end() == len(text) and not final and len(month.group()) < 20:
            return _WAIT
        return _NO if month.group().casefold() in _AFTER_DAYS else cut
    return _NO if _is_abbreviation(word, follows, near) else cut


def _is_abbreviation(word: str, follows: str, near: str) -> bool:
    in_sentence = follows.islower() or follows.isdigit()
    if len(word) == 1 and word.isalpha() and word.upper() != word:
        return not near.endswith("I")  # an initial, or one of spaced ones such as "z. B."
    if word in _BEFORE_WORDS:
        return True
    if word in _IN_BETWEEN:
        return in_sentence
    if word in _BEFORE_NUMBERS:
        return follows.isdigit() or follows.islower()
    return bool(_DOTTED.fullmatch(word)) or (follows.islower() and len(word) <= 4)


def _in_span(text: str, start: int, at: int) -> bool:
    """True within a code span, or within the text of a link: a cut there would leave half a mark in each piece."""
    line = text[max(start, text.rfind("\n", start, at)) : at]
    return line.count("`") % 2 == 1 or line.rfind("[") > line.rfind("]")


def _forced_cut(text: str, start: int, longest: int) -> int:
    begin = start + len(text[start:longest]) - len(text[start:longest].lstrip())
    for clause in ", ", "; ", "، ", " – ", " — ":
        if (place := text.rfind(clause, start + LONGEST // 2, longest)) > begin:
            return place + 1
    for place in range(longest, begin, -1):
        if text[place].isspace() and not text[place - 1].isspace():
            return place
    return between_graphemes(text, start, longest)
