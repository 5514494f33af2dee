"""Turn written text into text for a voice: without Markdown, emoji and code, with links and addresses as words.

Owns the rules of what is said of a text, and which written text each spoken character stands for. Must not know voices
or how a text was cut. Numbers and signs that voices say by themselves (`%`, `&`, `+`, `=`, `°`, `€`) stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from realtime_nb.local.voice.spoken_markup import INLINE, line_prefix, say_code, say_math, say_token
from realtime_nb.local.voice.written_words import Fragment, WrittenWords

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r"[ \t>]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^`\n]*$")
_READ_FENCES = frozenset({"text", "txt", "markdown", "md", "plaintext"})  # models wrap whole answers in these
_MATH_BLOCK = re.compile(r"[ \t]*(?:\$\$|\\\[|\\\])[ \t]*$")
_SILENT_LINE = re.compile(
    r"""[ \t>]*(?:
        (?:[-*_=~][ \t]*){3,}                 # a rule, or the line under a heading
      | \|?[ \t]*:?-+:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)*\|?  (?<=[-|:][-|:\ ]) # the line under the head of a table
      | \[[^\]\n]{1,60}\]:[ \t]+\S.*          # the address of a link by name
    )[ \t]*$""",
    re.VERBOSE,
)
_GAP = "\0"  # stands where silent text was, until spaces are tidied
_GAPS = re.compile(rf"[ \t{_GAP}]+")
_HEADING_TAIL = re.compile(r"[ \t]+#{1,20}[ \t]*$")


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """What a voice says for a piece of text.

    Attributes:
        written: the piece as it stands in the transcript.
        spoken: what the voice says; `""` where there is nothing to say, such as for an emoji.
    """

    written: str
    spoken: str
    fragments: tuple[Fragment, ...] = field(default=(), repr=False)

    def words(self) -> WrittenWords:
        """Return a fresh reader of the written text, which follows the synthesiser's chunks."""
        return WrittenWords(self.fragments)


class SpeechFilter:
    """Turns the pieces of one message into what is said for them; a code fence or a table may span pieces."""

    def __init__(self) -> None:
        self._at_line_start = True
        self._fence = ""
        self._reads_fence = False
        self._in_math = False

    def say(self, piece: str) -> SpokenPiece:
        """Return what the voice says for the next piece of the message."""
        fragments: list[Fragment] = []
        for line in _LINE.findall(piece):
            text = line.rstrip("\n")
            fragments += self._say_line(text)
            if len(text) < len(line):
                fragments.append(Fragment("\n", "\n"))
                self._at_line_start = True
            elif text.strip():
                self._at_line_start = False
        return SpokenPiece(piece, _spoken(fragments), tuple(fragments))

    def _say_line(self, line: str) -> list[Fragment]:
        silent = [Fragment(line, "")] if line else []
        if self._at_line_start and (fence := _FENCE.match(line)):
            if not self._fence:
                self._fence = fence["mark"]
                self._reads_fence = fence["language"].lower() in _READ_FENCES
                return silent
            if fence["mark"].startswith(self._fence) and not fence["language"]:
                self._fence = ""
                return silent
        if self._fence and not self._reads_fence:
            return silent
        if self._at_line_start and _MATH_BLOCK.match(line):
            self._in_math = "\\[" in line or ("$$" in line and not self._in_math)
            return silent
        if self._in_math:
            return [Fragment(line, say_math(line))] if line.strip() else silent
        begin, end = 0, len(line)
        if self._at_line_start:
            if _SILENT_LINE.match(line):
                return silent
            begin = line_prefix(line)
            if "#" in line[:begin] and (tail := _HEADING_TAIL.search(line, max(begin, end - 40))):
                end = tail.start()
        ends = [Fragment(line[:begin], ""), *_say_inline(line, begin, end), Fragment(line[end:], "")]
        return [fragment for fragment in ends if fragment.written]


def speakable(text: str) -> str:
    """Return what a voice says for a whole text; `""` where there is nothing to say."""
    return SpeechFilter().say(text).spoken


def _say_inline(line: str, start: int, end: int) -> list[Fragment]:
    fragments: list[Fragment] = []
    at = start
    while token := INLINE.search(line, at, end):
        if token.start() > at:
            fragments.append(Fragment(line[at : token.start()], line[at : token.start()]))
        if token.lastgroup == "link":
            inner = token.span("link_text")
            fragments.append(Fragment(line[token.start() : inner[0]], ""))
            fragments += _say_inline(line, *inner)
            fragments.append(Fragment(line[inner[1] : token.end()], ""))
        elif token.lastgroup == "code":
            fragments.append(Fragment(token.group(), say_code(token["code_text"])))
        else:
            fragments.append(Fragment(token.group(), say_token(token, line)))
        at = token.end()
    if at < end:
        fragments.append(Fragment(line[at:end], line[at:end]))
    return fragments


def _spoken(fragments: list[Fragment]) -> str:
    raw = "".join(fragment.spoken or _GAP for fragment in fragments)
    text = _GAPS.sub(_tidy_gap, raw)
    text = "\n".join(said for line in text.split("\n") if (said := " ".join(line.split())))
    return text if any(char.isalnum() for char in text) else ""


def _tidy_gap(gap: re.Match[str]) -> str:
    """Leave no space before a mark where silent text was: "Hi 👋!" is said as "Hi!"."""
    spaces = gap.group().replace(_GAP, "")
    follows = gap.string[gap.end() : gap.end() + 1]
    return "" if len(spaces) < len(gap.group()) and follows and follows in ",.!?;:)]”’…" else spaces
