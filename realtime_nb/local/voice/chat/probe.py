"""Ask a chat server whether it is there, takes the key, and has the model.

Owns the questions, none of which lets a model work, so that they cost nothing. Must not know replies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.voice.chat.endpoint import ChatEndpoint, RefusedError
from realtime_nb.local.voice.chat.errors import ChatErrors
from realtime_nb.local.voice.reply import ReplyError

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


async def probe(endpoint: ChatEndpoint, errors: ChatErrors, model: str) -> ProbeResult:
    """Ask for the list of models.

    A server without such a list passes: the first answer will show.
    """
    try:
        listed = await endpoint.models()
    except ReplyError as error:
        return ProbeResult(error)
    except RefusedError as refusal:
        return ProbeResult(errors.refused(refusal.status, refusal.body, sent={}))
    if not listed:
        return ProbeResult()
    names = tuple(str(each.get("id", "")) for each in listed)
    found = next((each for each in listed if _is(each, model)), None)
    if found is None and not _takes_any_name(listed):
        return ProbeResult(errors.no_model("it is not in the server's list", names), names)
    return ProbeResult(None, names, _context(found or {}))


def _is(listed: Mapping[str, Any], model: str) -> bool:
    name = str(listed.get("id", "")).removeprefix("models/")
    return name in (model, f"{model}:latest") or model in (listed.get("aliases") or ())


def _takes_any_name(listed: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the server has one model and takes any name for it (llama.cpp)."""
    return all(each.get("owned_by") in ("llamacpp", "me") for each in listed)


def _context(listed: Mapping[str, Any]) -> int | None:
    sizes = (listed.get(key) for key in _CONTEXT_KEYS)
    return next((size for size in sizes if isinstance(size, int) and size > 0), None)
