"""The public values of a conversation: `Turn`, `ToolCall` and `Latency`.

Owns these values and their text forms. Must not know events or how turns are built.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from realtime_nb.audio import RATE_HZ
from realtime_nb.texts import shortened

from .plain_text import in_one_line, indented
from .usage import Usage

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip

Role = Literal["user", "assistant", "system"]
SPEAKERS: dict[Role, str] = {"user": "You", "assistant": "Assistant", "system": "System"}
"""The names of the roles in transcripts and saved pages."""
TurnStatus = Literal["in_progress", "completed", "interrupted", "failed"]
ToolStatus = Literal["in_progress", "running", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, repr=False)
class Latency:
    """Milliseconds between the steps of an answer; None where a step did not happen.

    `total` goes to the first sample heard. Where no page played the answer when it came, or the page waited for a
    gesture, it goes to the first sound received, and `first_audio_to_played` is None.

    For a typed turn, "speech end" is when it was sent, and "committed" when the server acknowledged it. With tool
    calls, "response" is the first response that contributed to the answer.
    """

    speech_end_to_committed: float | None = None
    committed_to_response: float | None = None
    response_to_first_audio: float | None = None
    first_audio_to_played: float | None = None
    total: float | None = None

    def __repr__(self) -> str:
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        shown = ", ".join(f"{name}={value if value is None else round(value, 1)}" for name, value in parts.items())
        return f"Latency({shown})"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function that the model asked for.

    Attributes:
        arguments: JSON text; complete unless the status is `"in_progress"` or `"cancelled"`.
        status: `"in_progress"` while the model writes the arguments and until the call runs, `"running"`,
            `"completed"`, `"failed"`, or `"cancelled"` (its arguments were cut off).
        output: the function's result as a string, or None.
    """

    call_id: str
    name: str
    arguments: str
    status: ToolStatus = "in_progress"
    output: str | None = None

    @property
    def parsed(self) -> dict[str, Any] | None:
        """The arguments as a dict; None if they are no JSON object (yet)."""
        try:
            value = json.loads(self.arguments)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


class TurnSound:
    """The audio of a turn as pieces, joined at first use: building a turn must not copy its audio."""

    __slots__ = ("_clip", "_pieces", "samples")

    def __init__(self, pieces: Sequence[bytes], samples: int) -> None:
        self._pieces = pieces
        self.samples = samples
        self._clip: AudioClip | None = None

    def __reduce__(self) -> tuple[type[TurnSound], tuple[tuple[bytes], int]]:
        # Through the clip: the list of pieces is shared with later revisions, and may have grown.
        return TurnSound, ((self.clip.samples.tobytes(),), self.samples)

    @property
    def clip(self) -> AudioClip:
        """The joined clip, at 24 kHz."""
        if self._clip is None:
            from realtime_nb.audio import AudioClip  # numpy is loaded when audio is first used

            # The list of pieces is shared and grows: what came after this revision was built is cut off.
            self._clip = AudioClip(b"".join(self._pieces)[: 2 * self.samples], RATE_HZ)
            self._pieces = ()
        return self._clip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Turn:
    """One turn of a conversation, as it was known at one revision.

    Turns compare and hash by `(item_id, revision)`: a later event (a late transcript, an interruption, the first
    playback) makes a new revision.

    Attributes:
        text: all that was said or written, including what was never heard.
        heard_text: a prefix of `text`, cut at a word: what had been played when the turn was interrupted,
            estimated from how the transcript arrived with the audio. Equals `text` otherwise.
        status: `"in_progress" "completed" "interrupted"` or `"failed"`.
        started_at: the time of day when it began, in the local time zone; None where it is not known.
        images: the images that came with it, as data URIs.
        text_known: False where no transcript came; an empty transcript is known.
        note: why something is missing or failed, in words for the reader, or None.
    """

    item_id: str
    revision: int
    role: Role
    text: str
    heard_text: str
    status: TurnStatus
    response_id: str | None = None
    started_at: datetime | None = None
    latency: Latency = field(default_factory=Latency)
    usage: Usage | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[str, ...] = ()
    text_known: bool = True
    note: str | None = None
    _sound: TurnSound | None = None

    @property
    def audio(self) -> AudioClip | None:
        """The turn's audio, or None: all that was received of an answer, or the committed input of a user's turn."""
        return self._sound.clip if self._sound is not None else None

    @property
    def audio_ms(self) -> float | None:
        """The length of the audio, found without joining its pieces; None without audio."""
        return self._sound.samples * 1000 / RATE_HZ if self._sound is not None else None

    def __repr__(self) -> str:
        shown = [self.role, self.status, repr(shortened(self.text, 60))]
        if self.heard_text != self.text:
            shown.append(f"heard {len(self.heard_text)} of {len(self.text)} characters")
        if self.images:
            shown.append(f"{len(self.images)} image{'s' * (len(self.images) > 1)}")
        shown += [in_one_line(f"{call.name}({call.arguments})") for call in self.tool_calls]
        if self.audio_ms is not None:
            shown.append(f"{self.audio_ms / 1000:.2f} s")
        if self.note is not None:
            shown.append(in_one_line(self.note))
        return f"Turn({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Turn):
            return NotImplemented
        return (self.item_id, self.revision) == (other.item_id, other.revision)

    def __hash__(self) -> int:
        return hash((self.item_id, self.revision))


def as_text(turns: Iterable[Turn]) -> str:
    """Returns a transcript with one line for each turn; further lines of a turn are indented."""
    return "\n".join(f"{SPEAKERS[turn.role]}: {indented(shown_text(turn))}" for turn in turns)


def shown_text(turn: Turn) -> str:
    """Returns a turn's text, with `[image]` for each of its images."""
    return " ".join([*([turn.text] if turn.text else []), *("[image]" for _ in turn.images)])
