"""Utterances of an experiment from everything that holds some: a folder, a data frame, past turns, degraded recordings.

Owns how these become `Utterance`s with labels of their own. Must not know variants or how an utterance is said.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from realtime_nb.audio.sound_formats import SUFFIXES
from realtime_nb.client.caller import warn_caller
from realtime_nb.client.replay.scenario import Scenario
from realtime_nb.client.utterance import Utterance, as_utterance, relabelled, with_words
from realtime_nb.conversation.turn import Turn
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.frames import is_frame, rows_of
from realtime_nb.lab.perturb import Step
from realtime_nb.lab.perturb import perturb as degraded
from realtime_nb.texts import shortened

Said: TypeAlias = Utterance | Scenario

_COLUMNS = ("text", "path", "samples", "rate", "images", "detail", "label", "said", "synthetic")
_LONGEST_LABEL = 40


def as_utterances(given: Any) -> tuple[Said, ...]:
    """Return everything that is said in an experiment, each with a label of its own.

    Args:
        given: what `ask` takes, an `rt.Scenario`, a folder of sound files (with the words of `a.wav` in `a.txt`, where
            there is such a file), an `rt.Recorder`, a data frame with columns named as the arguments of `rt.Utterance`,
            the turns of a conversation (those of the user are taken), or a list of all these.

    Raises:
        ConfigError: there is none, or a value is none of these. AudioError: a recording holds no speech.
        FileNotFoundError: a file does not exist.
    """
    found = _with_labels(_without_repeats(_each(given, whole=True)))
    if not found:
        raise ConfigError(f"utterances={given!r} holds nothing to say: give at least one text, recording or scenario")
    for said in found:
        for turn in [said] if isinstance(said, Utterance) else [_said(turn) for turn in said.turns]:
            try:
                _ = turn.speech  # found here: a silent recording must not fail in the middle of a sweep
            except AudioError as error:
                raise AudioError(f"the utterance {turn.label!r}: {error}") from error
    return tuple(found)


def perturb(utterances: Any, *degradations: Step | Sequence[Step], seed: int = 0) -> list[Utterance]:
    """Return each recording clean, and once for each degradation; a pair of twins is compared on the same words.

    Args:
        utterances: as for `rt.Lab`; recordings only.
        degradations: a step of `rt.perturbations`, such as `Noise(snr_db=10)`, or several that follow each other, as a
            tuple.
        seed: of the noise; the same seed gives the same samples.

    Raises:
        ConfigError: no degradation, or an utterance that is no recording.

    Example:
        >>> noisy = rt.perturb("questions/", rt.perturbations.Noise(snr_db=10))  # doctest: +SKIP
    """
    if not degradations:
        raise ConfigError("perturb() needs a degradation, such as rt.perturbations.Telephone()")
    steps = [tuple(each) if isinstance(each, (list, tuple)) else (each,) for each in degradations]
    if not all(steps):
        raise ConfigError("a degradation without steps is the clean recording, which is there anyway")
    made: list[Utterance] = []
    for clean in as_utterances(utterances):
        if isinstance(clean, Scenario) or clean.samples is None:
            raise ConfigError(
                f"{clean.label!r} is no recording, and only sound can be degraded: give a recording, or rt.spoken(text)"
            )
        made.append(clean)
        for one in steps:
            sound = degraded(clean.samples, *one, seed=seed, speech=clean.speech)
            made.append(
                Utterance(
                    samples=sound.samples,
                    label=f"{clean.label} ({sound.name})",
                    said=clean.said,
                    synthetic=clean.synthetic,
                    twin=clean.hash,
                    degradation=sound.name,
                    speech_span=sound.speech,
                )
            )
    return made


def _said(turn: Any) -> Utterance:
    return turn if isinstance(turn, Utterance) else turn.utterance


def _each(given: Any, *, whole: bool = False) -> list[Said]:
    """Return the utterances of one value; `whole` where it is all that the user gave."""
    if given is None:
        raise ConfigError("utterances=None: give a text, a recording, a folder, a data frame, or a list of them")
    if isinstance(given, (Utterance, Scenario)):
        return [given]
    if isinstance(given, Turn):
        return [_of_turn(given, 0)]
    if isinstance(given, (str, os.PathLike)):
        if _is_folder(given, whole=whole):
            return _of_folder(Path(given))
        return [_with_words(as_utterance(cast("str", given)))]
    if is_frame(given):
        return _of_frame(given)
    if hasattr(given, "utterances"):  # a recorder
        return [said for each in given.utterances for said in _each(each)]
    if isinstance(given, Mapping):
        raise ConfigError(f"utterances={given!r} is a dict: give a list, or rt.Utterance(..., label=...) for a name")
    if hasattr(given, "__array__") and not _is_column(given):
        return [as_utterance(given)]
    if isinstance(given, (bytes, bytearray, memoryview)) or not isinstance(given, Iterable):
        return [as_utterance(given)]
    items = list(given)
    if items and all(isinstance(item, Turn) for item in items):
        return _of_turns(items)
    if items and all(isinstance(item, (int, float)) for item in items):
        raise ConfigError("utterances= is a list of numbers: make samples of it with numpy.array(..., dtype='int16')")
    return [said for item in items for said in _each(item)]


def _is_column(values: Any) -> bool:
    """Whether an array holds texts or other objects, such as a column of a frame; numbers are samples."""
    return str(getattr(values, "dtype", "")).startswith(("object", "str", "<U", ">U"))


def _is_folder(given: Any, *, whole: bool) -> bool:
    # In a list, a word may be the name of any folder here: only a Path, or a trailing slash, means the folder.
    text = os.fspath(given)
    if isinstance(given, str) and not whole and not text.endswith(("/", os.sep)):
        return False
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):
        return False


def _of_folder(folder: Path) -> list[Said]:
    folder = folder.expanduser()
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise ConfigError(f"the folder {str(folder)!r} holds no sound file ({', '.join(sorted(SUFFIXES))})")
    return [_with_words(Utterance(path=file, label=file.name)) for file in files]


def _with_words(utterance: Utterance) -> Utterance:
    """Return the utterance of a sound file with the words that a text file beside it holds: `a.txt` for `a.wav`."""
    if utterance.path is None:
        return utterance
    words = Path(utterance.path).expanduser().with_suffix(".txt")
    said = words.read_text(encoding="utf-8-sig", errors="replace").strip() if words.is_file() else ""
    return with_words(utterance, said) if said else utterance


def _of_frame(frame: Any) -> list[Said]:
    columns = [str(column) for column in frame.columns]
    unknown = [column for column in columns if column not in _COLUMNS]
    known = [column for column in columns if column in _COLUMNS]
    if unknown or not {"text", "path", "samples"} & set(known):
        what = f"has columns that no utterance has: {', '.join(unknown)}" if unknown else "says nothing"
        raise ConfigError(
            f"the data frame of utterances {what}. It takes {', '.join(_COLUMNS)}; text, path or samples is what is "
            "said. Choose columns with frame[[...]], and rename them with frame.rename(columns=...)."
        )
    found: list[Said] = []
    for number, row in enumerate(rows_of(frame)):
        given = {name: value for name, value in row.items() if not _is_missing(value)}
        if isinstance(given.get("rate"), float) and given["rate"].is_integer():
            given["rate"] = int(given["rate"])  # a column with gaps holds floats
        if "synthetic" in given:
            given["synthetic"] = bool(given["synthetic"])
        try:
            found.append(Utterance(**given))
        except ConfigError as error:
            raise ConfigError(f"row {number} of the data frame of utterances: {error}") from error
    return found


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def _of_turns(turns: Sequence[Turn]) -> list[Said]:
    """Return what the user said in a conversation; of answers only, the answers."""
    own = [turn for turn in turns if turn.role == "user"] or list(turns)
    usable = [turn for turn in own if turn.audio is not None or turn.text.strip() or turn.images]
    if len(usable) < len(own):
        warn_caller(f"{len(own) - len(usable)} of {len(own)} turns have neither sound nor text, and are left out")
    return [_of_turn(turn, number) for number, turn in enumerate(usable, 1)]


def _of_turn(turn: Turn, number: int) -> Utterance:
    text = " ".join(turn.text.split())
    label = shortened(text, _LONGEST_LABEL) or f"turn {number}".strip()
    if turn.audio is not None:
        # Its transcript is what a server heard, not what was said: `said` stays open.
        return Utterance(samples=turn.audio, label=label)
    if not turn.text.strip() and not turn.images:
        raise ConfigError(f"{turn!r} can not be said again: it has neither sound nor text")
    return Utterance(text=turn.text, images=list(turn.images), label=label)


def _with_labels(found: list[Said]) -> list[Said]:
    """Number the labels that stand more than once: a table groups by them."""
    taken = {said.label for said in found}
    first: dict[str | None, Said] = {}
    numbers: Counter[str | None] = Counter()
    labelled: list[Said] = []
    for said in found:
        numbers[said.label] += 1
        if first.setdefault(said.label, said) is said:
            labelled.append(said)
            continue
        if isinstance(said, Scenario):
            raise ConfigError(f"two scenarios are called {said.label!r}: give each a label of its own")
        label = f"{said.label} ({numbers[said.label]})"
        if _is_typed(said) is not _is_typed(first[said.label]):
            label = f"{said.label} (text)" if _is_typed(said) else f"{said.label} (sound)"
        while label in taken:
            numbers[said.label] += 1
            label = f"{said.label} ({numbers[said.label]})"
        taken.add(label)
        labelled.append(relabelled(said, label))
    return labelled


def _is_typed(said: Said) -> bool:
    return isinstance(said, Utterance) and said.text is not None


def _without_repeats(found: list[Said]) -> list[Said]:
    """Leave out what stands twice: an utterance counts once, or its trials would count as more evidence."""
    seen: dict[str, str | None] = {}
    kept: list[Said] = []
    repeats: list[str] = []
    for said in found:
        if isinstance(said, Utterance) and said.hash in seen:
            repeats.append(f"{said.label!r} is {seen[said.hash]!r}")
            continue
        if isinstance(said, Utterance):
            seen[said.hash] = said.label
        kept.append(said)
    if repeats:
        shown = "; ".join(repeats[:3]) + (f"; and {len(repeats) - 3} more" if len(repeats) > 3 else "")
        warn_caller(f"utterances that stand twice are taken once ({shown}): for more trials of each, raise repeats=")
    return kept
