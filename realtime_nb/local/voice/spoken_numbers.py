"""Convert numbers between words and digits: "twenty five" and 25, both ways.

Owns English number words. Must not know grammars or tools.
"""

from __future__ import annotations

import re

_ONES_TEXT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ONES = _ONES_TEXT.split()
_TENS_TEXT = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = _TENS_TEXT.split()
_VALUES = {word: value for value, word in enumerate(_ONES)} | {word: 10 * (i + 2) for i, word in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}

_TOKEN = re.compile(r"\d+(?:\.\d+)?|[a-z']+|[^\sa-z\d']+", re.IGNORECASE)


def words_from_number(value: float) -> str:
    """Return a number in words: `25` gives "twenty five", `-2.5` gives "minus two point five"."""
    if value < 0:
        return "minus " + words_from_number(-value)
    if value != int(value):
        decimals = f"{value:.6f}".rstrip("0").partition(".")[2]
        return f"{words_from_number(int(value))} point {' '.join(_ONES[int(digit)] for digit in decimals)}"
    whole = int(value)
    if whole < 20:
        return _ONES[whole]
    if whole < 100:
        tens, ones = divmod(whole, 10)
        return _TENS[tens - 2] + (f" {_ONES[ones]}" if ones else "")
    for word, scale in sorted(_SCALES.items(), key=lambda item: -item[1]):
        if whole >= scale:
            count, rest = divmod(whole, scale)
            said = f"{words_from_number(count)} {word}"
            if not rest:
                return said
            return f"{said} {'and ' if rest < 100 else ''}{words_from_number(rest)}"
    raise AssertionError  # every whole number from 100 on has a scale


def number_from_words(words: list[str]) -> tuple[float, int] | None:
    """Return the number at the beginning of the words and the count of its words, or None.

    Understands digits too, "a hundred", "minus five", "two point five", "nineteen eighty four", "two and a half".
    """
    index, sign = 0, 1.0
    if words[:1] in (["minus"], ["negative"]):
        index, sign = 1, -1.0
    whole, used = _whole(words[index:])
    if used == 0:
        return None
    index += used
    value: float = whole
    if words[index : index + 1] == ["point"]:
        decimals = ""
        rest = words[index + 1 :]
        while rest and (digit := _digit(rest[0])) is not None:
            decimals += digit
            rest = rest[1:]
            index += 1
        if decimals:
            index += 1
            value = float(f"{int(whole)}.{decimals}")
    elif words[index : index + 3] == ["and", "a", "half"]:
        value, index = whole + 0.5, index + 3
    return sign * value, index


def _digit(word: str) -> str | None:
    if word.isdigit():
        return word
    value = 0 if word == "oh" else _VALUES.get(word)
    return str(value) if value is not None and value < 10 else None


def _whole(words: list[str]) -> tuple[float, int]:
    total = current = 0.0
    used = 0
    last = ""  # the kind of the word before, which decides what may follow it
    for index, word in enumerate(words):
        if re.fullmatch(r"\d+(?:\.\d+)?", word):
            if last in ("", "scale") or (last == "and" and used):
                current, last = current + float(word), "digits"
            else:
                break
        elif word in _VALUES:
            value = _VALUES[word]
            if last in ("", "scale", "and") or (last == "tens" and 0 < value < 10):
                current += value
            elif last in ("teens", "tens") and value >= 10 and total == 0 and current < 100:
                current = current * 100 + value  # nineteen eighty four
            else:
                break
            last = "tens" if value >= 20 else "teens" if value >= 10 else "ones"
        elif word in _SCALES and (current or (word == "hundred" and last == "a")):
            if word == "hundred":
                current = (current or 1) * 100
            else:
                total, current = total + current * _SCALES[word], 0.0
            last = "scale"
        elif word == "a" and last == "" and words[index + 1 : index + 2] in (["hundred"], ["thousand"], ["million"]):
            current, last = (1.0, "a") if words[index + 1] != "hundred" else (0.0, "a")
            continue
        elif word == "and" and last == "scale" and index + 1 < len(words) and words[index + 1] in _VALUES:
            last = "and"
            continue
        else:
            break
        used = index + 1
    return total + current, used


def digits_from_words(text: str) -> str:
    """Return the text with its spoken numbers as digits: "set it to twenty five" gives "set it to 25"."""
    tokens = _TOKEN.findall(text)
    out: list[str] = []
    index = 0
    while index < len(tokens):
        # A lone "a" or "minus" is no number, and neither is "one" in "this one" or "no one".
        found = number_from_words([token.lower() for token in tokens[index:]])
        if found is None or (tokens[index].lower() == "one" and found[1] == 1 and _is_pronoun(tokens, index)):
            out.append(tokens[index])
            index += 1
            continue
        value, used = found
        out.append(f"{value:.6f}".rstrip("0").rstrip("."))
        index += used
    return " ".join(out)


def _is_pronoun(tokens: list[str], index: int) -> bool:
    return index > 0 and tokens[index - 1].lower() in {"this", "that", "which", "the", "no", "another", "other", "any"}
