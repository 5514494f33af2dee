"""The figure of one recording, and of what each variant made of it: detected speech and answers on one axis of time.

Owns what it looks like. Must not know how the times are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_nb.lab.results.timeline import TimelineLine
from realtime_nb.lab.results.words import number_words

from .ink import CLEAR, QUIET, SERIES, TEXT
from .shown_figure import WIDTH_PX, bare, short_name, shown_figure

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip
    from realtime_nb.audio.speech_span import SpeechSpan

    from .shown_figure import ShownFigure

_ANSWER = SERIES[1]
_LINE_PX, _WAVE_PX, _REST_PX = 34, 96, 96
_AFTER_MS = 3_500  # an answer that begins later after the recording is named, and does not squeeze the rest
_NARROW_PX = 560
_DASHES = (0, (4, 3))
_TICK: dict[str, Any] = {"marker": "|", "markersize": 11, "markeredgecolor": TEXT, "markeredgewidth": 1.6}
_CROSS: dict[str, Any] = {"marker": "x", "markersize": 6, "markeredgecolor": TEXT, "markeredgewidth": 1.6}


def timeline_figure(
    utterance: str, clip: AudioClip | None, speech: SpeechSpan | None, lines: Sequence[TimelineLine], *,
    width_px: int = WIDTH_PX,
) -> ShownFigure:  # fmt: skip
    """Return a figure: the recording above, and below it a line for each variant.

    Args:
        utterance: its label.
        clip: the recording; None: it was not kept, and is not drawn.
        speech: where in it the speech is; its end is drawn as a line.
        lines: in the order in which they are drawn.
        width_px: of the figure, in CSS pixels.
    """
    line_px = _LINE_PX + 14 * (width_px < _NARROW_PX)  # names have two lines there
    return shown_figure(
        lambda figure: _draw(figure, clip, speech, lines, width_px),
        title=f"what each variant made of “{utterance}”",
        alt=_alt(utterance, lines),
        height_px=_REST_PX + line_px * len(lines) + (0 if clip is None else _WAVE_PX),
        width_px=width_px,
        numbers=[row for line in lines for row in line.numbers()],
    )


def _alt(utterance: str, lines: Sequence[TimelineLine]) -> str:
    return f"The recording {utterance!r} beside what each variant made of it. " + " ".join(map(_words, lines))


def _words(line: TimelineLine) -> str:
    counts = ((line.cut_offs, "cut-off"), (line.false_starts, "false start"))
    stretches = [
        f"{'?' if start is None else number_words(start)} to {'?' if end is None else number_words(end)} ms"
        for start, end in line.detected_ms
    ]
    said = [
        f"speech detected from {' and from '.join(stretches)}"
        if stretches
        else "turn detection is off"
        if line.by_hand
        else "no speech detected"
    ]
    said += [f"{number} {name}{'s' * (number > 1)}" for number, name in counts if number]
    if line.wait_ms is not None:
        said.append(f"the turn ended {number_words(line.wait_ms)} ms after the end of speech")
    said += [
        f"{'an interrupted' if each.cut else 'an'} answer from {number_words(each.start_ms)} to "
        f"{number_words(each.end_ms)} ms"
        for each in line.answers
    ]
    if line.missed:
        said.append("the turn got no answer")
    elif line.failed:
        said.append("the answer failed")
    return f"{line.name}: {', '.join(said)}."


def _draw(
    figure: Any, clip: AudioClip | None, speech: SpeechSpan | None, lines: Sequence[TimelineLine], width_px: int
) -> None:
    left, right = _window(clip, speech, lines, narrow=width_px < _NARROW_PX)
    if clip is None:
        axes = figure.subplots()
    else:
        wave, axes = figure.subplots(2, sharex=True, height_ratios=(_WAVE_PX, _LINE_PX * len(lines)))
        _draw_wave(wave, clip, width_px)
        bare(wave)
        wave.tick_params(bottom=False, labelbottom=False)
        wave.spines["bottom"].set_visible(False)
    for each in figure.axes:
        if speech is not None:
            each.axvline(speech.end_ms / 1000, color=QUIET, linewidth=1, linestyle=_DASHES, zorder=1)
    for place, line in enumerate(lines):
        _draw_line(axes, place, line, left, right)
    columns = 14 if width_px < _NARROW_PX else 26
    axes.set_yticks(range(len(lines)), [short_name(line.name, columns) for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlim(left / 1000, right / 1000)
    axes.set_xlabel("seconds of the recording")
    bare(axes)
    _draw_key(figure, lines, _late(left, right))


def _draw_wave(axes: Any, clip: AudioClip, width_px: int) -> None:
    bins = max(50, width_px // 2)
    edges = np.linspace(0, clip.samples.size, bins + 1).astype(int)
    edges = np.unique(edges)
    low, high = (find.reduceat(clip.samples, edges[:-1]) for find in (np.minimum, np.maximum))
    middle = (edges[:-1] + edges[1:]) / 2 / clip.rate
    axes.fill_between(middle, low, high, color=QUIET, linewidth=0.4, zorder=2)
    axes.set_yticks([])
    reach = max(1, int(np.abs(clip.samples.astype(np.int32)).max()))
    axes.set_ylim(-1.1 * reach, 1.1 * reach)


def _draw_line(axes: Any, place: int, line: TimelineLine, left: float, right: float) -> None:
    for start, end in line.detected_ms:
        begin, finish = left if start is None else start, right if end is None else end
        axes.barh(place - 0.16, (finish - begin) / 1000, 0.3, begin / 1000, color=CLEAR, zorder=3)
        if end is not None:  # where the server ended the turn: the next stretch may begin at the same place
            axes.plot([end / 1000] * 2, [place - 0.38, place + 0.06], color=TEXT, linewidth=1.6, zorder=5)
    late = _late(left, right)
    for each in line.answers:
        if each.start_ms < late:
            finish = min(each.end_ms, right)
            axes.barh(place + 0.2, (finish - each.start_ms) / 1000, 0.3, each.start_ms / 1000, color=_ANSWER, zorder=3)
            if each.cut:
                axes.plot([finish / 1000], [place + 0.2], zorder=6, **_CROSS)
    if line.by_hand:
        _write(axes, place - 0.16, "turn detection is off", at_end=False)
    elif not line.detected_ms:
        _write(axes, place - 0.16, "no speech detected", at_end=False)
    elif line.missed:
        _write(axes, place + 0.26, "no answer to the whole turn", at_end=True)
    if line.failed and not line.missed:
        _write(axes, place + 0.26, "the answer failed", at_end=True)
    elif line.answers and line.answers[-1].start_ms >= late:
        _write(axes, place + 0.26, f"answer at {line.answers[-1].start_ms / 1000:.1f} s", at_end=True)


def _write(axes: Any, height: float, words: str, *, at_end: bool) -> None:
    axes.text(
        0.995 if at_end else 0.005, height, words, transform=axes.get_yaxis_transform(),
        ha="right" if at_end else "left", va="center", fontsize=8.5, color=QUIET, zorder=6,
    )  # fmt: skip


def _draw_key(figure: Any, lines: Sequence[TimelineLine], late: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    key: list[Any] = [Line2D([], [], color=QUIET, linewidth=1, linestyle=_DASHES, label="end of speech")]
    key += [
        Patch(color=CLEAR, label="detected as speech"),
        Line2D([], [], linestyle="none", label="end of a turn", **_TICK),
    ]
    drawn = [each for line in lines for each in line.answers if each.start_ms < late]
    if drawn:
        key.append(Patch(color=_ANSWER, label="answer"))
    if any(each.cut for each in drawn):
        key.append(Line2D([], [], linestyle="none", label="interrupted", **_CROSS))
    figure.legend(handles=key, loc="outside lower left", ncols=2 if _narrow(figure) else 5, frameon=False, fontsize=9,
                  labelcolor=TEXT, handlelength=1.6, columnspacing=1.4)  # fmt: skip


def _narrow(figure: Any) -> bool:
    return bool(figure.get_size_inches()[0] * 96 < _NARROW_PX)


def _window(
    clip: AudioClip | None, speech: SpeechSpan | None, lines: Sequence[TimelineLine], *, narrow: bool
) -> tuple[float, float]:
    """Return the first and the last millisecond that are drawn."""
    starts = [start for line in lines for start, _ in line.detected_ms if start is not None]
    ends = [end for line in lines for _, end in line.detected_ms if end is not None]
    over = max([0.0 if clip is None else clip.duration_ms, 0.0 if speech is None else speech.end_ms, *ends])
    heard = [each.end_ms for line in lines for each in line.answers if each.start_ms < over + _AFTER_MS]
    left, right = min([0.0, *starts]) - 60, min(max([over, *heard]), over + _AFTER_MS) + 60
    late = _late(left, right)
    if any(line.missed or line.failed or (line.answers and line.answers[-1].start_ms >= late) for line in lines):
        right += (right - left) * (0.7 if narrow else 0.28)  # room for words at the end of a line
    return left, right


def _late(left: float, right: float) -> float:
    """Return from when on an answer is named and not drawn: less than its beginning could be seen."""
    return right - 0.05 * (right - left)
