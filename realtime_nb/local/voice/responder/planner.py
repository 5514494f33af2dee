"""Plan the function calls that a sentence asks for, with their arguments.

Owns the matching of sentences with tools. Must not know how values are found in words (`slots`) or how answers sound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.voice.protocols import ToolSpec, ToolSpecs
from realtime_nb.local.voice.responder.rule_reply import PlannedCall
from realtime_nb.local.voice.responder.slots import Filled, fill, fill_with_defaults
from realtime_nb.local.voice.responder.wording import normalized
from realtime_nb.local.voice.responder.words import stem
from realtime_nb.local.voice.schema import properties_of, schema_of
from realtime_nb.local.voice.vocabulary import VERBS, spoken_words

_ENOUGH = 3.0
_NAME, _VERB, _VALUE, _DESCRIPTION, _PROPERTY = 3.0, 1.0, 1.5, 0.8, 1.0
_CLAUSE = re.compile(
    r"\s*(?:[,;.]\s+)?\b(?:and then|and also|and|then|also|after that)\b\s+|\s*[;.]\s+|,\s+", re.IGNORECASE
)
_STOP_WORDS_TEXT = (
    "a an the of to in on for with and or is are be by from as at it its this that given return returns get set "
    "value name current specified function tool can use when user what which one e g eg number string how me my you "
    "your i do"
)
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls that a sentence asks for.

    Attributes:
        calls: complete calls.
        incomplete: a tool that the sentence asks for, and its required properties without a value.
    """

    calls: tuple[PlannedCall, ...] = ()
    incomplete: tuple[ToolSpec, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class _Match:
    tool: ToolSpec
    score: float
    filled: Filled


def plan_calls(tools: ToolSpecs, original: str) -> Plan:
    """Return the calls that a sentence asks for; several when its clauses each ask for one."""
    several = _by_clauses(tools, original)
    whole = _best(tools, original)
    if len(several) > 1 and (whole is None or not _uses_all(whole, original, several)):
        return Plan(calls=tuple(several))
    if whole is None:
        return Plan()
    if whole.filled.missing:
        return Plan(incomplete=(whole.tool, tuple(whole.filled.missing)))
    return Plan(calls=(_call(whole),))


def forced_call(tools: ToolSpecs, original: str) -> PlannedCall | None:
    """Return a call of the tool that fits best, with default values where the sentence has none."""
    if not tools:
        return None
    scored = [_match(tool, original) for tool in tools]
    best = max(scored, key=lambda match: match.score)
    return PlannedCall(
        str(best.tool["name"]), fill_with_defaults(schema_of(best.tool), best.filled.arguments, original)
    )


def _call(match: _Match) -> PlannedCall:
    return PlannedCall(str(match.tool["name"]), dict(match.filled.arguments))


def _best(tools: ToolSpecs, original: str) -> _Match | None:
    matches = [match for match in (_match(tool, original) for tool in tools) if match.score >= _ENOUGH]
    # Of equal scores, the tool with all required values.
    return max(matches, key=lambda m: m.score - 0.5 * len(m.filled.missing), default=None)


def _by_clauses(tools: ToolSpecs, original: str) -> list[PlannedCall]:
    clauses = [clause for clause in _CLAUSE.split(original) if clause and clause.strip()]
    if len(clauses) < 2:
        return []
    calls: list[PlannedCall] = []
    last: _Match | None = None
    for clause in clauses:
        match = _best(tools, clause)
        if (match is not None and match.filled.missing and last is not None and match.tool is last.tool) or (
            match is None and last is not None and len(clause.split()) <= 6
        ):
            match = _carried(last, clause)
        if match is None or match.filled.missing:
            return []
        call = _call(match)
        if call not in calls:
            calls.append(call)
        last = match
    return calls


def _carried(last: _Match, clause: str) -> _Match | None:
    """Return the previous call with the values of this clause: "... in the kitchen and the bedroom"."""
    filled = fill(schema_of(last.tool), normalized(clause), clause, _used_words(last.tool))
    if not filled.arguments:
        return None
    filled.arguments = {**last.filled.arguments, **filled.arguments}
    filled.missing = []
    return _Match(last.tool, last.score, filled)


def _uses_all(whole: _Match, original: str, several: Sequence[PlannedCall]) -> bool:
    """Return whether one call has all values of the several: a list in one argument, two numbers of one sum."""
    if whole.filled.missing or any(call.name != whole.tool["name"] for call in several):
        return False
    said = {value for call in several for value in _values(call.arguments)}
    return _values(whole.filled.arguments) >= said


def _values(arguments: Mapping[str, Any]) -> set[str]:
    """Return every value in a form that can be compared, those in lists one by one."""
    return {repr(v) for value in arguments.values() for v in (value if isinstance(value, list) else [value])}


def _match(tool: ToolSpec, original: str) -> _Match:
    text = normalized(original)
    words = {stem(word) for word in text.split()}
    name = spoken_words(str(tool.get("name", "")))
    score = 0.0
    verb, nouns = (name[0] if name else ""), [word for word in name[1:] if word not in _STOP_WORDS]
    if not nouns:
        score += _NAME if _says(VERBS.get(verb, (verb,)), text) else 0.0
    else:
        said = sum(stem(noun) in words for noun in nouns)
        score += _NAME * said / len(nouns) + (0.4 if said else 0.0)
        score += _VERB if _says(VERBS.get(verb, (verb,)), text) else 0.0
    schema = schema_of(tool)
    filled = fill(schema, text, original, _used_words(tool))
    properties = properties_of(schema)
    values = sum(_is_closed(properties[key]) for key in filled.arguments)
    score += min(2, values) * _VALUE
    score += _PROPERTY * min(
        2, sum(any(stem(w) in words for w in spoken_words(prop) if w not in _STOP_WORDS) for prop in properties)
    )
    described = {stem(w) for w in spoken_words(str(tool.get("description") or "")) if w not in _STOP_WORDS}
    score += _DESCRIPTION * min(3, len(described & words))
    quoted = re.findall(r"[\"“`']([^\"“”`']{3,80})[\"”`']", str(tool.get("description") or ""))
    if any(normalized(example) == text for example in quoted):
        score += _ENOUGH
    return _Match(tool, score, filled)


def _is_closed(spec: Mapping[str, Any]) -> bool:
    """Return whether a value of this property is evidence by itself: an enum's word is, a number or free text not."""
    items = spec.get("items")
    return bool(spec.get("enum")) or (isinstance(items, Mapping) and bool(items.get("enum")))


def _says(phrases: Sequence[str], text: str) -> bool:
    return any(re.search(rf"\b{re.escape(phrase)}(?:s|ing)?\b", text) for phrase in phrases if phrase)


def _used_words(tool: ToolSpec) -> frozenset[str]:
    name = spoken_words(str(tool.get("name", "")))
    words = {word for phrase in VERBS.get(name[0], (name[0],)) for word in phrase.split()} if name else set()
    properties = properties_of(schema_of(tool))
    words |= {word for part in [*name, *properties] for word in spoken_words(part)}
    return frozenset(words | {stem(word) for word in words})
