"""Dicts and lists that cannot be changed, for values that show what a server uses.

Owns their refusal. Must not know the values. They are `dict` and `list` for every reader: JSON, comparison, copies.
"""

from __future__ import annotations

from typing import Any, NoReturn


def _refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
    raise TypeError(
        "this value shows what the server uses, and changing it would change nothing: set the setting instead (such as "
        "w.voice = ...), or change a copy, of copy.deepcopy()"
    )


class FrozenDict(dict[str, Any]):
    """A dict that refuses changes."""

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return frozen, (_plain(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _plain(self)


class FrozenList(list[Any]):
    """A list that refuses changes."""

    __setitem__ = __delitem__ = append = extend = insert = pop = remove = clear = _refuse
    sort = reverse = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return frozen, (_plain(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _plain(self)


def frozen(value: Any) -> Any:
    """Return a copy of builtins that refuses changes at every depth."""
    if isinstance(value, dict):
        return FrozenDict({key: frozen(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return FrozenList([frozen(inner) for inner in value])
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
