"""Read the strings that choose a recogniser (`stt`) and a synthesiser (`tts`), such as `"whisper:base.en"`.

Owns the spellings, and the check that a chosen extra is installed and a chosen folder or file exists. Must not know how
a part works: nothing is loaded here.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from realtime_nb.errors import ConfigError

WHISPER_MODELS = {
    **{
        name: f"Systran/faster-whisper-{name}"
        for name in (
            *("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
            *("large-v1", "large-v2", "large-v3"),
        )
    },
    "large": "Systran/faster-whisper-large-v3",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
}
"""The names of `whisper:NAME`, each with the repository that holds the model (docs of faster-whisper)."""

_WHISPER_FILES = ("model.bin", "config.json")
_STT_KINDS = ("auto", "commands", "whisper:base.en", "http://HOST/v1")
_TTS_KINDS = ("auto", "espeak", "piper:en_US-joe-medium", "http://HOST/v1")


@dataclass(frozen=True, slots=True)
class PartSpec:
    """A chosen recogniser or synthesiser.

    Attributes:
        kind: `"auto"`, `"commands"`, `"whisper"`, `"espeak"`, `"piper"` or `"http"`.
        value: a model's name or path, or a URL without the options after `#`; `""` where the kind needs none.
        model: the `model=` after a URL's `#`, or None.
        voice: the `voice=` after a URL's `#`, or None.
    """

    kind: str
    value: str = ""
    model: str | None = None
    voice: str | None = None

    @property
    def host(self) -> str:
        """The host and port of a URL, `""` for the other kinds."""
        return urlsplit(self.value).netloc if self.kind == "http" else ""

    @property
    def hostname(self) -> str:
        """The host of a URL, `""` for the other kinds."""
        return (urlsplit(self.value).hostname or "") if self.kind == "http" else ""

    @property
    def short_name(self) -> str:
        """The part's name on the card, such as `"whisper base.en"`."""
        if self.kind == "http":
            return self.model or self.host
        if self.kind == "piper":
            return f"piper {piper_short_name(self.value)}"
        return f"{self.kind} {_last_name(self.value)}".strip()


def recognizer_spec(text: str) -> PartSpec:
    """Return what `stt` chooses.

    Raises:
        ConfigError: an unknown spelling, a missing extra, or a folder without a model; with the next step.
    """
    kind, _, value = text.partition(":")
    if text in ("auto", "commands"):
        return PartSpec(text)
    if kind in ("http", "https"):
        return _url("stt", text, {"model"})
    if kind == "whisper":
        return _whisper(value)
    raise _unknown("stt", text, _STT_KINDS)


def synthesizer_spec(text: str) -> PartSpec:
    """Return what `tts` chooses.

    Raises:
        ConfigError: an unknown spelling, a missing extra, or a file that is not a Piper voice; with the next step.
    """
    kind, _, value = text.partition(":")
    if text in ("auto", "espeak"):
        if text == "espeak":
            _need("tts", text, "espeakng_loader", "local")
        return PartSpec(text)
    if kind in ("http", "https"):
        return _url("tts", text, {"model", "voice"})
    if kind == "piper":
        return _piper(value)
    raise _unknown("tts", text, _TTS_KINDS)


def installed(*packages: str) -> bool:
    """Return whether all of these packages can be imported."""
    return all(importlib.util.find_spec(package) for package in packages)


def piper_short_name(value: str) -> str:
    """Return a voice's own name: `"joe"` of `"en_US-joe-medium"` or of a path that ends in this name."""
    name = _last_name(value).removesuffix(".onnx")
    parts = name.split("-")
    return parts[1] if len(parts) == 3 else name


def is_path(value: str) -> bool:
    """Return whether a model is given as a path and not as a name."""
    return value.startswith(("~", ".")) or "/" in value or "\\" in value or (value != "" and Path(value).exists())


