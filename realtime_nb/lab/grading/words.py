"""Graders that compare words: word error rate, similarity, language.

Owns these graders and the normalisation of their texts. Must not know how they are run. Imports the extra `lab` when a
grader is made, so that a missing package fails before the first trial.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Literal, get_args

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import needed

from .gradable import Gradable, Grader

Side = Literal["heard", "text"]

_THIS = "this grader needs"
_FEWEST_LETTERS = 12
"""A shorter answer ("OK", "Tokyo, 5") is no evidence for a language."""


def word_error_rate(
    reference: str | None = None, *, of: Side = "heard", language: str = "en", name: str = "wer"
) -> Grader:
    """Grade the share of wrong words: substitutions, insertions and deletions over the words of the reference.

    Both sides are normalised first (numbers, contractions, British spellings for English; case and punctuation for any
    language), so that "twenty-one" and "21" are the same. It can exceed 1. `about` holds the versions: another version
    of the normaliser gives other numbers.

    Args:
        reference: the right words; None: those of the utterance.
        of: `"heard"`, the server's transcript of the user; or `"text"`, the answer.
        language: `"en"` for the English normaliser, any other code for the general one.
        name: of the column.

    Raises:
        ConfigError: a package is missing, or `of` is neither.
    """
    _check_side(of)
    jiwer = needed("jiwer", _THIS)
    normal = normaliser(language)

    def grade(trial: Gradable) -> float:
        right = normal(_reference(reference, trial))
        if not right:
            raise ConfigError("the reference has no words, so that no share of them can be wrong")
        return float(jiwer.process_words(right, normal(getattr(trial, of))).wer)

    return Grader(name, grade, f"of {of}; jiwer {version('jiwer')}, {normaliser_version(language)}")


def similarity(
    reference: str | None = None, *, of: Side = "text", language: str = "en", name: str = "similarity"
) -> Grader:
    """Grade how alike the answer and a reference are, from 0 to 1, by their characters after normalisation.

    Args:
        reference: the expected words; None: those of the utterance.
        of: `"text"`, the answer; or `"heard"`, the server's transcript of the user.
        language: of the normaliser, as in `word_error_rate`.
        name: of the column.

    Raises:
        ConfigError: a package is missing, or `of` is neither.
    """
    _check_side(of)
    fuzz = needed("rapidfuzz.fuzz", _THIS)
    normal = normaliser(language)

    def grade(trial: Gradable) -> float:
        return float(fuzz.ratio(normal(_reference(reference, trial)), normal(getattr(trial, of)))) / 100

    return Grader(name, grade, f"of {of}; rapidfuzz {version('rapidfuzz')}, {normaliser_version(language)}")


def language(code: str, *, name: str = "language") -> Grader:
    """Pass where the answer is in a language, by its letters.

    An answer of fewer than 12 letters is missing, not failed.

    Args:
        code: ISO 639-1, such as `"en"`.
        name: of the column.

    Raises:
        ConfigError: a package is missing, or the code is unknown.
    """
    langid = needed("py3langid", _THIS)
    codes = sorted(str(each) for each, _ in langid.rank("a"))
    if code not in codes:
        raise ConfigError(f"language({code!r}) is not known: use one of {', '.join(codes)}")

    def grade(trial: Gradable) -> bool:
        letters = sum(character.isalpha() for character in trial.text)
        if letters < _FEWEST_LETTERS:
            raise ConfigError(f"the answer has {letters} letters, too few to tell its language")
        return bool(langid.classify(trial.text)[0] == code)

    return Grader(name, grade, f"{code}; py3langid {version('py3langid')}")


@cache
def normaliser(language: str) -> Callable[[str], str]:
    """Return the function that normalises texts of a language.

    Raises:
        ConfigError: whisper-normalizer is not installed.
    """
    if language == "en":
        made = needed("whisper_normalizer.english", _THIS).EnglishTextNormalizer()
    else:
        made = needed("whisper_normalizer.basic", _THIS).BasicTextNormalizer()

    def normal(text: str) -> str:
        # It leaves lone points standing, which are no words.
        return " ".join(word for word in str(made(text)).split() if any(map(str.isalnum, word)) or not word.isascii())

    return normal


def normaliser_version(language: str) -> str:
    """Return the normaliser with its version, as it stands in results."""
    kind = "English" if language == "en" else "basic"
    return f"whisper-normalizer {version('whisper-normalizer')} ({kind})"


def _check_side(of: str) -> None:
    if of not in get_args(Side):
        raise ConfigError(f"of={of!r} must be 'heard' or 'text'")


def _reference(reference: str | None, trial: Gradable) -> str:
    right = trial.said if reference is None else reference
    if right is None:
        raise ConfigError("the utterance does not state its words: give them to it, or reference= to the grader")
    return right
