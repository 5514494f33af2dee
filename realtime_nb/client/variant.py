"""`Variant`: one way to configure a conversation, by name, to compare it with others.

Owns the checks of a variant, and its form on the wire. Must not know how it is run or compared.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from realtime_nb.client.session_config import check_further_fields
from realtime_nb.client.settings import (
    DEFAULTS,
    check_backend_option,
    check_model,
    check_settings,
    has_own_fields,
    session_config,
)
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address
from realtime_nb.keys.secret import concealed_by_mistake
from realtime_nb.wire.realtime.validate import refuse_long_name


@dataclass(frozen=True, eq=False, repr=False)
class Variant:
    """One way to configure a conversation.

    Args:
        name: what tables and logs call it; anything that people can read.
        settings: those of `rt.RealtimeWidget` that may change while connected: `instructions`, `voice`, `speed`,
            `turn_detection`, `tools` and so on; what is not given has the widget's default.

    Attributes:
        backend: an `rt.Backend`, an `rt.LocalModels`, a name or an address; None: that of the experiment.
        model: the model's name; None: that of the experiment.
        session: further session fields, for servers that have their own; they lie over the settings.
        labels: what tables call the value of a setting, by setting: `{"instructions": "brief"}`.

    Raises:
        ConfigError: an unknown setting, or a bad value.

    Example:
        >>> Variant("brief", {"instructions": "Answer in one sentence."})
        Variant('brief', instructions='Answer in one sentence.')
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    backend: Any = None
    model: str | None = None
    session: Mapping[str, Any] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "backend", concealed_address(concealed_by_mistake(self.backend), "backend"))
        object.__setattr__(self, "model", concealed_by_mistake(self.model))
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigError(f"a variant's name={self.name!r} must be a text that people can read")
        refuse_long_name("a variant's name", self.name)
        if not isinstance(self.settings, Mapping):
            raise ConfigError(f"settings={self.settings!r} of the variant {self.name!r} must be a dict of settings")
        whole = check_settings(self.settings)
        object.__setattr__(self, "settings", {name: whole[name] for name in self.settings})
        if self.backend is not None:
            check_backend_option(self.backend)
        check_model(self.model)
        self._check_labels()
        of_another_server = self.backend is not None and has_own_fields(self.backend)
        check_further_fields(self.session, of_another_server=of_another_server)

    def _check_labels(self) -> None:
        for setting, label in dict(self.labels).items():
            if setting not in self.settings and getattr(self, setting, None) is None:
                raise ConfigError(f"labels= names {setting!r}, which the variant {self.name!r} does not give")
            if not isinstance(label, str) or not label.strip():
                raise ConfigError(f"labels[{setting!r}]={label!r} must be a text that people can read")
            refuse_long_name(f"labels[{setting!r}]", label)
        object.__setattr__(self, "labels", dict(self.labels))

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.settings.items()]
        given += [f"{name}={value!r}" for name in ("backend", "model", "session") if (value := getattr(self, name))]
        return f"Variant({', '.join([repr(self.name), *given])})"

    @property
    def whole(self) -> dict[str, Any]:
        """All settings, with the defaults of those that are not given."""
        return {**DEFAULTS, **self.settings}

    @property
    def payload(self) -> dict[str, Any]:
        """The `session` of the `session.update` that sets this variant, as builtins."""
        return session_config(self.whole, self.session)


def with_fields(variant: Variant, session: Mapping[str, Any]) -> Variant:
    """Return the same variant with further fields of the session that were checked before: no warning is repeated."""
    made = copy.copy(variant)
    object.__setattr__(made, "session", dict(session) or None)
    return made


def check_applicable(variant: Any, backend: Any) -> None:
    """Refuse to set a variant in a conversation that talks with another backend.

    Args:
        variant: the value that a user gave.
        backend: of the conversation, as it was given.

    Raises:
        ConfigError: no variant, or one of another backend.
    """
    if not isinstance(variant, Variant):
        hint = " Give its attribute `variant`." if isinstance(getattr(variant, "variant", None), Variant) else ""
        raise ConfigError(f"apply() takes an rt.Variant('name', {{...}}), not {variant!r}.{hint}")
    if variant.backend is not None and variant.backend != backend:
        raise ConfigError(
            f"the variant {variant.name!r} is of the backend {variant.backend!r}, and this conversation talks with "
            f"{backend!r}, which cannot change: make a widget with that backend and apply the variant there"
        )
