"""Writes a conversation as self-contained HTML: no script, no network, no kernel.

Owns the saved page. Must not know widgets or events. A transcript is untrusted text: all of it is escaped, and its text
direction is isolated, so that no turn can change the page around it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from realtime_nb.audio import AudioClip
from realtime_nb.conversation import ToolCall, Turn
from realtime_nb.conversation.turn import SPEAKERS
from realtime_nb.recording.no_math import NO_MATH

_STYLE = """
.rtnb-frozen{font:14px/1.5 system-ui,sans-serif;max-width:46em;padding:.5em 1em}
.rtnb-frozen{border:1px solid #8884;border-radius:8px}
.rtnb-frozen article{display:grid;grid-template-columns:5.5em 1fr;gap:.2em .8em;margin:.5em 0}
.rtnb-frozen b{font-weight:600;opacity:.75;text-align:right}
.rtnb-frozen p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}
.rtnb-frozen code,.rtnb-frozen audio,.rtnb-frozen small{grid-column:2}
.rtnb-frozen audio{height:2em;max-width:100%}
.rtnb-frozen small{opacity:.75}
.rtnb-frozen img{grid-column:2;max-width:100%;max-height:20em}
"""


def to_html(turns: Iterable[Turn], *, sound: bool = True) -> str:
    """Returns a `<section>` with every turn: its text (unheard text is struck out), images, tool calls, and a player.

    Args:
        turns: the turns, in order.
        sound: include the audio, which is most of the page's size (64 kB a second).
    """
    shown = "".join(_turn(t, sound=sound) for t in turns)
    return f'<section class="rtnb-frozen {NO_MATH}"><style>{_STYLE}</style>{shown}</section>'


def _turn(turn: Turn, *, sound: bool) -> str:
    parts = [f"<b>{SPEAKERS[turn.role]}</b>", f'<p dir="auto">{_words(turn)}</p>']
    parts += [_picture(uri) for uri in turn.images]
    parts += [_tool_call(call) for call in turn.tool_calls]
    if turn.status in ("interrupted", "failed"):
        parts.append(f"<small>{escape(turn.note or turn.status)}</small>")
    if sound and turn.audio is not None and len(turn.audio.samples):
        parts.append(_player(turn.audio))
    return f'<article aria-label="{SPEAKERS[turn.role]}">{"".join(parts)}</article>'


def _words(turn: Turn) -> str:
    heard = turn.heard_text if turn.status == "interrupted" else turn.text
    unheard = turn.text[len(heard) :]
    return escape(heard) + (f'<s title="never heard">{escape(unheard)}</s>' if unheard else "")


def _picture(uri: str) -> str:
    # A server may name a web address here: the saved page must not fetch it.
    if not uri.startswith(("data:image/png;", "data:image/jpeg;")):
        return "<small>[image]</small>"
    return f'<img alt="image" src="{escape(uri)}">'


def _tool_call(call: ToolCall) -> str:
    output = f" → {call.output}" if call.output is not None else f" ({call.status})"
    return f"<code>{escape(f'{call.name}({call.arguments}){output}')}</code>"


def _player(clip: AudioClip) -> str:
    data = base64.b64encode(clip.wav_bytes()).decode()
    return f'<audio controls preload="none" src="data:audio/wav;base64,{data}"></audio>'
