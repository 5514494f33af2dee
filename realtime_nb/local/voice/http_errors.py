"""The errors of a recogniser or a voice behind a URL, as one sentence with the URL, the cause and the next step.

Owns the words. Must not know the requests. A key never stands in them: it is in no URL, and bodies are cut and cleaned.
"""

from __future__ import annotations

import httpx

from realtime_nb.local.voice.reply import ReplyError
from realtime_nb.redact import redact

_BODY_CHARS = 200


class SpeechServerError(ReplyError):
    """A server for recognition or speech gave no usable answer; the response fails, and the session goes on."""


def unreachable(what: str, url: str, error: Exception) -> SpeechServerError:
    """Return the error for a request without an answer."""
    if isinstance(error, httpx.ConnectError):
        why = "nothing answers at this address: start the server, or correct the URL"
    elif isinstance(error, httpx.TimeoutException):
        why = "no answer came in time: the server is busy or still loading its model"
    else:
        why = f"the connection broke ({type(error).__name__}: {error})"
    return SpeechServerError(f"{what} at {url}: {why}.")


def refused(what: str, url: str, status: int, body: str, *, setting: str, has_key: bool) -> SpeechServerError:
    """Return the error for an answer with an error status."""
    if 300 <= status < 400:
        step = f"it redirects elsewhere, where no request goes: give the final URL as {setting}="
    elif status in (401, 403):
        key = f"{setting}_key"
        step = f"the server refuses the {key}" if has_key else f"the server wants a key: give {key}="
    elif status in (404, 405):
        step = f"it has no such address or model: {setting}= is the URL up to /v1, and '#model=NAME' names the model"
    elif status == 429:
        step = "too many requests, or the quota is used up"
    else:
        step = "see the server's log"
    said = " ".join(redact(body).split())[:_BODY_CHARS]
    return SpeechServerError(f"{what} at {url}: HTTP {status}; {step}." + (f" It says: {said}" if said else ""))


def unreadable(what: str, url: str, why: str) -> SpeechServerError:
    """Return the error for an answer that cannot be used."""
    return SpeechServerError(f"{what} at {url}: {why}.")
