"""What the results card may ask, and the answers.

Owns the table of requests and the checks that all of them share. Must not know widgets: a request is a dict from a
page, of which nothing is trusted, and an answer is a dict with binary buffers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from realtime_nb.errors import RealtimeError
from realtime_nb.redact import redact

from .blind_requests import (
    blind_back,
    blind_options,
    blind_pair,
    blind_question,
    blind_ranking,
    blind_vote,
    blind_words,
)
from .figure_requests import figure, figures
from .pair_requests import pair_sounds, pair_trials, pair_utterances
from .sendable import sendable
from .source import ResultsSource
from .trial_requests import rate, sound, table, trial

Reply: TypeAlias = tuple[dict[str, Any], Sequence[bytes]]
Handler: TypeAlias = Callable[[ResultsSource, Mapping[str, Any]], Reply]

REQUESTS: dict[str, Handler] = {
    "table": table, "trial": trial, "sound": sound, "rate": rate,
    "pair-utterances": pair_utterances, "pair-trials": pair_trials, "pair-sounds": pair_sounds,
    "blind-options": blind_options, "blind-pair": blind_pair, "blind-vote": blind_vote, "blind-back": blind_back,
    "blind-words": blind_words, "blind-question": blind_question, "blind-ranking": blind_ranking,
    "figures": figures, "figure": figure,
}  # fmt: skip
"""By kind, the function that answers; it raises ConfigError for a bad request, and then changes nothing."""

_LONGEST_ID = 64
_LONGEST_REASON = 2_000
_logger = logging.getLogger("realtime_nb")


def answer(results: ResultsSource, message: Any) -> Reply | None:
    """Return the answer to a page's message: `{"kind": "answer"}` or `{"kind": "refused"}`; None for no request.

    Args:
        results: that the card shows.
        message: `{"kind": "ask", "id": text, "request": a kind of REQUESTS, "content": dict}`.
    """
    if not isinstance(message, dict) or message.get("kind") != "ask":
        return None
    ask_id, request, content = (message.get(name) for name in ("id", "request", "content"))
    if not isinstance(ask_id, str) or not 0 < len(ask_id) <= _LONGEST_ID:
        return None
    handler = REQUESTS.get(request) if isinstance(request, str) else None
    if handler is None or not isinstance(content, dict):
        return {"kind": "refused", "id": ask_id, "reason": "the card asked for something this kernel does not have"}, ()
    try:
        found, buffers = handler(results, content)
    except RealtimeError as error:
        return _refused(ask_id, str(error)), ()
    except Exception as error:  # a page must not wait for ever
        _logger.warning("the results card's request %r failed", request, exc_info=True)
        return _refused(ask_id, redact(f"{type(error).__name__}: {error}")), ()
    return sendable({"kind": "answer", "id": ask_id, "content": found}), buffers


def _refused(ask_id: str, reason: str) -> dict[str, Any]:
    """Return a refusal; a reason quotes what a page sent, which may be megabytes."""
    return sendable({"kind": "refused", "id": ask_id, "reason": reason[:_LONGEST_REASON]})
