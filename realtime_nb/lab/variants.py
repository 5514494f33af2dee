"""The variants of an experiment: a grid over settings, templates filled from a data frame, or a list written by hand.

Owns how variants are made, and that each has a name of its own. Must not know how they are run.
"""

from __future__ import annotations

import itertools
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from realtime_nb.client.settings import DEFAULTS, check_setting
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.frames import is_frame, rows_of
from realtime_nb.lab.readable import names_of
from realtime_nb.wire.realtime import nearest

_OF_THE_VARIANT = ("backend", "model", "session")
_MOST = 1_000
_MANY = (list, tuple, range)


def grid(**settings: Any) -> list[Variant]:
    """Return a variant for each combination of settings, named by what sets it apart.

    A list, a tuple or a range holds the values that are tried; any other value is the same in all variants. A dict of
    names gives them names: `instructions={"brief": "...", "warm": "..."}`. Within a dict of turn detection, a list of
    numbers is tried, too: `turn_detection={"type": "server_vad", "silence_duration_ms": [200, 400]}`.

    Args:
        settings: those of `rt.RealtimeWidget`, and `backend`, `model` and `session`.

    Raises:
        ConfigError: an unknown setting, a bad value, or more than 1,000 variants.

    Example:
        >>> [variant.name for variant in grid(voice=["marin", "cedar"], speed=[1.0, 1.2])]
        ['marin, speed 1.0', 'marin, speed 1.2', 'cedar, speed 1.0', 'cedar, speed 1.2']
    """
    for name in settings:
        if name not in DEFAULTS and name not in _OF_THE_VARIANT:
            allowed = [*DEFAULTS, *_OF_THE_VARIANT]
            raise ConfigError(f"there is no setting {name!r}.{nearest(name, allowed)} There are: {', '.join(allowed)}.")
    options = {name: _options(name, value) for name, value in settings.items()}
    count = 1
    for each in options.values():
        count *= len(each)
    if count > _MOST:
        sizes = " × ".join(f"{len(each)} {name}" for name, each in options.items() if len(each) > 1)
        raise ConfigError(f"the grid has {count} variants ({sizes}): the most is {_MOST}. Try fewer at a time.")
    made = []
    for chosen in itertools.product(*(each.items() for each in options.values())):
        labels: dict[str, str] = {}
        varied = []
        for (setting, each), (name, value) in zip(options.items(), chosen, strict=True):
            if len(each) == 1:
                continue
            varied.append(name)
            # A column of numbers stays one.
            if isinstance(settings[setting], Mapping) or not isinstance(value, (int, float)):
                labels[setting] = name
        values = {setting: value for setting, (_, value) in zip(options, chosen, strict=True)}
        own = {name: values.pop(name) for name in _OF_THE_VARIANT if name in values}
        # A single variant is named by all that it sets.
        name = ", ".join(varied or [name for name, _ in chosen]) or "default"
        made.append(Variant(name, values, labels=labels, **own))
    return made


def template(text: str, frame: Any, *, name: str | None = None) -> dict[str, str]:
    """Return a text filled with each row of a data frame, by name: options for `rt.grid(instructions=...)`.

    Args:
        text: with the names of columns in braces, `"You are a {role}."`; doubled braces stand for single ones.
        frame: of pandas or polars; or a list of dicts.
        name: of each text, as a template, too; None: the values that are filled in.

    Raises:
        ConfigError: a column or a value is missing, or two rows give the same text or name.

    Example:
        >>> template("Answer as a {role}.", [{"role": "pirate"}, {"role": "judge"}])
        {'pirate': 'Answer as a pirate.', 'judge': 'Answer as a judge.'}
    """
    rows = rows_of(frame) if is_frame(frame) else list(frame)
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ConfigError("a template needs a data frame with at least one row, or a list of dicts")
    fields = _fields("text", text, rows)
    if not fields:
        raise ConfigError(f"text={text!r} names no column in braces, such as {{{next(iter(rows[0]), 'column')}}}")
    naming = name if name is not None else ", ".join(f"{{{field}}}" for field in dict.fromkeys(fields))
    _fields("name", naming, rows)
    made: dict[str, str] = {}
    for number, row in enumerate(rows):
        called, filled = (_filled(each, row, number) for each in (naming, text))
        if called in made or filled in made.values():
            what = "name" if called in made else "text"
            raise ConfigError(f"row {number} gives the same {what} as one before it: {called!r}")
        made[called] = filled
    return made


