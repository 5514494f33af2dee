"""The errors of a chat server as `ReplyError`s: the URL, the cause and the next step.

Owns the words. Must not know how requests are made. No message holds a key: URLs are shown without user, password and
query, and a server's own words are redacted, since servers repeat keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from realtime_nb.local.voice.reply import ReplyError
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import redact, safe_url

_MOST_CHARS = 300
_MOST_NAMES = 12

_TOOLS = re.compile(
    r"not support (?:tool|function)"
    r"|tools? (?:use |calling |call |param )?(?:is|are) not (?:supported|enabled|available)"
    r"|tools? param requires|enable-auto-tool-choice|tool[- ]call-parser|no endpoints found that support tool",
    re.IGNORECASE,
)
_IMAGES = re.compile(
    r"image|vision|multi-?modal|mmproj|content (?:must be|should be) a (?:valid )?string|content type", re.IGNORECASE
)
_CONTEXT = re.compile(
    r"context[_ ](?:length|window|size)|exceed_context_size|maximum (?:context|prompt|sequence) length"
    r"|(?:prompt|input)s? (?:is |are |has |were )?too long|too many tokens|n_ctx|max_model_len|reduce the length",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"model.{0,120}?(?:not found|not exist|n't exist|not loaded|not available|is unknown)"
    r"|(?:unknown|no such|invalid|no) model\b|model_not_found",
    re.IGNORECASE | re.DOTALL,
)
_KEY = re.compile(r"api[ _-]?key", re.IGNORECASE)
_QUOTA = re.compile(r"quota|billing|credit|balance", re.IGNORECASE)
_CODE = re.compile(r"[\w.\-]{1,64}")
_LOADING = re.compile(r"loading", re.IGNORECASE)
_LIMIT = re.compile(
    r"context (?:length|window|size) (?:is|of)(?: only)? (\d{3,})|(\d{3,}) tokens? (?:context|maximum)"
    r"|(?:maximum|n_ctx|max_model_len)\D{1,40}?(\d{3,})",
    re.IGNORECASE,
)


def said_by(body: str) -> str:
    """Return the message of an error body in any of the usual forms, or the beginning of another text."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _short(body)
    return _short(_message(value) or body)


