"""Resolves a backend, which is `"auto"`, `"openai"`, `"azure"`, `"local"` or a URL, to an address with credentials.

Owns the choice of `"auto"`. Each kind of backend has a file of its own. Must not know widgets or comms.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from realtime_nb.client.settings import check_backend, is_local_models
from realtime_nb.conversation import FREE, Billing
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address, refuse_wrong_address
from realtime_nb.keys.secret import (
    ApiKey,
    Headers,
    check_headers,
    check_key,
    concealed,
    concealed_by_mistake,
)
from realtime_nb.redact import safe_url

from .address import session_query
from .azure import azure_endpoint
from .backend import Backend
from .endpoint import Endpoint
from .local import keyless_endpoint, models_endpoint, practice_endpoint
from .openai import openai_endpoint, openai_session
from .url import url_endpoint

if TYPE_CHECKING:
    from realtime_nb.local.models import ModelOptions


def resolve(
    backend: str | Backend | ModelOptions = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    *,
    headers: Mapping[str, str] | Headers | None = None,
    call_id: str | None = None,
    intent: str | None = None,
) -> Endpoint:
    """Returns the endpoint of a backend; starts the local backend if it is chosen, which may take a second.

    Args:
        backend: `"auto"` (OpenAI if `OPENAI_API_KEY` is set or `api_key` given, else the local models that
            `REALTIME_NB_CHAT_URL` and its sisters name, else local), `"openai"`, `"azure"`, `"local"` (the practice
            backend), a `ws://` or `wss://` URL, a `Backend`, or an `rt.LocalModels`.
        model: the model; the hosted default is `DEFAULT_MODEL`, on Azure it is the deployment's name, and with local
            models it replaces `chat_model`.
        api_key: replaces the environment's key; or a function, synchronous or not, that returns a key or token and is
            called for every connection.
        headers: further headers.
        call_id: follows the session of a call (WebRTC or SIP), instead of a model's own session.
        intent: `"transcription"` for a session that transcribes, instead of a conversation with a model.

    Raises:
        ConfigError: an unknown backend, an invalid address, or a missing key; the message says how to give one.
    """
    headers, backend = Headers(headers), concealed_address(concealed_by_mistake(backend), "backend")
    key: Any = concealed(api_key)
    del api_key
    model, call_id, intent = map(concealed_by_mistake, (model, call_id, intent))
    check_headers(headers)
    check_key(key)
    refuse_wrong_address(backend)
    session = session_query(model, call_id, intent)
    if isinstance(backend, Backend):
        return url_endpoint(backend, session, key or backend.api_key, Headers({**backend.headers, **headers}))
    if is_local_models(backend):
        if key:
            raise ConfigError("api_key= is for a Realtime service: give the keys of rt.LocalModels as chat_key=.")
        return models_endpoint(cast("ModelOptions", backend), session)
    check_backend(backend)
    backend = cast("str", backend)
    if "://" in backend:
        return url_endpoint(Backend(url=backend), session, key, headers)
    if backend == "auto":
        return openai_endpoint(session, key, headers) if _is_hosted(key) else keyless_endpoint(session)
    if backend == "openai":
        return openai_endpoint(session, key, headers)
    if backend == "azure":
        return azure_endpoint(session, key, headers)
    return practice_endpoint(session, chosen=True)


def _is_hosted(key: Any) -> bool:
    """Whether `"auto"` means OpenAI: a key was given, or is in the environment."""
    return bool(key or os.environ.get("OPENAI_API_KEY", "").strip())


def local_backend(
    backend: str | Backend | ModelOptions = "auto", api_key: ApiKey | None = None
) -> ModelOptions | Literal["local"] | None:
    """Returns which local backend would answer: its models, `"local"` for practice, or None for another server.

    It starts no backend.
    """
    key: Any = concealed(api_key)
    del api_key
    if backend == "auto" and not _is_hosted(key):
        from realtime_nb.local.models import LocalModels

        return LocalModels.from_environment() or "local"
    if is_local_models(backend):
        return cast("ModelOptions", backend)
    return "local" if backend == "local" else None


def address_and_billing(
    backend: str | Backend | ModelOptions = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    *,
    needs_key: bool = True,
) -> tuple[str, Billing]:
    """Returns which server would answer, without credentials, and how it is paid for.

    Unlike `resolve` it starts no local backend, whose address would be another one each time: it is named by what
    answers there.

    Args:
        backend: as for `resolve`.
        model: as for `resolve`.
        api_key: as for `resolve`.
        needs_key: whether a missing key of OpenAI's is refused. A price can be told without one.

    Raises:
        ConfigError: as for `resolve`.
    """
    key: Any = concealed(api_key)
    del api_key
    backend = concealed_address(concealed_by_mistake(backend), "backend")
    local = local_backend(backend, key)
    if local == "local":
        return "local", Billing(FREE, model)
    if local is not None:
        return repr(local), Billing(FREE if local.whereabouts is None else None, model)
    if backend == "openai" and not needs_key:
        label, url = openai_session(session_query(model, None, None))
        endpoint = Endpoint(name="openai", label=label, url=url)
    else:
        endpoint = resolve(backend, model, key)
    return safe_url(endpoint.url), endpoint.billing
