"""The user's limits: how long sessions may be open, and what their responses may cost.

Owns the totals over all sessions of one owner (a widget, or a session used alone), when a limit is reached, and the
words for it. Pure. Must not know how a session ends, or a clock.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Literal

from realtime_nb.client.settings import check_limit
from realtime_nb.conversation import Billing, Usage
from realtime_nb.conversation.prices import CURRENCY_SIGN
from realtime_nb.errors import BudgetError, ConfigError

_log = logging.getLogger(__name__)
LimitName = Literal["max_session_minutes", "max_cost_usd"]
_ROUNDING_S = 1e-3
"""Timers and sums of floats may end this much early."""


class Limits:
    """The limits of one owner, and what was used of them; all sessions of the owner add to the same totals.

    A limit that is reached stays reached until it is raised. The minutes count while a session is open, from the first
    one on.

    The server's account of a response's usage is the only source of its cost. Where a response ends without one, the
    comparison with `max_cost_usd` counts the dearest response so far in its place, and a warning is logged once. Where
    a complete response has no cost and none was known before, `max_cost_usd` cannot hold, and so counts as reached.

    A fork of a conversation has limits of its own and shares those of the conversation that it came from: what it uses
    counts in both, and where one is reached, the fork ends.

    Args:
        minutes: `max_session_minutes`; None means no limit.
        cost_usd: `max_cost_usd`; None means no limit.
        owner: the name that the user's code has for the owner, for messages.
        usage: what was used before.

    Attributes:
        reached: the error for the limit that is reached, or None.
        usage: the sum over all sessions.

    Raises:
        ConfigError: a limit that is no number above 0.
    """

    def __init__(
        self,
        minutes: float | None = None,
        cost_usd: float | None = None,
        *,
        owner: str = "session",
        usage: Usage | None = None,
    ) -> None:
        self.reached: BudgetError | None = None
        self.usage = Usage()
        self._minutes = check_limit("max_session_minutes", minutes)
        self._cost_usd = check_limit("max_cost_usd", cost_usd)
        self._owner = owner
        self._unpriced: str | None = None
        self._used_s = 0.0
        self._open_sessions = 0
        self._counted_until_s = 0.0
        self._spent_usd = 0.0
        self._dearest_usd = 0.0
        self._unknown: str | None = None
        self._warned: set[str] = set()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._original: Limits | None = None
        if usage is not None:
            self._count(usage)

    @property
    def minutes(self) -> float | None:
        """`max_session_minutes`."""
        return self._minutes

    @property
    def cost_usd(self) -> float | None:
        """`max_cost_usd`."""
        return self._cost_usd

    @property
    def is_priced(self) -> bool:
        """Whether the price of a response is known; True before `price_by` was called."""
        return self._unpriced is None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change of a limit, and when one is reached; returns a function that removes it."""
        self._listeners = (*self._listeners, listener)

        def remove() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return remove

    def share(self, original: Limits) -> None:
        """Count what is used here against the limits of the original conversation, too."""
        self._original = original
        weak = weakref.WeakMethod(self._on_original)  # the original outlives its forks

        def changed() -> None:
            if (method := weak()) is not None:
                method()

        original.subscribe(changed)
        self._compare()

    def _on_original(self) -> None:
        self.reached = self._error()
        self._notify()

    # The limits

    def check(self) -> None:
        """Raise `BudgetError` where a limit is reached."""
        if self.reached is not None:
            # Another object than the last time: a traceback would keep growing on one that is raised again.
            raise self._error() or self.reached

    def checked(self, name: LimitName, value: float | None) -> float | None:
        """Return a new value for a limit; raises `ConfigError` where it is bad, or no price is known. On any thread."""
        value = check_limit(name, value)
        if name == "max_cost_usd" and value is not None and self._unpriced is not None:
            raise _price_is_unknown(value, self._unpriced)
        return value

    def change(self, name: LimitName, value: float | None) -> None:
        """Set a limit to a checked value: a higher one, or None, lets the conversation go on."""
        if name == "max_cost_usd":
            self._cost_usd = value
        else:
            self._minutes = value
        self.reached = self._error()
        self._notify()

    def price_by(self, billing: Billing, model: str | None) -> None:
        """Note how responses are paid for.

        Args:
            billing: of the backend.
            model: as the server names it; None where it does not, or not yet.

        Raises:
            ConfigError: there is a limit of the cost, and no price.
        """
        self._unpriced = _unpriced(billing, model)
        limits: Limits | None = self
        while limits is not None:
            self.checked("max_cost_usd", limits._cost_usd)
            limits = limits._original

    def check_price(self, billing: Billing, model: str | None) -> None:
        """Raise `ConfigError` where there is a limit of the cost, and no price; arguments as for `price_by`.

        For a session beside the owner's own one, whose model the limits are priced by.
        """
        words = _unpriced(billing, model)
        limits: Limits | None = self
        while limits is not None:
            if words is not None and limits._cost_usd is not None:
                raise _price_is_unknown(limits._cost_usd, words)
            limits = limits._original

    # What is used

    def add(self, usage: Usage) -> None:
        """Add the usage of a response or of a transcription."""
        self._count(usage)
        if self._original is not None:
            self._original._charge(usage)
        self._compare()

    def _charge(self, usage: Usage) -> None:
        """Count the cost of a fork, whose usage is its own."""
        self._spend(usage)
        if self._original is not None:
            self._original._charge(usage)
        self._compare()

    def _count(self, usage: Usage) -> None:
        self.usage = self.usage + usage
        self._spend(usage)

    def _spend(self, usage: Usage) -> None:
        cost = usage.cost_usd
        if usage.unreported:
            self._warn("the server reported no usage for a response; its cost is unknown")
            self._spent_usd += self._dearest_usd
            if cost is None and not self._dearest_usd:
                self._unknown = "the server reports no usage for its responses"
        elif cost is not None:
            self._spent_usd += cost
            if usage.responses == 1:
                self._dearest_usd = max(self._dearest_usd, cost)
        elif usage.responses:
            self._unknown = "a response used a model, or a kind of token, of unknown price"
        else:
            self._warn("the price of the transcription is unknown; max_cost_usd does not count it")

    def _warn(self, words: str) -> None:
        if self._cost_usd is not None and words not in self._warned:
            self._warned.add(words)
            _log.warning("max_cost_usd=%g: %s", self._cost_usd, words)

    def on_session_opened(self, now: float) -> None:
        """Count the time from now on."""
        self.count_time(now)
        self._open_sessions += 1
        if self._original is not None:
            self._original.on_session_opened(now)

    def on_session_closed(self, now: float) -> None:
        """Count the time no longer, unless another session is open."""
        self.count_time(now)
        self._open_sessions -= 1
        if self._original is not None:
            self._original.on_session_closed(now)

    def count_time(self, now: float) -> None:
        """Add the time since the last call, if a session was open."""
        if self._open_sessions:
            self._used_s += max(0.0, now - self._counted_until_s)
        self._counted_until_s = now
        if self._original is not None:
            self._original.count_time(now)
        self._compare()

    def seconds_left(self, now: float) -> float | None:
        """The time until `max_session_minutes` is reached, if a session stays open; None without that limit."""
        left_s = self._original.seconds_left(now) if self._original is not None else None
        if self._minutes is None:
            return left_s
        not_counted_s = now - self._counted_until_s if self._open_sessions else 0.0
        own_s = max(0.0, 60 * self._minutes - self._used_s - not_counted_s)
        return own_s if left_s is None else min(own_s, left_s)

    def _compare(self) -> None:
        before, self.reached = self.reached, self._error()
        if (before is None) is not (self.reached is None):
            self._notify()

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()

    def _error(self, owner: str | None = None) -> BudgetError | None:
        """Return the error for a limit that is reached, here or in the original conversation; None where none is."""
        owner = owner or self._owner
        error = self._own_error(owner)
        if error is None and self._original is not None:
            error = self._original._error(f"{owner}.parent")
        return error

    def _own_error(self, owner: str) -> BudgetError | None:
        if (limit := self._cost_usd) is not None:
            if self._spent_usd >= limit:
                spent = f"{CURRENCY_SIGN}{self._spent_usd:.2g}"
                return _exceeded(owner, "max_cost_usd", limit, self._spent_usd, spent)
            if self._unknown is not None:
                return BudgetError(
                    f"max_cost_usd={limit:g} cannot hold: {self._unknown}. Give all prices with rt.Backend(url=..., "
                    f"prices=rt.Prices(...)), or go on without this limit: `{owner}.max_cost_usd = None`; "
                    "max_session_minutes limits the time.",
                    limit="max_cost_usd",
                    value=limit,
                )
        if (limit := self._minutes) is not None and self._used_s + _ROUNDING_S >= 60 * limit:
            used = self._used_s / 60
            return _exceeded(owner, "max_session_minutes", limit, used, f"{used:.2g} minutes")
        return None


def _exceeded(owner: str, name: LimitName, limit: float, used: float, words: str) -> BudgetError:
    higher = float(f"{2 * limit if used < 2 * limit else 2 * used:.2g}")  # one that is not reached already
    return BudgetError(
        f"{name}={limit:g} is reached: {words} used. No question is sent and no session opens until it is raised: "
        f"`{owner}.{name} = {higher:g}`, or None for no limit.",
        limit=name,
        value=limit,
        used=used,
    )


def _unpriced(billing: Billing, model: str | None) -> str | None:
    """Return which model has no known price, in words; None where it has one."""
    if billing.prices_of(model) is not None:
        return None
    named = model or billing.model
    return f"the model {named!r}" if named else "the model, which the server does not name,"


def _price_is_unknown(limit: float, model: str) -> ConfigError:
    return ConfigError(
        f"max_cost_usd={limit:g} cannot hold: the price of {model} is not known. Give it in US dollars for a million "
        "tokens, with backend=rt.Backend(url=..., prices=rt.Prices(text_in=..., text_out=..., audio_in=..., "
        "audio_out=...)), or set max_cost_usd=None."
    )