def _message(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        for key in ("error", "message", "detail", "msg", "error_message"):
            if (text := _message(value.get(key))) != "":
                return text
    if isinstance(value, list):
        return "; ".join(text for each in value if (text := _message(each)))
    return ""


def context_limit(body: str) -> int | None:
    """Return the size of the context that a refusal names, in tokens."""
    try:
        error = json.loads(body).get("error")
        limit = error.get("n_ctx") if isinstance(error, Mapping) else None
    except (ValueError, AttributeError, RecursionError):
        limit = None
    if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
        return limit
    match = _LIMIT.search(said_by(body))
    return int(next(filter(None, match.groups()))) if match is not None else None


def is_overflow(status: int, body: str) -> bool:
    """Whether a refusal says that the prompt is longer than the model's context."""
    return status in (400, 413, 422, 500) and _CONTEXT.search(body) is not None


def is_loading(status: int, body: str) -> bool:
    """Whether a server says that it still loads the model (llama.cpp)."""
    return status == 503 and _LOADING.search(body) is not None


def is_absent_model(status: int, body: str) -> bool:
    """Whether a refusal says that the server has no such model."""
    return status in (400, 404, 422) and _ABSENT.search(body) is not None


def refuses_images(status: int, body: str, sent: Mapping[str, Any]) -> bool:
    """Whether a request had pictures, and was refused because of them."""
    contents = [message["content"] for message in sent.get("messages", ()) if isinstance(message.get("content"), list)]
    has_images = any(part.get("type") == "image_url" for parts in contents for part in parts)
    return has_images and status in (400, 415, 422, 500) and _IMAGES.search(body) is not None


class ChatErrors:
    """Makes the errors about one server.

    Args:
        url: the user's `chat_url`.
        model: the user's `chat_model`.
        has_key: whether a key was given.
    """

    def __init__(self, url: str, model: str, *, has_key: bool) -> None:
        self._url = safe_url(url)
        self._model = model
        self._has_key = has_key
        self._local = is_loopback(urlsplit(url).hostname or "")

    # -- no answer

    def not_reachable(self, why: str) -> ReplyError:
        """No connection was made."""
        then = (
            "Start the server (for example: ollama serve), or correct chat_url"
            if self._local
            else "Check the address, the network and the proxy"
        )
        return _error(f"The chat server {self._url} cannot be reached: {why}. {then}.", "connection_failed")

    def slow_first_token(self, seconds: float) -> ReplyError:
        """The server took the request, and nothing followed."""
        return _error(
            f"{self._model} at {self._url} sent no first word within {seconds:.0f} s. It may still be loading, or be "
            "too large for this machine: try again, or choose a smaller model.",
            "first_token_timeout",
        )

    def stalled(self, seconds: float) -> ReplyError:
        """The stream began, and stopped without an end."""
        return _error(
            f"{self._model} at {self._url} stopped in the middle of its answer: nothing came for {seconds:.0f} s. "
            "Ask again; if it happens again, look at the server's log.",
            "stream_stalled",
        )

    def broke_off(self, why: str) -> ReplyError:
        """The connection ended before the answer did."""
        return _error(
            f"The answer of {self._model} broke off: {self._url} closed the connection before the end"
            f"{f' ({_short(why)})' if why else ''}. Ask again; if it happens again, look at the server's log.",
            "stream_broken",
        )

    def cut_short(self) -> ReplyError:
        """The server ended the stream, and did not say that the answer is complete, as it does for others."""
        return _error(
            f"The answer of {self._model} broke off: {self._url} stopped before the end. A server that makes way for "
            "the next request does so: let it finish one first (llama_cpp.server: --interrupt_requests False), or ask "
            "one question at a time (in the lab, concurrency=1).",
            "stream_broken",
        )

    def sent(self, error: Any) -> ReplyError:
        """The stream held an error instead of a delta."""
        body = json.dumps(error)
        if is_overflow(400, body):
            return self.overflow(body)
        return _error(
            f"The answer of {self._model} broke off: {self._url} sent an error: {said_by(body)}. Ask again; if it "
            "happens again, look at the server's log.",
            _code(error) or "server_error",
        )

    def not_chat(self, kind: str, body: str) -> ReplyError:
        """The answer has status 200, and is no completion."""
        return _error(
            f"{self._url} answered with {kind or 'an unknown type'} instead of a chat completion: {_short(body)!r}. "
            f"{self._url_hint()}",
            "not_a_chat_server",
        )

    def said_nothing(self, *, has_thought: bool) -> ReplyError:
        """The answer ended well, and there is neither a word nor a call in it."""
        what = "thought, and ended its answer" if has_thought else "ended its answer"
        then = (
            "Ask again, or let it think less (reasoning_effort=, or the field of its server in options=)"
            if has_thought
            else "Ask again; if it happens again, look at the server's log: the model's chat template may not fit"
        )
        return _error(f"{self._model} at {self._url} {what} without a word or a call. {then}.", "empty_answer")

    def bad_call(self, why: str) -> ReplyError:
        """The answer calls a function in a way that no function can be called."""
        return _error(
            f"The answer of {self._model} at {self._url} calls a function with {why}. Ask again; if it happens again, "
            "choose a model that calls tools more reliably, or leave them out (tools=()).",
            "invalid_call",
        )

    # -- refusals

    def redirected(self, status: int, location: str) -> ReplyError:
        """The server leads elsewhere; a key and a conversation do not follow."""
        return _error(
            f"{self._url} answered with a redirect ({status}) to {safe_url(location) or 'nowhere'}. Redirects are not "
            "followed, since your key and your words are for the address you gave: set chat_url to the right one.",
            "redirected",
        )

    def overflow(self, body: str) -> ReplyError:
        """The prompt is too long, even after trimming."""
        return _error(
            f"{self._url} refuses the conversation as longer than the context of {self._model}, even without its older "
            f"turns: {said_by(body)}. Shorten the instructions, the tools or the last message, or let the server have "
            "a larger context.",
            "context_length_exceeded",
            "invalid_request_error",
        )

    def too_long(self, tokens: int, context_tokens: int) -> ReplyError:
        """The last turn alone does not fit into the context that the user gave."""
        return _error(
            f"The instructions, the tools and the last turn are about {tokens} tokens (an estimate), more than "
            f"context_tokens={context_tokens}, which was given for {self._model} at {self._url}. Shorten them, or "
            "raise context_tokens if the model has more.",
            "context_length_exceeded",
            "invalid_request_error",
        )

    def refused(self, status: int, body: str, *, sent: Mapping[str, Any], models: Sequence[str] = ()) -> ReplyError:
        """Return the error for a status of 400 and above.

        Args:
            status: the HTTP status.
            body: the text of the response.
            sent: the body of the request.
            models: the names that the server offers, where it says.
        """
        said = said_by(body) or "no reason was given"
        if status in (401, 403) or (status == 400 and _KEY.search(body)):  # Gemini answers 400
            return self._wrong_key(status, said)
        if status == 402 or (status == 429 and _QUOTA.search(body)):
            return _error(
                f"{self._url} refuses to go on: {said}. Look at the account's balance and limits.", "insufficient_quota"
            )
        if status == 429:
            return _error(
                f"{self._url} gets too many requests: {said}. Wait a little and ask again.", "rate_limit_exceeded"
            )
        if is_overflow(status, body):
            return self.overflow(body)
        if sent.get("tools") and _TOOLS.search(body):
            return _error(
                f"{self._model} at {self._url} does not accept tools: {said}. Choose a model that can call "
                "tools, or remove them (tools=()).",
                "tools_not_supported",
                "invalid_request_error",
            )
        if refuses_images(status, body, sent):
            return _error(
                f"{self._model} at {self._url} does not accept pictures: {said}. Choose a model that sees, or "
                "go on without pictures.",
                "images_not_supported",
                "invalid_request_error",
            )
        if is_absent_model(status, body):
            return self.no_model(said, models)
        if status in (404, 405):
            return _error(
                f"{self._url} has no /chat/completions (status {status}: {said}). {self._url_hint()}", "not_found"
            )
        if status >= 500:
            return _error(
                f"The chat server {self._url} failed (status {status}): {said}. Ask again; if it happens again, look "
                "at the server's log."
            )
        if "<html" in body[:_MOST_CHARS].lower() or "<!doctype" in body[:_MOST_CHARS].lower():
            return _error(
                f"{self._url} answered with a page instead of JSON (status {status}: {said}). {self._url_hint()}",
                "not_a_chat_server",
            )
        return _error(
            f"{self._url} refuses the request (status {status}): {said}.", "invalid_request", "invalid_request_error"
        )

    def _wrong_key(self, status: int, said: str) -> ReplyError:
        if self._has_key:
            what, then = "refuses the key", "Check the key: chat_key= or REALTIME_NB_CHAT_KEY"
        else:
            what, then = (
                "requires a key",
                "Give chat_key= or set REALTIME_NB_CHAT_KEY (OPENAI_API_KEY is never sent there)",
            )
        return _error(f"{self._url} {what} (status {status}): {said}. {then}.", "invalid_api_key")

    def no_model(self, said: str, models: Sequence[str]) -> ReplyError:
        """The server has no model of the name."""
        if models:
            more = f" and {len(models) - _MOST_NAMES} more" if len(models) > _MOST_NAMES else ""
            then = f"It offers: {', '.join(models[:_MOST_NAMES])}{more}. Set chat_model to one of these"
        else:
            then = "Set chat_model to a model of that server"
        if self._local:
            then += f", or fetch it (Ollama: ollama pull {self._model})"
        return _error(
            f"{self._url} has no model {self._model!r}: {said}. {then}.", "model_not_found", "invalid_request_error"
        )

    def _url_hint(self) -> str:
        path = urlsplit(self._url).path.rstrip("/")
        if not path.endswith("/v1") and "/v1/" not in f"{path}/":
            return f"Most servers want /v1 at the end: chat_url='{self._url.rstrip('/')}/v1'."
        return "Check chat_url: it is the address before /chat/completions."


def _error(message: str, code: str = "server_error", kind: str = "server_error") -> ReplyError:
    return ReplyError(redact(re.sub(r"([.!?])\.(?=\s|$)", r"\1", message)), code=code, kind=kind)


def _short(text: str) -> str:
    text = re.sub(r"<[^>]{0,200}>", " ", text) if text.lstrip().startswith("<") else text
    # Before the cut: a part of a key at the end is not found any more.
    text = " ".join(redact(text).split())
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 1]}…"


def _code(error: Any) -> str | None:
    code = error.get("code") or error.get("type") if isinstance(error, Mapping) else None
    # A code is a word; a server that repeats a key may do so in any field.
    return code if isinstance(code, str) and _CODE.fullmatch(code) and redact(code) == code else None
