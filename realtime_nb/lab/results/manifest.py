"""`Manifest`: what describes one run in a folder that several runs may share.

Owns its form on disk. Must not know how trials are run, or where the file lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError

from .early_stop import EarlyStop
from .variant_code import kept_variant


@dataclass(frozen=True)
class ListedTrial:
    """A trial in a run's order.

    Attributes:
        id: of the trial.
        names: by user turn, columns that lie over those of the kept row: a trial from the cache may have been run under
            other names (`variant`, `utterance`, `scenario`), with another `repeat` or `place`.
    """

    id: str
    names: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What describes one run.

    Attributes:
        trials: those of the plan in order, without warm-up trials; one that was not run is listed, too.
        variants: of the run; their functions are not kept.
        functions: by variant, the names of its functions.
        trials_a_round: how many trials a round has.
        early: when the run may stop early; None: it may not.
        about: further facts, as plain values: seed, order, pacing, versions, prices, budget.
    """

    trials: tuple[ListedTrial, ...]
    variants: tuple[Variant, ...] = ()
    functions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trials_a_round: int = 0
    early: EarlyStop | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file; no key is among them."""
        return {
            "trials": [{"id": each.id, "names": list(each.names)} for each in self.trials],
            "variants": [
                {
                    "name": each.name,
                    "payload": _public(each.payload),
                    "model": each.model,
                    "backend": _address(each.backend),
                }
                for each in self.variants
            ],
            "trials_a_round": self.trials_a_round,
            "early": None if self.early is None else asdict(self.early),
            "about": dict(self.about),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Manifest:
        """Return the manifest that a file holds; fields of a later version are left out."""
        variants, functions = [], {}
        for each in kept.get("variants") or ():
            variant, lost = _variant(each)
            variants.append(variant)
            if lost:
                functions[variant.name] = lost
        early = kept.get("early")
        known = {each.name for each in fields(EarlyStop)}
        return cls(
            tuple(ListedTrial(each["id"], tuple(each.get("names") or ())) for each in kept.get("trials") or ()),
            tuple(variants),
            functions,
            kept.get("trials_a_round") or 0,
            EarlyStop(**{name: value for name, value in early.items() if name in known}) if early else None,
            kept.get("about") or {},
        )

    def rows(self, kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Return the rows of this run's trials, in its order and under its names.

        Args:
            kept: the rows of trials by id, one a user turn.
        """
        found = []
        for trial in self.trials:
            for turn, row in enumerate(kept.get(trial.id, ())):
                found.append({**row, **(trial.names[turn] if turn < len(trial.names) else {})})
        return found


def _variant(kept: Mapping[str, Any]) -> tuple[Variant, tuple[str, ...]]:
    options = {"model": kept.get("model")}
    try:
        return kept_variant(kept["name"], kept.get("payload") or {}, backend=kept.get("backend"), **options)
    except ConfigError:  # a backend that has no name: local models, for one
        return kept_variant(kept["name"], kept.get("payload") or {}, **options)


def _public(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session without what lets its MCP servers in."""
    tools = [
        {name: value for name, value in tool.items() if name not in ("authorization", "headers")}
        for tool in payload.get("tools") or ()
    ]
    return {**payload, **({"tools": tools} if "tools" in payload else {})}


def _address(backend: Any) -> str | None:
    """Return a backend's name or address; never its key."""
    address = backend if isinstance(backend, str) else getattr(backend, "url", None)
    return None if address is None else str(address)
