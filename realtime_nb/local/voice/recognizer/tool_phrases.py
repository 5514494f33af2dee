"""Derive the sentences that may call a tool from its name, description and JSON schema.

Owns the way from a schema to templates. Must not know language models, nor how the responder finds values in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.voice.schema import kind_of, properties_of, schema_of
from realtime_nb.local.voice.vocabulary import VERBS, spoken_words

_ARTICLES = "[the|a|an|my|some]"
_BEFORE_VALUE = "[the|a|to|to the|in|in the|on|on the|for|for the|at|at the|as|is|of|of the|with|from|by|called]"
_ON_OFF = re.compile(r"(^|_)(on|off|enabled?|active|state|power)(_|$)", re.IGNORECASE)
_MOST_ENUM_VALUES = 200
# The classes of `builtin_phrases` that a free text may belong to, by the last word of the property's name.
_BEFORE_KIND = {
    "<place>": "[in|for|to|from|at]",
    "<name>": "[to|for|from|with|called]",
    "<color>": "[in|to|the color]",
    "<day>": "[on|for]",
}
_KINDS = {
    **dict.fromkeys(("city", "location", "place", "destination", "origin", "country", "where", "town"), ("<place>",)),
    **dict.fromkeys(("name", "person", "recipient", "to", "contact", "user", "customer", "who"), ("<name>",)),
    **dict.fromkeys(("color", "colour"), ("<color>",)),
    **dict.fromkeys(("day", "date", "when", "weekday"), ("<day>",)),
}
_MOST_COMPOUNDS = 30


@dataclass(frozen=True, slots=True)
class ToolPhrases:
    """Templates of one tool: how a call begins, how each slot is said, and whole sentences."""

    heads: list[str]
    slots: list[list[str]]
    sentences: list[str]


def phrases_of_tool(tool: Mapping[str, Any]) -> ToolPhrases:
    """Return the templates for a tool of the wire (`name`, `description`, `parameters`)."""
    name = spoken_words(str(tool.get("name", "")))
    schema = schema_of(tool)
    properties = properties_of(schema)
    return ToolPhrases(
        heads=_heads(name, properties),
        slots=[list(_slot_forms(prop, spec)) for prop, spec in properties.items()],
        sentences=[*_descriptions(tool, schema), *_compounds(name, properties)],
    )


def _heads(name: list[str], properties: Mapping[str, Any]) -> list[str]:
    if not name:
        return []
    verb, rest = name[0], " ".join(name[1:])
    verbs = VERBS.get(verb, (verb,))
    heads = []
    for said in verbs:
        heads.append(f"{said} {_ARTICLES} {rest}" if rest else said)
        if (
            rest
            and any(_is_switch(prop, spec) for prop, spec in properties.items())
            and said in ("turn", "switch", "set", "put")
        ):
            heads += [f"{said} (on|off) {_ARTICLES} {rest}", f"{said} {_ARTICLES} {rest} (on|off)"]
    if rest:
        heads.append(f"{_ARTICLES} {rest}")
        heads.append(f"(i want|i need|i would like) {_ARTICLES} {rest}")
        if verb in ("get", "fetch", "show"):
            heads.append(f"(what is|what's|how is) the {rest} [like]")
    return heads


def _compounds(name: list[str], properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield the way of saying a value as part of the thing: "turn the kitchen light on"."""
    verb, thing = (name[0], " ".join(name[1:])) if name else ("", "")
    for spec in properties.values() if thing else ():
        values = [" ".join(spoken_words(str(value))) for value in list(spec.get("enum") or ())[:_MOST_COMPOUNDS]]
        if said := "|".join(value for value in values if value):
            yield f"({'|'.join(VERBS.get(verb, (verb,)))}) [the|my|a] ({said}) {thing} [on|off]"
            yield f"(turn|switch) (on|off) [the] ({said}) {thing}"


def _is_switch(prop: str, spec: Mapping[str, Any]) -> bool:
    values = {str(v).lower() for v in spec.get("enum") or ()}
    return (spec.get("type") == "boolean" and bool(_ON_OFF.search(prop))) or values == {"on", "off"}


def _slot_forms(prop: str, spec: Mapping[str, Any]) -> Iterator[str]:
    named = " ".join(spoken_words(prop))
    kind = kind_of(spec)
    values = spec.get("enum")
    if kind == "array" and isinstance(spec.get("items"), Mapping):
        yield from _slot_forms(prop, spec["items"])
        return
    if values:
        for value in list(values)[:_MOST_ENUM_VALUES]:
            said = " ".join(spoken_words(str(value)))
            if said:
                yield f"{_BEFORE_VALUE} {said} [{named}]"
    elif kind in ("integer", "number"):
        yield "[to|at|by|for|of|with|is] <number> [percent|degrees|minutes|seconds|hours|times|points]"
        yield f"[the] {named} [to|of|at|is] <number>"
        yield f"<number> {named}"
        if kind == "number":
            yield "[to|at] <number> point <digit>"
    elif kind == "boolean":
        yield f"[with|without|not|make it|is|is not] {named}"
        yield "(on|off|yes|no|true|false)"
    else:
        yield f"{_BEFORE_VALUE} <any> [<any>]"
        for kind_of_word in _KINDS.get(spoken_words(prop)[-1] if spoken_words(prop) else "", ()):
            yield f"{_BEFORE_KIND[kind_of_word]} {kind_of_word}"
        yield f"[the|a|with] {named} [is|of|to|called] <any> [<any>]"
        for example in [*(spec.get("examples") or ()), spec.get("default")]:
            if isinstance(example, str) and spoken_words(example):
                yield f"{_BEFORE_VALUE} {' '.join(spoken_words(example))}"


def _descriptions(tool: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    texts = [str(spec.get("description") or "") for spec in [tool, *properties_of(schema).values()]]
    for text in texts:
        for example in re.findall(r"[\"“`']([^\"“”`']{3,80})[\"”`']", text):  # quoted: how one says it
            if words := spoken_words(example):
                yield " ".join(words)
        for sentence in re.split(r"[.;:\n(]", text)[:3]:
            words = spoken_words(sentence)
            if 1 <= len(words) <= 16:
                yield " ".join(words)
    for example in schema.get("examples") or ():
        if isinstance(example, str) and spoken_words(example):
            yield " ".join(spoken_words(example))
