"""`Retake`: one answer to a user turn that was asked again, and `Retakes`: several of them side by side.

Owns these values and how a notebook shows them. Must not know sessions, pages or how a turn is asked again.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation import Latency, ToolCall, Turn, Usage
from realtime_nb.recording.no_math import NO_MATH
from realtime_nb.texts import shortened

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip


@dataclass(frozen=True, eq=False, repr=False)
class Retake:
    """One answer to a user turn that was asked again, in a session of its own.

    Attributes:
        name: what the settings are called.
        settings: those that differ from the conversation's.
        utterance: what was said, as a recording or typed.
        heard: the transcript of the user's speech, as this session's server heard it; empty for a typed turn.
        turns: all that this session added: the user's turn, and answers. A server that ends a turn too early answers
            more than once.
        turn: the answer; None where there is none. Its latencies are counted from the end of speech in the recording,
            or from when the typed text was sent, to the first sound received.
        usage: of the whole session.
        error: why it has no whole answer, or None.
    """

    name: str
    settings: Mapping[str, Any]
    utterance: Utterance
    heard: str = ""
    turns: tuple[Turn, ...] = ()
    turn: Turn | None = None
    usage: Usage = field(default_factory=Usage)
    error: str | None = None

    @property
    def text(self) -> str:
        """The answer's words; empty where there is none."""
        return self.turn.text if self.turn is not None else ""

    @property
    def audio(self) -> AudioClip | None:
        """The answer's sound, or None."""
        return self.turn.audio if self.turn is not None else None

    @property
    def latency(self) -> Latency:
        """Of the answer, in milliseconds."""
        return self.turn.latency if self.turn is not None else Latency()

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that led to the answer."""
        return self.turn.tool_calls if self.turn is not None else ()

    @property
    def cost_usd(self) -> float | None:
        """What the session cost, in US dollars; None where a price is not known."""
        return self.usage.cost_usd

    def __repr__(self) -> str:
        return f"Retake({', '.join([repr(self.name), *self._facts()])})"

    def _facts(self) -> list[str]:
        shown = [repr(shortened(self.text, 60))] if self.text else []
        shown += [f"{self.latency.total:.0f} ms to first sound"] if self.latency.total is not None else []
        if self.turn is not None and self.turn.audio_ms is not None:
            shown.append(f"{self.turn.audio_ms / 1000:.1f} s")
        shown += [f"${self.cost_usd:.4f}"] if self.cost_usd else []
        shown += [f"error: {self.error}"] if self.error is not None else []
        return shown

    def _repr_html_(self) -> str:
        return Retakes([self])._repr_html_()


class Retakes(tuple[Retake, ...]):
    """Answers to the same user turn under different settings, in the order in which they were asked for."""

    def __new__(cls, retakes: Iterable[Retake]) -> Retakes:
        """Return the retakes as a tuple."""
        return super().__new__(cls, retakes)

    def __repr__(self) -> str:
        return f"Retakes({', '.join(map(repr, self))})"

    def _repr_html_(self) -> str:
        """A table with a column for each retake: settings, answer, player, latencies and cost."""
        rows = [
            ("", [f"<strong>{html.escape(each.name)}</strong>" for each in self]),
            ("heard", [html.escape(each.heard) for each in self]),
            ("answer", [_answer_html(each) for each in self]),
            ("", [_player(each) for each in self]),
            ("to first sound", [_ms(each.latency.total) for each in self]),
            ("turn detection", [_ms(each.latency.speech_end_to_committed) for each in self]),
            ("cost", [f"${each.cost_usd:.4f}" if each.cost_usd else "" for each in self]),
        ]
        shown = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            + "".join(f"<td style='text-align:left;vertical-align:top' dir='auto'>{cell}</td>" for cell in cells)
            + "</tr>"
            for name, cells in rows
            if any(cells)
        )
        return f"<table class='{NO_MATH}'>{shown}</table>"


def _answer_html(retake: Retake) -> str:
    calls = [f"<code>{html.escape(f'{call.name}({call.arguments})')}</code>" for call in retake.tool_calls]
    error = [f"<em>{html.escape(retake.error)}</em>"] if retake.error is not None else []
    return "<br>".join([*calls, *([html.escape(retake.text)] if retake.text else []), *error])


def _player(retake: Retake) -> str:
    return retake.audio._repr_mimebundle_()[0]["text/html"] if retake.audio is not None else ""


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"
