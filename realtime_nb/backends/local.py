"""`backend="local"` and `rt.LocalModels`: servers that this process runs, a process for each set of models.

Owns when they are started. `realtime_nb/local/servers.py` starts and stops them; it is imported at first use, because
most sessions do not need it. The keys of local models go to these servers from the local server's process.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from realtime_nb.client.auth.credentials import bearer
from realtime_nb.conversation import FREE
from realtime_nb.keys.secret import Headers, Secret

from .address import with_session
from .endpoint import Endpoint

if TYPE_CHECKING:
    from realtime_nb.local.models import ModelOptions


def keyless_endpoint(session: Mapping[str, str]) -> Endpoint:
    """Returns the endpoint of the local models that the environment names, else of the practice backend."""
    from realtime_nb.local.models import LocalModels

    models = LocalModels.from_environment()
    return practice_endpoint(session, chosen=False) if models is None else models_endpoint(models, session)


def practice_endpoint(session: Mapping[str, str], *, chosen: bool) -> Endpoint:
    """Returns the endpoint of the practice backend; its notice says why it answers where the user did not choose it."""
    why = (
        ""
        if chosen
        else "Neither OPENAI_API_KEY nor REALTIME_NB_CHAT_URL is set, so this is the local practice backend; set one "
        "to talk with a model. "
    )
    return _served(session, None, why)


def models_endpoint(models: ModelOptions, session: Mapping[str, str]) -> Endpoint:
    """Returns the endpoint of local models; a model in the session replaces their chat model."""
    # Each chat model has a server of its own: the address of a session names none.
    others = {name: value for name, value in session.items() if name != "model"}
    return _served(others, models.resolved(chat_model=session.get("model")), "")


def _served(session: Mapping[str, str], models: ModelOptions | None, why: str) -> Endpoint:
    from realtime_nb.local import servers

    server = servers.running(models)
    return Endpoint(
        name="local",
        label=server.label,
        url=with_session(server.url, session),
        headers=bearer(Secret(server.token)) if server.token else Headers(),
        notice=f"{why}{server.notice or ''}".strip() or None,
        prices=FREE if server.is_free else None,
        server=server,
        models=models,
    )


def is_free_at(url: str) -> bool:
    """Whether an address is that of a server that this process runs, and whose answers cost nothing."""
    addresses = sys.modules.get("realtime_nb.local.free_addresses")  # where it is not loaded, no server runs
    return addresses is not None and addresses.is_free_at(url)


def identity_at(address: str) -> str | None:
    """Returns what is the same for all servers of this process that answer as the one at an address; None: nothing."""
    addresses = sys.modules.get("realtime_nb.local.free_addresses")
    found: str | None = addresses.identity_at(address) if addresses is not None and "://" in address else None
    return found


def stop_local() -> None:
    """Stops the local servers of this process; the next use starts another."""
    servers = sys.modules.get("realtime_nb.local.servers")
    if servers is not None:
        servers.stop_all()
