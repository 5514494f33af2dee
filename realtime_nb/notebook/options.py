"""The options of a widget's conversation that are no settings: backend, model, key, limits and transport.

Owns the `Options` value. Must not know sessions or pages; imports no client, because a widget is made before one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime_nb.client.settings import check_backend_option, check_model, is_local_models
from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import ApiKey, check_key, concealed
from realtime_nb.notebook.browser.selection import TransportName

if TYPE_CHECKING:
    from realtime_nb.backends import Backend
    from realtime_nb.local.models import LocalModels


@dataclass(kw_only=True)
class Options:
    """The options of one widget; `SessionLifecycle` alone changes the model.

    Attributes:
        backend, api_key: for `backends.resolve`. The key stays in this object.
        model: the model of the next session; the one option that changes.
        max_session_minutes, max_cost_usd: the limits to begin with; `SessionState.limits` has the present ones.
        idle_minutes: after how long without a page and a call the session is parked; None: never.
        response_idle_s: how long a response may be silent while another request waits for it.
        transport: what carries the first connection.
    """

    backend: str | Backend | LocalModels = "auto"
    model: str | None = None
    api_key: ApiKey | None = field(default=None, repr=False)
    max_session_minutes: float | None = None
    max_cost_usd: float | None = None
    idle_minutes: float | None = 5.0
    response_idle_s: float = 30.0
    transport: TransportName = "kernel"

    def __post_init__(self) -> None:
        self.api_key = concealed(self.api_key)
        check_key(self.api_key)
        if is_local_models(self.backend) and self.api_key:
            raise ConfigError("api_key= is for a Realtime service: give the keys of rt.LocalModels as chat_key=.")
        check_backend_option(self.backend)
        check_model(self.model)