def _whisper(value: str) -> PartSpec:
    text = f"whisper:{value}"
    _need("stt", text, "faster_whisper", "whisper")
    if value in WHISPER_MODELS:
        return PartSpec("whisper", value)
    if not is_path(value):
        near = difflib.get_close_matches(value, WHISPER_MODELS, 1, 0.5)
        hint = f" Did you mean 'whisper:{near[0]}'?" if near else ""
        raise ConfigError(
            f"stt={text!r}: no Whisper model has this name.{hint} Names: {', '.join(WHISPER_MODELS)}; "
            "or give a folder with a faster-whisper model."
        )
    folder = Path(value).expanduser()
    missing = [name for name in _WHISPER_FILES if not (folder / name).is_file()]
    if missing:
        why = f"the folder has no {missing[0]}" if folder.is_dir() else "there is no such folder"
        raise ConfigError(
            f"stt={text!r}: {why}. A faster-whisper model is a folder with model.bin, config.json, tokenizer.json "
            "and a vocabulary."
        )
    return PartSpec("whisper", str(folder))


def _piper(value: str) -> PartSpec:
    text = f"piper:{value}"
    _need("tts", text, "onnxruntime", "piper")
    _need("tts", text, "espeakng_loader", "piper")
    if not is_path(value) and not value.endswith(".onnx"):
        if value.count("-") != 2 or "_" not in value.partition("-")[0]:
            raise ConfigError(
                f"tts={text!r}: the name of a Piper voice is LANGUAGE-NAME-QUALITY, such as "
                "'piper:en_US-joe-medium' (all: https://huggingface.co/rhasspy/piper-voices); or give an .onnx file."
            )
        return PartSpec("piper", value)
    path = Path(value).expanduser()
    if not path.is_file():
        raise ConfigError(f"tts={text!r}: there is no such file. A Piper voice is an .onnx file with its .onnx.json.")
    if path.suffix != ".onnx":
        raise ConfigError(f"tts={text!r}: a Piper voice is an .onnx file, and this is a {path.suffix or 'file'}.")
    config = path.with_name(path.name + ".json")
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigError(f"tts={text!r}: {config.name} is missing beside it; it comes with the voice.") from None
    except ValueError as error:
        raise ConfigError(f"tts={text!r}: {config.name} is not JSON ({error}).") from None
    if not isinstance(settings, dict) or "phoneme_id_map" not in settings:
        raise ConfigError(f"tts={text!r}: {config.name} has no phoneme_id_map: it does not describe a Piper voice.")
    return PartSpec("piper", str(path))


def _url(setting: str, text: str, options: set[str]) -> PartSpec:
    base, _, fragment = text.partition("#")
    key = f"{setting}_key"
    try:
        url = urlsplit(base)
        _ = url.port
    except ValueError as error:
        raise ConfigError(f"{setting}={_shown(base)!r}: not a URL ({error}).") from None
    if "@" in url.netloc:
        raise ConfigError(f"{setting}=: a URL holds no user and no password here: give the key as {key}=.")
    if not url.hostname:
        raise ConfigError(f"{setting}={base!r}: a URL names a host, such as http://localhost:8000/v1.")
    if url.query:
        raise ConfigError(f"{setting}={_shown(base)!r}: a URL has no query here: the key goes to {key}=.")
    given = dict(parse_qsl(fragment, keep_blank_values=True))
    if fragment and (not given or not set(given) <= options or not all(given.values())):
        example = "&".join(f"{name}=NAME" for name in sorted(options))
        raise ConfigError(f"{setting}={text!r}: after '#' stands {example}, such as {base}#model=NAME.")
    return PartSpec("http", base.rstrip("/"), given.get("model"), given.get("voice"))


def _shown(url: str) -> str:
    """Return a URL without the parts that could hold a key."""
    return url.partition("?")[0].rpartition("@")[2]


def _need(setting: str, text: str, package: str, extra: str) -> None:
    if not installed(package):
        raise ConfigError(
            f"{setting}={text!r} needs the package {package}: pip install 'realtime-nb[{extra}]', then restart."
        )


def _unknown(setting: str, text: str, kinds: tuple[str, ...]) -> ConfigError:
    names = [kind.partition(":")[0] for kind in kinds]
    near = difflib.get_close_matches(text.partition(":")[0], names, 1, 0.5)
    hint = f" Did you mean {kinds[names.index(near[0])]!r}?" if near else ""
    return ConfigError(f"{setting}={text!r} is none of {', '.join(map(repr, kinds))}.{hint}")


def _last_name(value: str) -> str:
    return value.replace("\\", "/").rstrip("/").rpartition("/")[2]
