"""The settings of a turn that is asked again: the conversation's own, with some of them changed.

Owns how the changes are written (text, a dict, an `rt.Variant`), their names, and their checks. Pure. Must not know
sessions or pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from realtime_nb.client.settings import check_setting, overlay
from realtime_nb.client.variant import Variant, check_applicable, with_fields
from realtime_nb.errors import ConfigError
from realtime_nb.texts import shortened

_NAME_CHARACTERS = 60


@dataclass(frozen=True)
class Side:
    """One way to ask a turn again.

    Attributes:
        name: what people call it.
        changes: the settings that differ from the conversation's, and `model`.
        variant: all settings of the session.
    """

    name: str
    changes: Mapping[str, Any]
    variant: Variant


def side_of(
    value: Any, settings: Mapping[str, Any], further: Mapping[str, Any], backend: Any, model: str | None
) -> Side:
    """Return how a turn is asked again.

    Args:
        value: instructions as text, a dict of settings (and `model`), an `rt.Variant`, or None for no change.
        settings: the conversation's own, checked.
        further: the conversation's further fields of the session.
        backend: the conversation's.
        model: the conversation's.

    Raises:
        ConfigError: a bad setting, or a variant of another backend.
    """
    named: str | None = None
    fields: Mapping[str, Any] = {}
    if isinstance(value, Variant):
        check_applicable(value, backend)
        named, fields = value.name, value.session or {}
        changes: dict[str, Any] = {**value.settings, **({"model": value.model} if value.model is not None else {})}
    elif value is None or isinstance(value, str):
        changes = {} if value is None else {"instructions": value}
    elif isinstance(value, Mapping):
        changes = dict(value)
    else:
        raise ConfigError(f"{value!r} must be instructions as text, a dict of settings, or an rt.Variant")
    asked_model = changes.pop("model", None)
    checked = {name: check_setting(name, each) for name, each in changes.items()}
    whole = {**settings, **checked}
    shown = {name: each for name, each in checked.items() if each != settings.get(name)}
    if asked_model is not None and asked_model != model:
        shown["model"] = asked_model
    name = named or _name(shown)
    variant = Variant(name, whole, model=asked_model or model)
    return Side(name, shown, with_fields(variant, overlay(further, fields)))


def _name(changes: Mapping[str, Any]) -> str:
    if not changes:
        return "the same settings"
    if list(changes) == ["instructions"] and isinstance(changes["instructions"], str):
        words = " ".join(changes["instructions"].split()) or "no instructions"
    else:
        words = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    return shortened(words, _NAME_CHARACTERS)
