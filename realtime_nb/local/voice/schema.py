"""Read the JSON schema of a function tool: its properties and their types.

Owns the reading, for the recogniser and the responder. Must not know words. A schema comes from a client and may hold
anything: what cannot be read counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]


def schema_of(tool: Mapping[str, Any]) -> Schema:
    """Return the tool's parameters, or an empty schema."""
    parameters = tool.get("parameters")
    return parameters if isinstance(parameters, Mapping) else {}


def properties_of(schema: Schema) -> dict[str, Schema]:
    """Return the properties of an object schema by name."""
    return {name: spec for name, spec in (schema.get("properties") or {}).items() if isinstance(spec, Mapping)}


def kind_of(spec: Schema) -> str:
    """Return the type of a property; of several, the first that is not null."""
    kind = spec.get("type")
    if kind is None:  # Optional[...] comes as anyOf
        for option in [*(spec.get("anyOf") or ()), *(spec.get("oneOf") or ())]:
            if isinstance(option, Mapping) and option.get("type") != "null":
                return kind_of(option)
        return "string"
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        return str(next((k for k in kind if k != "null"), "string"))
    return str(kind)