def as_variants(given: Any) -> tuple[Variant, ...]:
    """Return the variants of an experiment, each with a name of its own.

    Args:
        given: an `rt.Variant`, a list of them, or a dict from names to settings.

    Raises:
        ConfigError: there is none, one is no variant, or two have the same name.
    """
    if isinstance(given, Variant):
        return (given,)
    if isinstance(given, Mapping):
        found = [_named(name, settings) for name, settings in given.items()]
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        found = list(given)
    else:
        found = [given]
    for each in found:
        if not isinstance(each, Variant):
            hint = " A dict of settings needs a name: {'brief': {...}}." if isinstance(each, Mapping) else ""
            raise ConfigError(
                f"{each!r} is no variant: use rt.grid(...), rt.Variant('name', {{...}}), or a dict from names to "
                f"settings.{hint}"
            )
    if not found:
        raise ConfigError("variants= is empty: give at least one, such as rt.grid(voice=['marin', 'cedar'])")
    twice = [name for name, count in Counter(each.name for each in found).items() if count > 1]
    if twice:
        raise ConfigError(f"{', '.join(map(repr, twice))} names two variants: results are grouped by name")
    return tuple(found)


def _named(name: Any, settings: Any) -> Variant:
    if isinstance(settings, Variant):
        raise ConfigError(f"the variant {settings.name!r} has a name of its own: give a list of variants")
    if not isinstance(settings, Mapping):
        raise ConfigError(f"the variant {name!r} must be a dict of settings, not {settings!r}")
    own = {key: settings[key] for key in _OF_THE_VARIANT if key in settings}
    return Variant(name, {key: value for key, value in settings.items() if key not in own}, **own)


def _options(setting: str, value: Any) -> dict[str, Any]:
    """Return the values of a setting that are tried, by name."""
    if setting == "tools":
        value = _tool_lists(value)
    if isinstance(value, Mapping) and _is_named(setting, value):
        if not value:
            raise ConfigError(f"{setting}={{}} gives no value to try")
        return {_checked_name(setting, name): each for name, each in value.items()}
    values: Sequence[Any] = list(value) if isinstance(value, _MANY) else [value]
    if not values:
        raise ConfigError(f"{setting}=[] gives no value to try")
    if setting == "turn_detection":
        values = [each for one in values for each in _with_numbers(one)]
    kept = [each for index, each in enumerate(values) if not any(_same(each, other) for other in values[:index])]
    if len(kept) < len(values):
        raise ConfigError(f"{setting}={value!r} has a value twice")
    return dict(zip(names_of(setting, kept), kept, strict=True))


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _tool_lists(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and all(isinstance(each, (list, tuple)) for each in value):
        return [check_setting("tools", each) for each in value]
    if isinstance(value, Mapping) and all(isinstance(each, (list, tuple)) for each in value.values()):
        return {name: check_setting("tools", each) for name, each in value.items()}
    raise ConfigError(
        "tools= of a grid takes lists of tools to try, such as [[search], [search, send]]; one list for all variants "
        "is [[search, send]]"
    )


def _is_named(setting: str, value: Mapping[Any, Any]) -> bool:
    """Whether a dict holds values by name, and is no value itself, such as a voice's id."""
    if setting == "session":
        return False
    if setting == "voice":
        return set(value) != {"id"}
    if setting in ("turn_detection", "tool_choice", "transcription", "noise_reduction"):
        return not any(isinstance(value.get(key), str) and key in value for key in ("type", "model", "name"))
    return True


def _checked_name(setting: str, name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"{name!r} is no name for a value of {setting}: use a text that people can read")
    return name


def _with_numbers(detection: Any) -> list[Any]:
    """Return a dict of turn detection once for each combination of the values that its lists hold."""
    if not isinstance(detection, Mapping):
        return [detection]
    lists = {name: each for name, each in detection.items() if isinstance(each, _MANY)}
    if not all(lists.values()):
        raise ConfigError(f"turn_detection={dict(detection)!r} has an empty list: it gives no value to try")
    return [
        {**detection, **dict(zip(lists, chosen, strict=True))} for chosen in itertools.product(*lists.values())
    ]  # fmt: skip


def _fields(option: str, text: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the columns in a template."""
    if not isinstance(text, str):
        raise ConfigError(f"{option}={text!r} must be a text")
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ConfigError(f"{option}={text!r}: {error}; a brace of the text itself is doubled") from None
    fields = [field for _, field, _, _ in parsed if field is not None]
    for field in fields:
        missing = [number for number, row in enumerate(rows) if field not in row]
        if missing:
            raise ConfigError(
                f"{option}= names the column {field!r}, which is not there.{nearest(field, list(rows[0]))} The columns "
                f"are: {', '.join(map(str, rows[0]))}; a brace of the text itself is doubled"
            )
    return fields


def _filled(text: str, row: Mapping[str, Any], number: int) -> str:
    pieces = []
    for before, field, spec, conversion in string.Formatter().parse(text):
        pieces.append(before)
        if field is None:
            continue
        value = row[field]
        if value is None or value != value or type(value).__name__ == "NAType":  # NaN is not equal to itself
            raise ConfigError(f"row {number} of the data frame has no {field!r}: fill it, or drop the row")
        try:
            pieces.append(format(repr(value) if conversion == "r" else value, spec or ""))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"row {number}: {field}={value!r} can not be written as {spec!r}: {error}") from None
    return "".join(pieces)
