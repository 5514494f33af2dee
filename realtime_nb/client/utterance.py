"""`Utterance`: one user turn to say, typed or as sound.

Owns the checks of an utterance, and how the shorthands of `ask` (text, a path, an array) become one. Must not know
sockets or events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import ConfigError
from realtime_nb.images import data_uris
from realtime_nb.wire.realtime.validate import refuse_half_character

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Samples: TypeAlias = "npt.NDArray[np.int16]"


@dataclass(frozen=True, eq=False)
class Utterance:
    """One user turn to say: exactly one of `text`, `samples` (int16, 24 kHz, mono) and `path` (a WAV file).

    Text may come with pictures: `rt.Utterance("What is this?", images=[figure])`.

    Attributes:
        text: typed words.
        samples: sound at 24 kHz.
        path: a WAV file of any rate; read when the utterance is made, so that a missing one fails here.
        images: pictures as `rt.user_message` accepts them; read when the utterance is made, and kept as data URIs.
        detail: how closely the model looks at them: `"auto"`, `"low"` or `"high"`.
        label: its name in tables and logs; made from the rest when it is not given.
    """

    text: str | None = None
    _: KW_ONLY
    samples: Samples | None = field(default=None, repr=False)
    path: str | Path | None = None
    images: Sequence[Any] = field(default=(), repr=False)
    detail: Literal["auto", "low", "high"] = "auto"
    label: str | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("text", "samples", "path") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigError(
                f"an Utterance takes exactly one of text=, samples= and path=, not {' and '.join(given) or 'none'}"
            )
        if self.images and self.text is None:
            raise ConfigError("images need text=: an utterance with images is typed")
        object.__setattr__(self, "images", data_uris(self.images, self.detail))
        if self.text is not None and not self.text.strip() and not self.images:
            raise ConfigError(f"text={self.text!r} has nothing to say")
        if self.text is not None:
            refuse_half_character("the text", self.text)
        if self.samples is not None:
            from realtime_nb.audio import as_pcm16  # imports numpy, which a typed conversation never needs

            object.__setattr__(self, "samples", as_pcm16(self.samples))
        if self.path is not None:
            from realtime_nb.audio import load_24k

            # `load_24k` raises the built-in FileNotFoundError, as a user of files expects.
            object.__setattr__(self, "samples", load_24k(Path(self.path)))
        if self.label is None:
            object.__setattr__(self, "label", self._default_label())

    def _default_label(self) -> str:
        if self.text is not None:
            text = self.text or "a picture"
            return text if len(text) <= 40 else text[:39] + "…"
        if self.path is not None:
            return Path(self.path).name
        return f"{len(self.sound) / RATE_HZ:.1f} s of sound"

    @property
    def sound(self) -> Samples:
        """The samples; empty for a typed utterance."""
        import numpy as np

        return self.samples if self.samples is not None else np.empty(0, np.int16)


Askable: TypeAlias = "str | Path | Samples | bytes | Utterance"


def as_utterance(x: Askable) -> Utterance:
    """Return the argument of `ask` as an `Utterance`.

    A string is text, unless it ends in `.wav` and has no spaces: then it names a file, as a `Path` does, which must
    exist.
    """
    if isinstance(x, Utterance):
        return x
    if isinstance(x, Path) or (isinstance(x, str) and x.lower().endswith(".wav") and not any(c.isspace() for c in x)):
        return Utterance(path=x)
    if isinstance(x, str):
        return Utterance(text=x)
    from realtime_nb.audio import as_pcm16

    return Utterance(samples=as_pcm16(x))
