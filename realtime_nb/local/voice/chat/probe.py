"""Ask a chat server whether it is there, takes the key, and has the model.

Owns the questions. The list of models costs nothing; only where the model is not in it, a request for one token shows
whether the server takes the name all the same. Must not know replies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from realtime_nb.local.voice.chat.endpoint import ChatEndpoint, RefusedError
from realtime_nb.local.voice.chat.errors import ChatErrors
from realtime_nb.local.voice.reply import ReplyError

TryOut: TypeAlias = Callable[[Sequence[str]], Awaitable[ReplyError | None]]
"""Makes a request for one token, given the names of the server's models; returns what went wrong, or None."""

# vLLM, OpenRouter and LocalAI, Groq, LM Studio; llama.cpp's `n_ctx_train` is what the model could have.
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "loaded_context_length")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a chat server said of itself.

    Attributes:
        error: what is wrong, or None.
        models: the names of its models; empty where it does not say.
        context_tokens: the size of the model's context; None where it does not say.
    """

    error: ReplyError | None = None
    models: tuple[str, ...] = ()
    context_tokens: int | None = None


async def probe(endpoint: ChatEndpoint, errors: ChatErrors, model: str, try_out: TryOut) -> ProbeResult:
    """Ask for the list of models.

    Args:
        endpoint: the server.
        errors: makes the errors.
        model: the name to look for.
        try_out: makes a small request; for a server without a list, or a model that is not in it.
    """
    try:
        listed = await endpoint.models()
    except ReplyError as error:
        return ProbeResult(error)
    except RefusedError as refusal:
        return ProbeResult(errors.refused(refusal.status, refusal.body, sent={}))
    names = tuple(str(each.get("id", "")) for each in listed or ())
    found = next((each for each in listed or () if _is(each, model)), None)
    if found is None:  # a server may take names that it does not list: aliases, or any name at all (llama.cpp)
        return ProbeResult(await try_out(names), names)
    return ProbeResult(None, names, _context(found))


def _is(listed: Mapping[str, Any], model: str) -> bool:
    name = str(listed.get("id", "")).removeprefix("models/")
    return name in (model, f"{model}:latest") or model in (listed.get("aliases") or ())


def _context(listed: Mapping[str, Any]) -> int | None:
    sizes = (listed.get(key) for key in _CONTEXT_KEYS)
    return next((size for size in sizes if isinstance(size, int) and size > 0), None)
