"""Kinds of fault, the cases that show them, and what is not mended yet.

Owns the list of kinds, each with the shared mechanism that mends it, and the registry of cases. Must not know what a
case does.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["CASES", "KINDS", "NOT_YET", "Case", "Kind", "case", "load", "mechanism"]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: short, for tables.
        title: what must not happen.
        mended_by: the module of `realtime_nb` and the function that mends all of its cases.
    """

    name: str
    title: str
    mended_by: str


@dataclass(frozen=True)
class Case:
    """One fault of a kind: `run` raises where the fault still costs more than itself."""

    kind: Kind
    run: Callable[[], Awaitable[None]]
    limit_s: float

    @property
    def name(self) -> str:
        return f"{self.kind.name}/{self.run.__name__}"


KINDS: dict[str, Kind] = {}
CASES: list[Case] = []


def _kind(name: str, title: str, mended_by: str) -> Kind:
    KINDS[name] = Kind(name, title, mended_by)
    return KINDS[name]


ODD_VALUES = _kind("odd values", "one odd value costs the whole event", "wire.realtime.lenient:read_leniently")
ERROR_WORDS = _kind("error words", "an error of another shape hides its reason", "wire.realtime.lenient:error_in_words")
GREETINGS = _kind(
    "greetings", "a greeting that is not the usual one is none", "client.reconnect.transport_manager:TransportManager"
)
ACCOUNTS = _kind("accounts", "what the server says of its session is not heeded", "wire.realtime.beta:upgrade")
FORMATS = _kind("formats", "sound of another format is played wrong", "conversation.deltas:on_audio_delta")
VOICES = _kind(
    "voices", "the same voice spelled otherwise is another", "client.session_config:SessionConfig.is_another_voice"
)
RESPONSES = _kind(
    "responses", "a response begins and ends with one event only", "client.events.normalizer:EventNormalizer.received"
)
CALLS = _kind("calls", "a tool call is seen in one shape only", "client.events.normalizer:EventNormalizer.received")
NAMES = _kind("names", "ids are taken for unique, or for ours", "client.events.normalizer:EventNormalizer.sent")
SOUND = _kind("sound", "sound is dropped without a word", "wire.realtime.server_events:ResponseOutputAudioDelta.audio")
LISTENERS = _kind(
    "listeners", "an event that is odd, or a listener, stops the others", "client.events.dispatcher:Dispatcher.dispatch"
)
LOST_ANSWERS = _kind("lost answers", "one lost answer stops the session", "client.turns.response_queue:ResponseQueue")
TIMEOUTS = _kind("timeouts", "ask(timeout=) does not bound everything", "client.turns.ask:Questions")
LOSSES = _kind("losses", "a connection lost while a tool ran costs the answer", "client.reconnect.resume:Resumption")
SURROGATES = _kind("surrogates", "half a character poisons what follows", "wire.realtime.validate:half_character")
UNHEARD = _kind(
    "unheard", "an error reaches no caller, no handler and no log", "client.events.unheard:UnheardErrors.log"
)
BUDGETS = _kind("budgets", "a limit is exceeded by more than one response", "client.turns.limits:Limits")
RESULTS = _kind("results", "what a tool returns is changed, or too much", "tools.output:as_output")
KEYS = _kind("keys", "a key reaches the model, a log or a file", "redact:redact")


_FORMAT = "a rate in the words of one vendor is not read"
_BEFORE = "the time of a widget's first question counts from the open connection"
_LOCAL = "a frame that cannot be read is taken for the error that answers the question"
_LOSS = "a call whose response was cut off is not answered in the next session"
_LOG = "an error that is not awaited is given to handlers only"
_STRICT = "an error that fits the struct and has no message is not looked at again"

NOT_YET: dict[str, str] = {}
"""Cases that fail today, and why: by `Case.name`. One that holds is to be taken off."""


def case(
    kind: Kind, *, limit_s: float = 12.0
) -> Callable[[Callable[[], Awaitable[None]]], Callable[[], Awaitable[None]]]:
    """Register a coroutine function as a case of a kind."""

    def register(run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        CASES.append(Case(kind, run, limit_s))
        return run

    return register


def load() -> list[Case]:
    """All cases, by kind."""
    from tests.faults import cases

    for module in sorted(found.name for found in pkgutil.iter_modules(cases.__path__)):
        importlib.import_module(f"{cases.__name__}.{module}")
    order = list(KINDS)
    return sorted(CASES, key=lambda known: order.index(known.kind.name))


def mechanism(kind: Kind) -> object:
    """The function or class that mends a kind; raises where there is none of that name."""
    module, _, names = kind.mended_by.partition(":")
    found: object = importlib.import_module(f"realtime_nb.{module}")
    for name in names.split("."):
        found = getattr(found, name)
    return found
