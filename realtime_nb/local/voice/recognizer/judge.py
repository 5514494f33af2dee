"""Decide how likely the recognised words are the words that were said.

Owns the decision. Must not know pocketsphinx. A command model always finds *some* words in any speech. Two signs reveal
wrong ones: a loop of phones, which may follow the sound freely, fits it much better; and the sequence of words is an
unlikely sentence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Fitted by logistic regression to 60 sentences to be understood and 60 not, in six synthetic voices, clean and at 15
# dB; the bias then to 40 and 40 others in eight voices, for 2.5 % of the unexpected sentences above 0.5 (and 89 %
# clean, 81 % noisy, of the others). tests/corpus measures it on other sentences in other voices.
_PER_MARGIN = 0.6  # of (commands - phones) a frame, in the decoder's log units
_PER_FLUENCY = 2.0  # of the mean log10 probability of a word
_BIAS = 8.4  # 8.8 with the larger repertoire of before: fewer sentences make each more fluent


@dataclass(frozen=True, slots=True)
class Evidence:
    """The results of the searches in one utterance.

    Attributes:
        words: the words, without silences and fillers.
        frames: the length of the utterance, 10 ms each.
        phones: how many speech sounds the loop of phones found.
        agreed: whether every reading of the sound found words.
        command_score: of the words, acoustic and language model together, in the decoder's log units.
        phone_score: of the best path through a loop of phones.
        fluency: the mean log10 probability of a word, by the language model alone.
    """

    words: tuple[str, ...]
    frames: int
    phones: int
    agreed: bool
    command_score: float
    phone_score: float
    fluency: float


def judge(evidence: Evidence) -> float:
    """Return a confidence from 0 to 1; from 0.5 on the words can be acted upon."""
    # Noise and clicks pass for the shortest words, but for one reading only and with no phone in them.
    if not evidence.words or not evidence.phones or not evidence.agreed:
        return 0.0
    margin = (evidence.command_score - evidence.phone_score) / evidence.frames
    logit = _PER_MARGIN * margin + _PER_FLUENCY * evidence.fluency + _BIAS
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
