"""How words sound: the bundled dictionary, and a simple letter-to-sound rule for those that it does not have.

Owns pronunciations (ARPABET) and the list of common words. Must not know language models. Reads pocketsphinx's files,
not its decoder.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

__all__ = ["common_words", "model_path", "pronunciations", "spell_out"]


@lru_cache(maxsize=1)
def model_path() -> Path:
    """Return the folder of the bundled US English model."""
    import pocketsphinx

    return Path(str(pocketsphinx.get_model_path("en-us")))


@lru_cache(maxsize=1)
def pronunciations() -> dict[str, tuple[str, ...]]:
    """Return the bundled dictionary: a word's pronunciations, the usual one first."""
    found: dict[str, tuple[str, ...]] = {}
    with (model_path() / "cmudict-en-us.dict").open(encoding="utf-8") as lines:
        for line in lines:
            head, _, phones = line.rstrip("\n").partition(" ")
            word = head.partition("(")[0]
            found[word] = (*found.get(word, ()), phones)
    return found


@lru_cache(maxsize=4)
def common_words(n: int) -> dict[str, float]:
    """Return the most frequent words of the bundled general model, with their frequencies."""
    import pocketsphinx

    logmath = pocketsphinx.LogMath()
    model = pocketsphinx.NGramModel(
        pocketsphinx.Config(hmm=None, lm=None, dict=None), logmath, str(model_path() / "en-us.lm.bin")
    )
    scores = {word: model.prob([word]) for word in pronunciations() if re.fullmatch(r"[a-z]+(?:'[a-z]+)?", word)}
    top = sorted(scores, key=lambda word: -scores[word])[:n]
    return {word: logmath.exp(scores[word]) for word in top}


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
