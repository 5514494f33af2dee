"""Find the pronunciations of words: in the bundled dictionary, or by simple letter-to-sound rules.

Owns pronunciations (ARPABET) and the list of common words. Must not know language models. Reads pocketsphinx's files,
not its decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def model_path() -> Path:
    """Return the folder of the bundled US English model."""
    import pocketsphinx

    return Path(str(pocketsphinx.get_model_path("en-us")))


def pronunciations(words: Set[str]) -> dict[str, tuple[str, ...]]:
    """Return the pronunciations of the words in the bundled dictionary, the usual one first."""
    found: dict[str, tuple[str, ...]] = {}
    for line in _dictionary():
        head, _, phones = line.partition(" ")
        word = head.partition("(")[0]
        if word in words:
            found[word] = (*found.get(word, ()), phones)
    return found


@lru_cache(maxsize=1)
def _dictionary() -> tuple[str, ...]:
    return tuple((model_path() / "cmudict-en-us.dict").read_text(encoding="utf-8").splitlines())


@lru_cache(maxsize=1)
def common_words() -> dict[str, float]:
    """Return the 500 most frequent words of the bundled general model, with their frequencies.

    From a file, which a test compares with the model: reading them from the model takes too long.
    """
    text = Path(__file__).with_name("common_words.json").read_text("utf-8")
    words: dict[str, float] = json.loads(text)
    return words


# The longest match wins; sounds are those that these letters usually have in English names and nouns.
_RULES: tuple[tuple[str, str], ...] = (
    ("tion", "SH AH N"), ("sion", "ZH AH N"), ("ture", "CH ER"), ("ight", "AY T"), ("ough", "AO"), ("augh", "AO"),
    ("eigh", "EY"), ("igh", "AY"), ("tch", "CH"), ("dge", "JH"), ("sch", "SH"), ("eau", "OW"), ("oor", "AO R"),
    ("ear", "IH R"), ("air", "EH R"), ("eer", "IH R"), ("our", "AO R"), ("ch", "CH"), ("sh", "SH"), ("th", "TH"),
    ("ph", "F"), ("wh", "W"), ("ck", "K"), ("ng", "NG"), ("qu", "K W"), ("kn", "N"), ("wr", "R"), ("gh", "G"),
    ("ee", "IY"), ("ea", "IY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"), ("oi", "OY"), ("oy", "OY"), ("ai", "EY"),
    ("ay", "EY"), ("au", "AO"), ("aw", "AO"), ("ie", "IY"), ("ei", "EY"), ("ey", "IY"), ("oa", "OW"), ("ue", "UW"),
    ("ew", "UW"), ("ui", "UW"), ("ar", "AA R"), ("er", "ER"), ("ir", "ER"), ("or", "AO R"), ("ur", "ER"),
    ("bb", "B"), ("cc", "K"), ("dd", "D"), ("ff", "F"), ("gg", "G"), ("ll", "L"), ("mm", "M"), ("nn", "N"),
    ("pp", "P"), ("rr", "R"), ("ss", "S"), ("tt", "T"), ("zz", "Z"), ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"),
    ("e", "EH"), ("f", "F"), ("g", "G"), ("h", "HH"), ("i", "IH"), ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"),
    ("n", "N"), ("o", "AA"), ("p", "P"), ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"), ("u", "AH"), ("v", "V"),
    ("w", "W"), ("x", "K S"), ("y", "IY"), ("z", "Z"),
)  # fmt: skip
_LONG = {"AE": "EY", "EH": "IY", "IH": "AY", "AA": "OW", "AH": "UW"}
_SOFT_C, _SOFT_G = re.compile("c(?=[eiy])"), re.compile("g(?=[eiy])")


def spell_out(word: str) -> str:
    """Return a guess at how a word sounds; `""` where it has no letters to sound.

    Example:
        >>> spell_out("blip")
        'B L IH P'
    """
    letters = re.sub(r"[^a-z]", "", word.lower())
    if not re.search("[aeiouy]", letters):
        return ""
    silent_e = bool(re.search("[aeiouy][^aeiouy]+e$", letters)) and len(letters) > 2
    stem = letters[:-1] if silent_e else letters
    stem = _SOFT_G.sub(
        "j", _SOFT_C.sub("s", stem if not silent_e else stem.removesuffix("c") + "s" * stem.endswith("c"))
    )
    phones: list[str] = []
    index = 0
    while index < len(stem):
        letter, sound = next(rule for rule in _RULES if stem.startswith(rule[0], index))
        phones += sound.split()
        index += len(letter)
    if silent_e:  # "make": the vowel before the last consonant says its name
        for i in range(len(phones) - 1, -1, -1):
            if phones[i] in _LONG:
                phones[i] = _LONG[phones[i]]
                break
    elif stem.endswith("o"):
        phones[-1] = "OW"
    elif stem.endswith("a"):
        phones[-1] = "AH"
    return " ".join(phones)
