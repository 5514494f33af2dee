"""The variants of a run by name: as values, as Python code, and as the payload of a session.

Owns which of them may be used again: no file keeps functions. Must not know trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError

from .best import Best
from .variant_code import variant_code


class RunVariants:
    """The variants of a run.

    Args:
        variants: that were run.
        functions: by variant, the names of functions that its kept form lacks.

    Attributes:
        names: in the order in which they were given.
    """

    def __init__(self, variants: Iterable[Variant], functions: Mapping[str, tuple[str, ...]]) -> None:
        self._by_name = {each.name: each for each in variants}
        self._lost = {name: names for name, names in functions.items() if names}
        self.names = tuple(self._by_name)

    def named(self, which: str | Variant | Best) -> Variant:
        """Return a variant, functions or not; raises `ConfigError` for one that was not run."""
        if isinstance(which, Best):
            which = which.variant or which.value
        name = which.name if isinstance(which, Variant) else which
        if name not in self._by_name:
            known = ", ".join(map(repr, self._by_name)) or "none is known"
            raise ConfigError(f"{name!r} is no variant of these results: {known}")
        return self._by_name[name]

    def whole(self, name: str) -> Variant | None:
        """Return a variant that can be used again; None where it is not known, or its functions are lost."""
        return None if name in self._lost else self._by_name.get(name)

    def usable(self, name: str) -> Variant:
        """Return a variant that can be used again; see `Results.variant`."""
        found = self.named(name)
        if lost := self._lost.get(found.name):
            raise ConfigError(
                f"the variant {found.name!r} ran with the functions {', '.join(lost)}, which no file keeps: make it "
                f"anew with tools=[...]. code({found.name!r}) shows the rest."
            )
        return found

    def code(self, which: str | Variant | Best, rows: Iterable[Mapping[str, Any]]) -> str:
        """Return a variant as Python code, with the backend and model of its rows; see `Results.code`."""
        found = self.named(which)
        row: Mapping[str, Any] = next((row for row in rows if row["variant"] == found.name), {})
        ran = {name: row.get(name) for name in ("backend", "model")}
        return variant_code(found, self._lost.get(found.name, ()), ran)

    def payload(self, which: str | Variant | Best) -> dict[str, Any]:
        """Return a variant as the `session` of a `session.update`; see `Results.payload`."""
        found = self.named(which)
        payload = found.payload
        if found.name in self._lost:
            raise ConfigError(
                f"the variant {found.name!r} ran with functions, which no file keeps: see code({found.name!r})"
            )
        return payload
